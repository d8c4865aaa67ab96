import { QueryFailedError, type DataSource, type EntityManager } from 'typeorm';

import { lastLeaf, nextEntry } from '../database/audit-entries.ts';
import { DIRECTORY_DIFFERS, driverCode } from '../database/refusals.ts';
import type { LeafActor, LeafDraft } from '../domain/audit/leaf.ts';
import { canonicalJson, type JsonValue } from '../domain/crypto/canonical-json.ts';
import { policyDigest, type PolicySet } from '../domain/policy/policy.ts';
import { KeyturnError } from '../domain/errors.ts';
import type { PolicySources } from '../policy-files/folder.ts';
import { SYSTEM_ACTOR } from './actors.ts';

/** A policy that an operator wants to be active. */
export interface PolicyCandidate {
  readonly policy: PolicySet;
  /** What it was compiled from: the next change is compared with it. */
  readonly sources: PolicySources;
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
      throw new KeyturnError(
        'policy_active',
        'Another policy is active. Publish this one with keyturn policy publish.',
      );
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

/**
 * Activates a set in place of the active one, which the caller has locked. One function of the database changes set,
 * activation and directory, and takes the change only with its entry: no role of a program may write them otherwise.
 */
export async function activatePolicy(
  manager: EntityManager,
  active: ActiveSet | null,
  candidate: Omit<PolicyCandidate, 'installedBy'> & ActivationGround,
): Promise<InstalledPolicy> {
  const installed = { digest: candidate.digest, generation: (active?.generation ?? 0) + 1 };
  const { policy, at, installedBy, sources } = candidate;
  const directory = await askDirectory<DirectoryChanges>(manager, {
    text: 'select keyturn.preview_file_directory($1) as answer',
    values: [JSON.stringify(policy.directory)],
  });
  const facts = { ...installed, replaces: active?.digest ?? null, directory, ...candidate.facts };
  const id = `policy/policy/install/${installed.generation}/1`;
  const last = await lastLeaf(manager, STREAM);
  const entry = nextEntry(draftOf(candidate, facts), { ...STREAM, id: () => id, last });
  await askDirectory(manager, {
    text: 'select keyturn.activate_policy($1, $2, $3) as answer',
    values: [
      JSON.stringify({ at, by: installedBy, sources: canonicalJson(sources) }),
      canonicalJson(policy),
      entry.text,
    ],
  });
  return { ...installed, is_new: true };
}

/** Intervals that were opened and closed, by kind. */
type DirectoryChanges = Readonly<Record<'people' | 'agents' | 'accounts' | 'groups' | 'memberships', number>>;

/** Asks what changes the file's part of the directory. What other authorities brought is never touched. */
async function askDirectory<Answer>(
  manager: EntityManager,
  { text, values }: { readonly text: string; readonly values: readonly string[] },
): Promise<Answer> {
  try {
    const rows: { answer: Answer }[] = await manager.query(text, [...values]);
    const [row] = rows;
    if (!row) throw new KeyturnError('internal', 'The directory did not say what changed.');
    return row.answer;
  } catch (error) {
    if (error instanceof QueryFailedError && driverCode(error) === DIRECTORY_DIFFERS)
      throw new KeyturnError(
        'policy_invalid',
        `The directory cannot be stored: ${error.driverError.message}.`,
      );
    throw error;
  }
}

/** Counts only, of the directory: names of people stay out of entries. */
function draftOf(
  { digest, at, actor }: Pick<PolicyCandidate & ActivationGround, 'digest' | 'at' | 'actor'>,
  facts: LeafDraft['facts'],
): LeafDraft {
  return {
    type: 'policy.installed',
    at,
    actor,
    intent_digest: null,
    decision_digest: null,
    policy_digest: digest,
    facts,
    evidence: null,
    parts: {},
  };
}
