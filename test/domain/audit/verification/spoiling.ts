import type { LeafDraft } from '../../../../domain/audit/leaf.ts';
import type { JsonValue } from '../../../../domain/crypto/canonical-json.ts';
import { sha256 } from '../../../../domain/crypto/digest.ts';
import { signEnvelope, type SignedDecision } from '../../../../domain/crypto/envelope.ts';
import { policyDigest } from '../../../../domain/policy/policy.ts';
import {
  decide,
  entry,
  find,
  pendingStory,
  refact,
  rewrite,
  signedDecision,
  signedRequest,
  type Entry,
  type Keys,
  type Story,
} from './story.ts';
import { FACTS_DIGEST, minute, POLICY, REQUIREMENT, STORED_FACTS } from './policy.ts';
import { ALLOWED_DIGEST, standing, SUCCEEDED, withFacts, type WholeEvidence } from './whole.ts';

/** What spoils a story, in the words of the tests that do. */

type State = WholeEvidence['state'];

/** Checks of a request that was executed which show nothing without a part of the evidence. */
export const SHOWN_BY_STATE: readonly string[] = [
  'state_matches',
  'shown_as_recorded',
  'decision_rows_match',
  'kept_messages_recorded',
  'claims_closed',
];
export const SHOWN_BY_INPUTS: readonly string[] = [
  'shown_as_recorded',
  'decision_rows_match',
  'plans_unaltered',
  'inputs_unaltered',
  'policies_installed',
  'directories_recorded',
  'evaluations_repeat',
  'switches_obeyed',
  'deciders_entitled',
  'deadlines_follow',
];

export const OTHER_ARGUMENTS = withFacts({ args: { statement: 'select 1' } });
export const SMALLER = withFacts({ plan: STORED_FACTS.plan && { ...STORED_FACTS.plan, rows_changed: 1 } });
export const OTHERS = withFacts({ request: { ...STORED_FACTS.request, chain: ['ann'] } });
export const LATER = withFacts({ at: minute(300) });

export function named(story: Story, type: 'request.allowed', digest: string): void {
  refact(find(story, type), { facts_digest: digest });
}

export function account(subject: string): { issuer: string; subject: string } {
  return { issuer: 'https://id.example', subject };
}

export function refsOf(story: Story): readonly string[] {
  return find(story, 'decision.counted').draft.evidence?.refs ?? [];
}

export async function withDecision(
  story: Story,
  change: Parameters<typeof signedDecision>[1],
  { at = minute(5), person }: { readonly at?: string; readonly person?: string } = {},
): Promise<Story> {
  await decide(story, signedDecision('ann', change), person);
  rewrite(find(story, 'decision.counted'), { at });
  return story;
}

export function deactivate(inputs: WholeEvidence['inputs'], id: string): void {
  for (const { directories } of inputs.decisions)
    for (const directory of directories)
      directory.people = directory.people.map((one) => ({ ...one, active: one.active && one.id !== id }));
}

/** A denial in time and on the asked digest, on record as refused. */
export async function refused(
  story: Story,
  code: string,
  change: Partial<SignedDecision> = {},
): Promise<Story> {
  const signed = signedDecision('ann', { verdict: 'deny', ...change });
  const envelope = await signEnvelope(signed, story.keys.signer);
  story.envelopes.push(envelope);
  story.entries.push(
    entry(
      'decision.refused',
      { decision: signed.id, code, round: 1 },
      { evidence: { grade: 'C', refs: [sha256(envelope)] } },
    ),
  );
  return story;
}

/** A story that a person or policy denied, whose row says that it was the other. */
export function deniedBy(
  by: 'person',
  row: 'policy',
): { readonly start: (keys: Keys) => Promise<Story>; state: State } {
  const start = async (keys: Keys): Promise<Story> => {
    const story = await pendingStory(keys);
    await decide(story, signedDecision('ann', { verdict: 'deny' }));
    story.entries.push(entry('request.denied', { by, round: 1 }));
    return story;
  };
  return { start, state: standing('denied', row) };
}

export function otherDigest(): State {
  return { ...SUCCEEDED, decision_digest: sha256('another') };
}

export function otherPlan(): State {
  return { ...SUCCEEDED, plan_digest: sha256('another') };
}

export function claimsAs(state: State['executions'][number]['state']): State['executions'] {
  return SUCCEEDED.executions.map((execution) => ({ ...execution, state }));
}

export function withClaims(state: State['executions'][number]['state']): State {
  return { ...SUCCEEDED, executions: claimsAs(state) };
}

export function claimedPending(): State {
  return { ...standing('pending'), executions: SUCCEEDED.executions };
}

/** The end of a request that its workflow lost, while its claim was open. */
export function orphaned(): Partial<LeafDraft> {
  return { type: 'request.orphaned', facts: { status: 'failed', round: 1 } };
}

export function allowedState(): State {
  const executions = SUCCEEDED.executions.map((one) => ({ ...one, decision_digest: ALLOWED_DIGEST }));
  return { ...SUCCEEDED, decision_digest: ALLOWED_DIGEST, executions };
}

/** An answer on the spot, of a request that is signed as one. */
export function allowedOnTheSpot(story: Story): Entry {
  const received = find(story, 'request.received').draft;
  const { action, schema_version, target, mode } = signedRequest();
  return entry(
    'gate.allowed',
    { action, schema_version, target, mode, facts_digest: FACTS_DIGEST },
    {
      at: minute(0),
      decision_digest: null,
      policy_digest: policyDigest(POLICY),
      evidence: received.evidence,
    },
  );
}

export function forbidden(): Entry {
  const facts = { by: 'policy', code: 'forbidden', round: 0, facts_digest: FACTS_DIGEST };
  return entry('request.denied', facts, { at: minute(2), decision_digest: null });
}

/** The requirement with a quorum of one. */
export function loosened(): JsonValue {
  const rules = REQUIREMENT.rules.map((rule) => ({
    ...rule,
    stages: rule.stages.map((stage) => ({ ...stage, quorum: 1 })),
  }));
  return JSON.parse(JSON.stringify({ ...REQUIREMENT, rules })) as JsonValue;
}
