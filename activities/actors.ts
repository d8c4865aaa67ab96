import type { LeafActor } from '../domain/audit/leaf.ts';
import { personPseudonym, pseudonymOf } from '../domain/identity/ids.ts';
import { agentOf, personOf, type Directory } from '../domain/identity/directory.ts';
import type { Identity } from '../domain/identity/identity.ts';
import type { Subject } from '../database/audit-entries.ts';

/** The system itself, as an actor of entries that nobody else caused. */
export const SYSTEM_ACTOR: LeafActor = { pseudonym: 'sys_worker', kind: 'system', via: 'worker' };

/** An account as an actor, under its pseudonym. The name behind it is kept apart, where it can be erased. */
export function accountActor(key: Uint8Array, identity: Identity, kind: LeafActor['kind']): LeafActor {
  return { pseudonym: pseudonymOf(key, identity), kind, via: 'api' };
}

/** The names behind the pseudonyms of accounts. */
export function accountSubjects(key: Uint8Array, accounts: readonly Identity[]): readonly Subject[] {
  return accounts.map(({ issuer, subject }) => ({
    pseudonym: pseudonymOf(key, { issuer, subject }),
    body: { issuer, subject },
  }));
}

/** The people behind pseudonyms. */
export function personSubjects(key: Uint8Array, people: readonly string[]): readonly Subject[] {
  return people.map((person) => ({ pseudonym: personPseudonym(key, person), body: { person } }));
}

/** Whether the directory knows the requester as a person; everything else that asks is an agent. */
export function requesterKind(directory: Directory, requester: Identity): 'person' | 'agent' {
  return personOf(directory, requester) && !agentOf(directory, requester) ? 'person' : 'agent';
}
