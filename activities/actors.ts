import type { EntityManager } from 'typeorm';

import { personPseudonym, pseudonymOf, type LeafActor } from '../domain/audit.ts';
import { agentOf, ownKeysOf, personOf, type Directory } from '../domain/directory.ts';
import type { Identity, Lineage } from '../domain/identity.ts';

/** The system itself, as an actor of entries that nobody else caused. */
export const SYSTEM_ACTOR: LeafActor = { pseudonym: 'sys_worker', kind: 'system', via: 'worker' };

/** An account as an actor, under its pseudonym. The name behind it is kept apart, where it can be erased. */
export function accountActor(key: Uint8Array, identity: Identity, kind: LeafActor['kind']): LeafActor {
  return { pseudonym: pseudonymOf(key, identity), kind, via: 'api' };
}

/** Keeps the names behind pseudonyms, once each. */
export async function rememberAccounts(
  manager: EntityManager,
  key: Uint8Array,
  accounts: readonly Identity[],
): Promise<void> {
  for (const { issuer, subject } of accounts) {
    await rememberSubject(manager, pseudonymOf(key, { issuer, subject }), { issuer, subject });
  }
}

/** Keeps the person behind a pseudonym. */
export async function rememberPerson(manager: EntityManager, key: Uint8Array, person: string): Promise<void> {
  await rememberSubject(manager, personPseudonym(key, person), { person });
}

async function rememberSubject(
  manager: EntityManager,
  pseudonym: string,
  body: Readonly<Record<string, string>>,
): Promise<void> {
  await manager.query('insert into audit.subject (pseudonym, body) values ($1, $2) on conflict do nothing', [
    pseudonym,
    JSON.stringify(body),
  ]);
}

/** Pseudonyms of all people behind a lineage, sorted: nobody among them may appear as an approver. */
export function lineagePersons(key: Uint8Array, directory: Directory, lineage: Lineage): string[] {
  return [...ownKeysOf(directory, lineage)]
    .filter((own) => own.startsWith('person:'))
    .map((own) => personPseudonym(key, own.slice('person:'.length)))
    .sort();
}

/** Whether the directory knows the requester as a person; everything else that asks is an agent. */
export function requesterKind(directory: Directory, requester: Identity): 'person' | 'agent' {
  return personOf(directory, requester) && !agentOf(directory, requester) ? 'person' : 'agent';
}
