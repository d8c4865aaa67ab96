import { QueryFailedError, type DataSource, type EntityManager } from 'typeorm';

import type { LeafActor } from '../domain/audit.ts';
import type { JsonValue } from '../domain/canonical-json.ts';
import type { Directory } from '../domain/directory.ts';
import { policyDigest, type PolicySet } from '../domain/policy.ts';
import { KeyturnError } from '../domain/errors.ts';
import { SYSTEM_ACTOR } from './actors.ts';
import { appendLeaf } from './stream.ts';

/** A policy that an operator wants to be active. */
export interface PolicyCandidate {
  readonly policy: PolicySet;
  readonly digest: string;
  /** Who installs it, for operators. Kept with the set, not in the audit log. */
  readonly installedBy: string;
  readonly at: string;
}

/**
 * Why a policy becomes active without anybody having agreed. `bootstrap` only does where none is; `recovery` is what two
 * people do together by hand when nobody can publish any more, and the audit log says that it was.
 */
export type InstallGround = 'bootstrap' | 'recovery';

/** The active policy after an installation. */
export interface InstalledPolicy {
  readonly digest: string;
  readonly generation: number;
  /** False when the same set was active already: then nothing was written. */
  readonly is_new: boolean;
}

/** The set that is active now. */
export interface ActiveSet {
  readonly digest: string;
  readonly generation: number;
}

/** By what a set becomes active: somebody's word on the spot, or a request that people agreed to. */
export interface ActivationGround {
  readonly installedBy: string;
  readonly actor: LeafActor;
  /** Facts of the entry. */
  readonly facts: Readonly<Record<string, JsonValue>>;
}

/** Installations are entries of a stream of their own: no request, no workflow. */
const STREAM = { request: 'policy', run: 'policy', namespace: '' } as const;

/**
 * Makes a set the active one: the set, the activation and its audit entry in one transaction. Claims of executions hold
 * the active row shared, so from this commit on nothing runs by the earlier rules.
 */
export async function installPolicy(
  source: DataSource,
  candidate: PolicyCandidate,
  ground: InstallGround = 'recovery',
): Promise<InstalledPolicy> {
  if (policyDigest(candidate.policy) !== candidate.digest) {
    throw new KeyturnError('policy_invalid', 'The policy is not the one that its digest names.');
  }
  return source.transaction(async (manager) => {
    const active = await lockActiveSet(manager);
    if (active?.digest === candidate.digest) return { ...active, is_new: false };
    if (active && ground === 'bootstrap')
      throw new KeyturnError('policy_active', 'Another policy is active: it changes by being published.');
    return activatePolicy(manager, active, {
      ...candidate,
      actor: { ...SYSTEM_ACTOR, pseudonym: 'sys_operator', via: 'cli' },
      facts: active ? { recovery: true } : {},
    });
  });
}

/** The active set, which stays the active one until the transaction ends or changes it. */
export async function lockActiveSet(manager: EntityManager): Promise<ActiveSet | null> {
  // Two first installations at once find no row to lock: this makes one of them wait.
  await manager.query(`select pg_advisory_xact_lock(hashtext('keyturn.policy_active'))`);
  const rows: { digest: string; generation: string }[] = await manager.query(
    'select digest, generation from keyturn.policy_active for update',
  );
  const [row] = rows;
  return row ? { digest: row.digest, generation: Number(row.generation) } : null;
}

/** Activates a set in place of the active one, which the caller has locked, with its entry. */
export async function activatePolicy(
  manager: EntityManager,
  active: ActiveSet | null,
  candidate: Omit<PolicyCandidate, 'installedBy'> & ActivationGround,
): Promise<InstalledPolicy> {
  const installed = { digest: candidate.digest, generation: (active?.generation ?? 0) + 1 };
  await storeActive(manager, candidate, installed.generation);
  const directory = await synchroniseDirectory(manager, candidate.policy.directory);
  const facts = { ...installed, replaces: active?.digest ?? null, directory, ...candidate.facts };
  await recordInstalled(manager, candidate, facts);
  return { ...installed, is_new: true };
}

async function storeActive(
  manager: EntityManager,
  candidate: PolicyCandidate,
  generation: number,
): Promise<void> {
  await manager.query(
    `insert into keyturn.policy_set (digest, body, installed_at, installed_by) values ($1, $2, $3, $4)
     on conflict (digest) do nothing`,
    [candidate.digest, JSON.stringify(candidate.policy), candidate.at, candidate.installedBy],
  );
  await manager.query(
    `insert into keyturn.policy_active (singleton, generation, digest) values (true, $1, $2)
     on conflict (singleton) do update set generation = excluded.generation, digest = excluded.digest`,
    [generation, candidate.digest],
  );
}

/** Intervals that were opened and closed, by kind. */
type DirectoryChanges = Readonly<Record<'people' | 'agents' | 'accounts' | 'groups' | 'memberships', number>>;

/** How the database refuses what the file must not change. */
const REFUSED_STATE = 'KT001';

/** Makes the file's part of the directory that of the set. What other authorities brought is never touched. */
async function synchroniseDirectory(manager: EntityManager, directory: Directory): Promise<DirectoryChanges> {
  try {
    const rows: { changes: DirectoryChanges }[] = await manager.query(
      'select keyturn.synchronise_file_directory($1) as changes',
      [JSON.stringify(directory)],
    );
    const [row] = rows;
    if (!row) throw new KeyturnError('internal', 'The directory did not say what changed.');
    return row.changes;
  } catch (error) {
    if (error instanceof QueryFailedError && (error.driverError as { code?: unknown }).code === REFUSED_STATE)
      throw new KeyturnError(
        'policy_invalid',
        `The directory cannot be taken: ${error.driverError.message}.`,
      );
    throw error;
  }
}

/** Counts only, of the directory: names of people stay out of entries. */
async function recordInstalled(
  manager: EntityManager,
  { digest, at, actor }: PolicyCandidate & ActivationGround,
  facts: InstalledFacts,
): Promise<void> {
  const destination = { ...STREAM, step: `install/${facts.generation}`, ordinal: 1 };
  await appendLeaf(manager, destination, {
    type: 'policy.installed',
    at,
    actor,
    intent_digest: null,
    decision_digest: null,
    policy_digest: digest,
    facts,
    evidence: null,
    parts: {},
  });
}

type InstalledFacts = Readonly<Record<string, JsonValue>> & { readonly generation: number };
