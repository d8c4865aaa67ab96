import { takeClaims } from '../../../database/directory-writes.ts';
import { driverCode, ISSUED_AHEAD } from '../../../database/refusals.ts';
import { claimsAuthority } from '../../../domain/identity/directory.ts';
import { personPseudonym } from '../../../domain/identity/ids.ts';
import { oncePer } from '../../../domain/once-per.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import { identityKey, type Identity } from '../../../domain/identity/identity.ts';
import type { PolicySet } from '../../../domain/policy/policy.ts';
import type { ApiContext } from '../context.ts';
import { directoryEntry, writeDirectory } from '../directory-stream.ts';
import type { Caller } from './caller.ts';
import type { GroupsClaim } from './groups-claim.ts';
import type { SeenClaims } from './seen-claims.ts';

/** A clock of the issuer that is ahead by more is wrong: its order of tokens would be, too. */
const AHEAD_MAX_SECONDS = 30;

/** How often the entry is rewritten because the members of the groups changed meanwhile. */
const ATTEMPTS_MAX = 5;

/**
 * Stores in the directory what a person's token says about her groups, where policy takes groups from tokens. Only tokens
 * that could decide are used, none of machines. True when the directory may have changed since the caller was looked up.
 */
export async function seeClaims(
  context: Pick<ApiContext, 'source' | 'keys' | 'log'>,
  seen: SeenClaims,
  caller: Caller,
): Promise<boolean> {
  const { principal } = caller;
  const { groups } = principal;
  if (groups === null || caller.person === null || caller.isHeldByAgent) return false;
  const { identity, expiresAt } = principal;
  const wanted = claimsByAuthority(caller.policy.policy).get(claimsAuthority(identity.issuer));
  if (!wanted) return false;
  const account = identityKey(identity);
  // Logged once a token.
  const notTaken = (why: string): false => {
    if (seen.note(`${account} ${expiresAt.getTime()} ${why}`))
      context.log.warn({ issuer: identity.issuer, why }, 'the groups of a token were not taken');
    return false;
  };
  if (groups.kind === 'unusable') return notTaken(groups.why);
  if (groups.issuedAtSeconds > Date.now() / 1_000 + AHEAD_MAX_SECONDS) return notTaken('issued_ahead');
  const saying = `${caller.policy.digest} ${caller.person.id} ${groups.digest}`;
  if (seen.has(account, groups.issuedAtSeconds, saying)) return false;
  const listing = [...groups.values].filter((value) => wanted.has(value)).sort();
  try {
    await store(context, { identity, person: caller.person.id, groups, listing });
  } catch (error) {
    // This clock may be ahead as well: the database's counts.
    if (driverCode(error) === ISSUED_AHEAD) return notTaken('issued_ahead');
    throw error;
  }
  seen.add(account, groups.issuedAtSeconds, saying);
  return true;
}

/** The claims that policy maps to groups, by issuer. Nothing else of a token is stored. */
const claimsByAuthority = oncePer(({ directory }: PolicySet): ReadonlyMap<string, ReadonlySet<string>> => {
  const found = new Map<string, Set<string>>();
  for (const { authority, claim } of directory.groups) {
    if (authority === undefined || claim === undefined) continue;
    found.set(authority, (found.get(authority) ?? new Set()).add(claim));
  }
  return found;
});

interface Claimed {
  readonly identity: Identity;
  readonly person: string;
  readonly groups: Extract<GroupsClaim, { readonly kind: 'listed' }>;
  readonly listing: readonly string[];
}

/** The database says which entry a change needs, and takes the change with exactly that one. */
async function store(
  context: Pick<ApiContext, 'source' | 'keys'>,
  { identity: { issuer, subject }, person, groups, listing }: Claimed,
): Promise<void> {
  const pseudonym = personPseudonym(context.keys.identity, person);
  const claims = { issued_at: groups.issuedAtSeconds, claim_digest: groups.digest, listed: listing };
  const seen = { issuer, subject, person, pseudonym, ...claims };
  await writeDirectory(context.source, async (manager) => {
    // Mostly one call; two where something changes, and more where others change it meanwhile.
    let entry: string | null = null;
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
      const changes = await takeClaims(manager, seen, entry);
      if (changes === null) return;
      const facts = { ...changes, authority: claimsAuthority(issuer), person: pseudonym };
      entry = await directoryEntry(manager, 'claims', facts);
    }
    throw new KeyturnError('unavailable', 'The directory is being changed: try again.');
  });
}
