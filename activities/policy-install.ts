import { QueryFailedError, type DataSource, type EntityManager } from 'typeorm';

import type { Directory } from '../domain/directory.ts';
import { policyDigest, type PolicySet } from '../domain/policy.ts';
import { KeyturnError } from '../domain/errors.ts';
import { SYSTEM_ACTOR } from './actors.ts';
import { appendLeaf } from './record.ts';

/** A policy that an operator wants to be active. */
export interface PolicyCandidate {
  readonly policy: PolicySet;
  readonly digest: string;
  /** Who installs it, for operators. Kept with the set, not in the audit log. */
  readonly installedBy: string;
  readonly at: string;
}

/** The active policy after an installation. */
export interface InstalledPolicy {
  readonly digest: string;
  readonly generation: number;
  /** False when the same set was active already: then nothing was written. */
  readonly is_new: boolean;
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
): Promise<InstalledPolicy> {
  if (policyDigest(candidate.policy) !== candidate.digest) {
    throw new KeyturnError('policy_invalid', 'The policy is not the one that its digest names.');
  }
  return source.transaction(async (manager) => {
    // Two first installations at once find no row to lock: this makes one of them wait.
    await manager.query(`select pg_advisory_xact_lock(hashtext('keyturn.policy_active'))`);
    const active = await lockActive(manager);
    if (active?.digest === candidate.digest) return { ...active, is_new: false };
    const installed = { digest: candidate.digest, generation: (active?.generation ?? 0) + 1 };
    await activate(manager, candidate, installed.generation);
    const directory = await synchroniseDirectory(manager, candidate.policy.directory);
    await recordInstalled(manager, candidate, { ...installed, replaces: active?.digest ?? null, directory });
    return { ...installed, is_new: true };
  });
}

async function lockActive(manager: EntityManager): Promise<{ digest: string; generation: number } | null> {
  const rows: { digest: string; generation: string }[] = await manager.query(
    'select digest, generation from keyturn.policy_active for update',
  );
  const [row] = rows;
  return row ? { digest: row.digest, generation: Number(row.generation) } : null;
}

async function activate(
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

async function recordInstalled(
  manager: EntityManager,
  candidate: PolicyCandidate,
  facts: {
    readonly digest: string;
    readonly generation: number;
    readonly replaces: string | null;
    /** Counts only: names of people stay out of entries. */
    readonly directory: DirectoryChanges;
  },
): Promise<void> {
  const destination = { ...STREAM, step: `install/${facts.generation}`, ordinal: 1 };
  await appendLeaf(manager, destination, {
    type: 'policy.installed',
    at: candidate.at,
    actor: { ...SYSTEM_ACTOR, pseudonym: 'sys_operator', via: 'cli' },
    intent_digest: null,
    decision_digest: null,
    policy_digest: candidate.digest,
    facts: { ...facts },
    evidence: null,
    parts: {},
  });
}
