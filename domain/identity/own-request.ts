import { everyAccount, peopleBehind, personById, type Directory, type Person } from './directory.ts';
import { identityKey, type Identity, type Lineage } from './identity.ts';

/** Somebody, by the account that is used, by the person of today, or by both. */
export interface Somebody {
  readonly account?: Identity;
  /** Null for an account that the directory gives to nobody. */
  readonly person: Pick<Person, 'id' | 'accounts' | 'former_accounts'> | null;
}

/**
 * True when somebody stands behind a request: the one author of what is "own". `directories` are those of now and of the
 * request's creation. People behind it by either of them are, by person and by each account that is or was theirs:
 * giving an account to somebody else makes nobody a stranger.
 */
export function standsBehind(
  lineage: Lineage,
  somebody: Somebody,
  directories: readonly Directory[],
): boolean {
  return behind(lineage, directories)(somebody);
}

/** The same for many people at once. */
export function behind(lineage: Lineage, directories: readonly Directory[]): (somebody: Somebody) => boolean {
  const distinct = [...new Set(directories)];
  const ids = new Set(distinct.flatMap((directory) => peopleBehind(directory, lineage)));
  const accounts = distinct
    .flatMap((directory) => [...ids].map((id) => personById(directory, id)))
    .flatMap((person) => (person ? everyAccount(person) : []));
  const own = new Set([...lineage, ...accounts].map(identityKey));
  return ({ account, person }) => {
    const used = [...(account === undefined ? [] : [account]), ...(person ? everyAccount(person) : [])];
    return (person !== null && ids.has(person.id)) || used.some((one) => own.has(identityKey(one)));
  };
}
