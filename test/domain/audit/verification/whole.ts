import { leafText, type LeafDraft } from '../../../../domain/audit/leaf.ts';
import { digestOf, sha256, type Digest } from '../../../../domain/crypto/digest.ts';
import { decisionDigestOf } from '../../../../domain/request/digests.ts';
import { ENGINE } from '../../../../domain/conditions/profile.ts';
import { policyDigest, type PolicySet } from '../../../../domain/policy/policy.ts';
import type { StoredFacts } from '../../../../domain/policy/built-in-facts.ts';
import { verifyRequest, type Evidence } from '../../../../domain/audit/verification/verify.ts';
import { decisionRowsOf, rowOf } from './rows.ts';
import { DECISION, entry, evidenceOf, NOW, REQUEST, type Story } from './story.ts';
import {
  ALLOWING,
  DIRECTORY,
  FACTS_DIGEST,
  INTENT,
  LINEAGE,
  minute,
  PLAN,
  PLAN_BODY,
  POLICY,
  reasonsOf,
  STORED_FACTS,
} from './policy.ts';

type State = NonNullable<Evidence['state']>;
type Inputs = NonNullable<Evidence['inputs']>;

/** Evidence with everything that the log is compared with, so that nothing is left unshown. */
export interface WholeEvidence extends Evidence {
  state: State;
  inputs: Inputs;
}

/** What the database says of the request when it was executed once. */
export const SUCCEEDED: State = {
  status: 'succeeded',
  denied_by: null,
  round: 1,
  decision_digest: DECISION,
  plan_digest: PLAN,
  executions: [{ attempt: 1, idempotency_key: 'key-1', decision_digest: DECISION, state: 'succeeded' }],
};

/** Nothing was executed yet. */
export function standing(status: State['status'], denied_by: State['denied_by'] = null): State {
  return { ...SUCCEEDED, status, denied_by, executions: [] };
}

/** The directory as evidence has it: without names. */
export const DIRECTORY_PART: Inputs['directory_at_creation'] = JSON.parse(
  JSON.stringify({
    generation: '1',
    ...DIRECTORY,
    people: DIRECTORY.people.map(({ name: _name, ...rest }) => rest),
    agents: DIRECTORY.agents.map(({ name: _name, ...rest }) => rest),
  }),
);

export function wholeEvidence(story: Story, state: State = SUCCEEDED): WholeEvidence {
  const evidence = evidenceOf(story);
  const decisions = story.entries.flatMap(({ draft }) => {
    const { decision } = draft.facts;
    return typeof decision === 'string' ? [{ decision, directories: [DIRECTORY_PART] }] : [];
  });
  const inputs: Inputs = {
    facts: [stored(FACTS_DIGEST, STORED_FACTS)],
    policies: [POLICY, ALLOWING].map((policy) => ({ digest: policyDigest(policy), body: plain(policy) })),
    policy_entries: installationsOf(story),
    directory_changes: [{ generation: '1', entry: installed(POLICY, 0), policy: policyDigest(POLICY) }],
    plans: [{ digest: PLAN, body: plain(PLAN_BODY) }],
    switch_entries: [],
    switch_parts: [],
    directory_at_creation: DIRECTORY_PART,
    decisions,
    people: Object.fromEntries(DIRECTORY.people.map(({ id }) => [`per_${id}`, id])),
  };
  const rows = { row: rowOf(story, state.status), decisions: decisionRowsOf(story), kept: [] };
  return structuredClone({ ...evidence, state: { ...state, ...rows }, inputs });
}

/** Facts under their digest, by the directory of the story. */
export function stored(digest: string, body: StoredFacts): Inputs['facts'][number] {
  return { digest, body: plain(body), engine: plain(ENGINE), directory: DIRECTORY_PART };
}

/** The same value as it comes out of a database. */
export function plain(value: unknown): Inputs['plans'][number]['body'] {
  return JSON.parse(JSON.stringify(value)) as Inputs['plans'][number]['body'];
}

/** Other facts than were recorded, with the entries changed to name them. */
export function withFacts(change: Partial<StoredFacts>): {
  readonly body: StoredFacts;
  readonly digest: Digest;
} {
  const body = { ...STORED_FACTS, ...change };
  return { body, digest: digestOf(body) };
}

/** The digest of what an allow requires: nobody. */
export const ALLOWED_DIGEST = decisionDigestOf({
  request: REQUEST,
  intent_digest: INTENT,
  plan: {
    fingerprint: PLAN_BODY.fingerprint,
    effects: [],
    salt: PLAN_BODY.salt,
    target_digest: PLAN_BODY.target_digest,
    plan_digest: PLAN,
  },
  lineage: LINEAGE,
  requirement: { risk: 'high', distinct_people: 0, rules: [] },
});

/** The entry by which policy lets the request through without asking anybody, and the state that follows from it. */
export function allow(story: Story, policy: PolicySet = ALLOWING): State {
  const decided: Partial<LeafDraft> = {
    decision_digest: ALLOWED_DIGEST,
    policy_digest: policyDigest(policy) as Digest,
    at: minute(1),
  };
  const round = {
    round: 1,
    plan_digest: PLAN,
    facts_digest: FACTS_DIGEST,
    ...reasonsOf(policy),
  };
  const attempt = { attempt: 1, idempotency_key: 'key-1', round: 1 };
  const outcome = { attempt: 1, fingerprint: PLAN_BODY.fingerprint };
  story.entries = [
    ...story.entries.slice(0, 2),
    entry('request.allowed', round, decided),
    entry('execution.claimed', attempt, { ...decided, at: minute(2) }),
    entry('execution.succeeded', outcome, { ...decided, at: minute(2) }),
  ];
  story.envelopes = story.envelopes.slice(0, 1);
  const [execution] = SUCCEEDED.executions;
  if (!execution) throw new Error('nothing was executed');
  const claim = { ...execution, decision_digest: ALLOWED_DIGEST };
  return { ...SUCCEEDED, decision_digest: ALLOWED_DIGEST, executions: [claim] };
}

/** The policy was there first; the other one replaced it where it let the request through. */
function installationsOf({ entries }: Story): string[] {
  const digest = policyDigest(ALLOWING);
  const isReplaced = entries.some(({ draft }) => draft.policy_digest === digest);
  return [installed(POLICY, 0), ...(isReplaced ? [installed(ALLOWING, 1, minute(1))] : [])];
}

/** The entry by which a policy became active. */
export function installed(policy: PolicySet, n: number, at = minute(-10)): string {
  const digest = policyDigest(policy);
  const draft = entry('policy.installed', { digest, generation: n + 1 }, { at }).draft;
  return leafText(
    { ...draft, intent_digest: null, decision_digest: null, policy_digest: digest },
    {
      id: `policy/policy/install/${n}`,
      request: 'policy',
      run: 'policy',
      namespace: '',
      n,
      prev: n === 0 ? null : sha256('before'),
      nonce: 'ab',
      salts: {},
    },
  );
}

/** Names of the checks that do not hold, with how. */
export async function notHeld(evidence: Evidence, story: Story): Promise<Record<string, string>> {
  const report = await verifyRequest(evidence, story.keys.published, NOW);
  return Object.fromEntries(
    report.checks.filter(({ ok }) => !ok).map(({ name, outcome, detail }) => [name, `${outcome}: ${detail}`]),
  );
}
