import type { DataSource, EntityManager } from 'typeorm';

import { lastLeaf, nextEntry } from '../database/audit-entries.ts';
import {
  lockActiveSet,
  previewFileDirectory,
  storeActivation,
  type ActiveSet,
} from '../database/policy-activation.ts';
import type { LeafActor, LeafDraft } from '../domain/audit/leaf.ts';
import { canonicalJson, type JsonValue } from '../domain/crypto/canonical-json.ts';
import { policyDigest, type PolicySet } from '../domain/policy/policy.ts';
import { KeyturnError } from '../domain/errors.ts';
import type { PolicySources } from '../policy-files/folder.ts';
import { SYSTEM_ACTOR } from './actors.ts';

/** A policy that an operator wants to be active. */
export interface PolicyToInstall {
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
export type InstallReason = 'bootstrap' | 'recovery';

/** The active policy after an installation. */
export interface InstalledPolicy {
  readonly digest: string;
  readonly generation: number;
  /** False when the same set was active already: then nothing was written. */
  readonly is_new: boolean;
}

/** A set that becomes active by somebody's word on the spot, or by a request that people agreed to. */
interface Activation extends PolicyToInstall {
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
  candidate: PolicyToInstall,
  reason: InstallReason = 'recovery',
): Promise<InstalledPolicy> {
  if (policyDigest(candidate.policy) !== candidate.digest) {
    throw new KeyturnError('policy_invalid', 'The policy is not the one that its digest names.');
  }
  return source.transaction(async (manager) => {
    const active = await lockActiveSet(manager);
    if (active?.digest === candidate.digest) return { ...active, is_new: false };
    if (active && reason === 'bootstrap')
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

/** Activates a set in place of the active one, which the caller has locked. */
export async function activatePolicy(
  manager: EntityManager,
  active: ActiveSet | null,
  { policy, digest, at, installedBy, sources, actor, facts }: Activation,
): Promise<InstalledPolicy> {
  const installed = { digest, generation: (active?.generation ?? 0) + 1 };
  // Counts only, of the directory: names of people stay out of entries.
  const directory = await previewFileDirectory(manager, policy);
  const draft: LeafDraft = {
    type: 'policy.installed',
    at,
    actor,
    intent_digest: null,
    decision_digest: null,
    policy_digest: digest,
    facts: { ...installed, replaces: active?.digest ?? null, directory, ...facts },
    evidence: null,
    parts: {},
  };
  const id = `policy/policy/install/${installed.generation}/1`;
  const last = await lastLeaf(manager, STREAM);
  await storeActivation(manager, {
    policy,
    installed: { at, by: installedBy, sources: canonicalJson(sources) },
    entry: nextEntry(draft, { ...STREAM, id: () => id, last }).text,
  });
  return { ...installed, is_new: true };
}
