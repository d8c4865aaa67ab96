import { signEnvelope } from '../../../../domain/crypto/envelope.ts';
import { sha256 } from '../../../../domain/crypto/digest.ts';
import { minute } from './policy.ts';
import {
  decide,
  DECISION,
  entry,
  pendingStory,
  executedStory,
  REQUEST,
  signedDecision,
  type Keys,
  type Story,
} from './story.ts';
import { allow, standing, stored, SUCCEEDED, wholeEvidence, withFacts, type WholeEvidence } from './whole.ts';

/** Requests that ended in each way, whose evidence holds in every check. */
export const LIFECYCLES: Readonly<Record<string, (keys: Keys) => Promise<WholeEvidence>>> = {
  executed: async (keys) => wholeEvidence(await executedStory(keys)),
  pending: async (keys) => wholeEvidence(await pendingStory(keys), standing('pending')),
  'denied by a person': async (keys) => {
    const story = await pendingStory(keys);
    await decide(story, signedDecision('ann', { verdict: 'deny' }));
    story.entries.push(entry('request.denied', { by: 'person', round: 1 }));
    return wholeEvidence(story, standing('denied', 'person'));
  },
  'allowed by policy': async (keys) => {
    const story = await pendingStory(keys);
    const state = allow(story);
    return wholeEvidence(story, state);
  },
  'approved again by who took it back': async (keys) => wholeEvidence(await approvedAgain(keys)),
  'approved, taken back and asked again': async (keys) => {
    const evidence = wholeEvidence(await reopenedStory(keys), { ...standing('pending'), round: 2 });
    evidence.inputs.facts.push(stored(AGAIN.digest, AGAIN.body));
    return evidence;
  },
  expired: async (keys) => {
    const story = await pendingStory(keys);
    story.entries.push(entry('request.expired', { round: 1 }, { at: minute(61) }));
    return wholeEvidence(story, standing('expired'));
  },
  withdrawn: async (keys) => {
    const story = await pendingStory(keys);
    await withdraw(story);
    return wholeEvidence(story, standing('cancelled'));
  },
  'executed at the second attempt': async (keys) => wholeEvidence(await fenced(keys), twice()),
  'of unknown outcome': async (keys) => {
    const story = await executedStory(keys);
    story.entries.pop();
    story.entries.push(entry('execution.indeterminate', { attempt: 1 }, { at: minute(8) }));
    const executions = SUCCEEDED.executions.map((one) => ({ ...one, state: 'indeterminate' as const }));
    return wholeEvidence(story, { ...SUCCEEDED, status: 'indeterminate', executions });
  },
};

/** Ann takes her approval back before Ben approves, and approves anew. */
export async function approvedAgain(keys: Keys): Promise<Story> {
  const story = await executedStory(keys);
  const rest = story.entries.splice(4);
  await takeBack(story, minute(5.5));
  await decide(story, signedDecision('ann', { id: `dec_${'b'.repeat(26)}`, issued_at: minute(5.6) }));
  story.entries.push(...rest);
  return story;
}

/** The facts of the second round. */
const AGAIN = withFacts({ at: minute(8) });

/** Ann takes her approval back when both have approved, and it is held. */
export async function reopenedStory(keys: Keys): Promise<Story> {
  const story = await executedStory(keys);
  const [planned, asked] = story.entries.slice(1, 3);
  story.entries = story.entries.filter(({ draft }) => !draft.type.startsWith('execution.'));
  await takeBack(story, minute(7));
  const at = { at: minute(7) };
  const again = { round: 2, pending_since: minute(7), facts_digest: AGAIN.digest };
  story.entries.push(
    entry('request.approval_taken_back', { why: 'approval_taken_back', round: 1 }, at),
    entry('request.planned', { ...planned?.draft.facts, round: 2 }, { ...at, decision_digest: null }),
    entry('request.pending', { ...asked?.draft.facts, ...again }, at),
  );
  return story;
}

/** Ann takes her approval back, or another one that is named. */
export async function takeBack(
  story: Story,
  issued_at: string,
  { by = 'ann', takes_back = signedDecision('ann').id } = {},
): Promise<void> {
  const id = `dec_${'t'.repeat(26)}`;
  await decide(story, signedDecision(by, { id, verdict: 'take_back', takes_back, issued_at }));
}

async function withdraw(story: Story): Promise<void> {
  const envelope = await signEnvelope(
    {
      kind: 'withdrawal',
      id: `wdr_${'a'.repeat(26)}`,
      request: REQUEST,
      by: { issuer: 'https://id.example', subject: 'agent' },
      reason: null,
      issued_at: minute(4),
    },
    story.keys.signer,
  );
  story.entries.push(
    entry(
      'request.withdrawn',
      { round: 1, withdrawal: `wdr_${'a'.repeat(26)}` },
      { at: minute(4), evidence: { grade: 'C', refs: [sha256(envelope)] } },
    ),
  );
  story.envelopes.push(envelope);
}

async function fenced(keys: Keys): Promise<Story> {
  const story = await executedStory(keys);
  const claim = (attempt: number): { attempt: number; idempotency_key: string; round: number } => ({
    attempt,
    idempotency_key: `key-${attempt}`,
    round: 1,
  });
  story.entries.splice(-2);
  story.entries.push(
    entry('execution.claimed', claim(1), { at: minute(7) }),
    entry('execution.not_done', { attempt: 1 }, { at: minute(7) }),
    entry('execution.claimed', claim(2), { at: minute(8) }),
    entry('execution.succeeded', { attempt: 2, fingerprint: sha256('fingerprint') }, { at: minute(8) }),
  );
  return story;
}

function twice(): WholeEvidence['state'] {
  const claim = { decision_digest: DECISION };
  return {
    ...SUCCEEDED,
    executions: [
      { ...claim, attempt: 1, idempotency_key: 'key-1', state: 'not_done' },
      { ...claim, attempt: 2, idempotency_key: 'key-2', state: 'succeeded' },
    ],
  };
}
