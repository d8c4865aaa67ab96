import type { readSubjects } from '../../../database/request-list.ts';
import type { Leaf } from '../../../domain/audit/leaf.ts';
import { agentOf, personOf, type Directory } from '../../../domain/identity/directory.ts';
import type { Actor } from '../../../contract/history.ts';

/** What pseudonyms stand for. */
export type Subjects = Awaited<ReturnType<typeof readSubjects>>;

/** The name behind the pseudonym of an entry's actor; null for an erased one, which stays a pseudonym. */
export function namedActor(
  { actor }: Pick<Leaf, 'actor'>,
  directory: Directory,
  subjects: Subjects,
): Pick<Actor, 'name' | 'id'> | null {
  if (actor.kind === 'system') return { name: 'Keyturn' };
  const { issuer, subject } = subjects.get(actor.pseudonym) ?? {};
  if (issuer === undefined || subject === undefined) return null;
  const account = { issuer, subject };
  const known = personOf(directory, account) ?? agentOf(directory, account);
  return known ? { name: known.name, id: known.id } : { name: subject };
}
