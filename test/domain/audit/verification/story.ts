import { createHash } from 'node:crypto';

import { exportJWK, generateKeyPair, type JSONWebKeySet } from 'jose';

import {
  countingType,
  leafHash,
  leafText,
  type Leaf,
  type LeafDraft,
  type LeafType,
} from '../../../../domain/audit/leaf.ts';
import { canonicalJson, type JsonValue } from '../../../../domain/crypto/canonical-json.ts';
import { sha256, type Digest } from '../../../../domain/crypto/digest.ts';
import { decisionDigestOf } from '../../../../domain/request/digests.ts';
import {
  signEnvelope,
  type SignedDecision,
  type SignedRequest,
  type SigningKey,
} from '../../../../domain/crypto/envelope.ts';
import {
  verifyRequest,
  type Evidence,
  type VerificationReport,
} from '../../../../domain/audit/verification/verify.ts';
import {
  FACTS_DIGEST,
  INTENT,
  ISSUER,
  LINEAGE,
  minute,
  PLAN,
  PLAN_BODY,
  POLICY,
  POLICY_DIGEST,
  reasonsOf,
  REQUIREMENT,
} from './policy.ts';

/** A request whose evidence is made by hand, entry by entry, so that each test can spoil exactly one thing. */

export const REQUEST = `req_${'a'.repeat(26)}`;
export const NOW = minute(600);

/** What ties the digest to one stored plan at one target. */
const BINDING = { salt: PLAN_BODY.salt, target_digest: PLAN_BODY.target_digest };

/** What people are asked to sign: computed as the product does, over a plan that changes nothing. */
export const DECISION = decisionDigestOf({
  request: REQUEST,
  intent_digest: INTENT,
  plan: { fingerprint: PLAN_BODY.fingerprint, effects: [], plan_digest: PLAN, ...BINDING },
  lineage: LINEAGE,
  requirement: REQUIREMENT,
});

export interface Keys {
  readonly signer: SigningKey;
  readonly published: JSONWebKeySet;
}

export async function makeKeys(kid = 'k1'): Promise<Keys> {
  const { privateKey, publicKey } = await generateKeyPair('EdDSA', { extractable: true });
  return {
    signer: { kid, key: privateKey },
    published: { keys: [{ ...(await exportJWK(publicKey)), kid, alg: 'EdDSA' }] },
  };
}

/** An entry of the story; `run` is the workflow run that writes it. */
export interface Entry {
  draft: LeafDraft;
  run: string;
}

export interface Story {
  entries: Entry[];
  envelopes: string[];
  readonly keys: Keys;
}

export function signedRequest(change: Partial<SignedRequest> = {}): SignedRequest {
  return {
    kind: 'request',
    id: REQUEST,
    action: 'postgres.execute',
    schema_version: 1,
    target: 'shop',
    mode: 'execute',
    arguments: 'sealed',
    claims: null,
    lineage: LINEAGE,
    intent_digest: INTENT,
    policy_digest: POLICY_DIGEST,
    issued_at: minute(0),
    ...change,
  };
}

export function signedDecision(person: string, change: Partial<SignedDecision> = {}): SignedDecision {
  return {
    kind: 'decision',
    id: `dec_${person.padEnd(26, 'a').slice(0, 26)}`,
    request: REQUEST,
    decision_digest: DECISION,
    verdict: 'approve',
    reviewer: { issuer: ISSUER, subject: person },
    channel: 'cli',
    grade: 'C',
    reason: null,
    defer: null,
    issued_at: minute(5),
    ticket_expires_at: null,
    ...change,
  };
}

/** An entry of a type with facts; everything else as the product writes it. */
export function entry(
  type: LeafType,
  facts: Record<string, JsonValue>,
  change: Partial<LeafDraft> = {},
): Entry {
  const isUndecided = ['request.received', 'request.planned'].includes(type);
  return {
    run: 'run-1',
    draft: {
      type,
      at: minute(6),
      actor: { pseudonym: 'sys_worker', kind: 'system', via: 'worker' },
      intent_digest: INTENT,
      decision_digest: isUndecided ? null : DECISION,
      policy_digest: POLICY_DIGEST,
      facts,
      evidence: null,
      parts: {},
      ...change,
    },
  };
}

/** The entry that records a signed decision under a pseudonym. */
export function counted(
  signed: SignedDecision,
  envelope: string,
  person = `per_${signed.reviewer.subject}`,
): Entry {
  const isTakeBack = signed.verdict === 'take_back';
  return entry(
    countingType(signed.verdict),
    {
      decision: signed.id,
      person,
      verdict: signed.verdict,
      ...(signed.takes_back === undefined ? {} : { takes_back: signed.takes_back }),
      at: signed.issued_at,
      seats: isTakeBack ? [] : [{ rule: 0, stage: 0 }],
      round: 1,
      channel: signed.channel,
      ...(signed.view === undefined ? {} : { view: { ...signed.view } }),
    },
    {
      at: signed.issued_at > minute(6) ? signed.issued_at : minute(6),
      decision_digest: signed.decision_digest,
      evidence: { grade: signed.grade, refs: [sha256(envelope)] },
    },
  );
}

export function pendingEntry(change: Record<string, JsonValue> = {}): Entry {
  return entry(
    'request.pending',
    {
      round: 1,
      plan_digest: PLAN,
      requirement: JSON.parse(JSON.stringify(REQUIREMENT)),
      pending_since: minute(1),
      expires_at: minute(61),
      lineage_persons: ['per_owner'],
      facts_digest: FACTS_DIGEST,
      ...reasonsOf(POLICY),
      ...change,
    },
    { at: minute(1) },
  );
}

/** Received, planned, asked of two people. */
export async function pendingStory(keys: Keys, change: Partial<SignedRequest> = {}): Promise<Story> {
  const envelope = await signEnvelope(signedRequest(change), keys.signer);
  const received = entry(
    'request.received',
    {
      action: 'postgres.execute',
      schema_version: 1,
      target: 'shop',
      mode: 'execute',
      lineage: LINEAGE.map(({ role }) => ({ role, account: 'acc_agent' })),
    },
    { at: minute(0), evidence: { grade: 'C', refs: [sha256(envelope)] } },
  );
  const planned = entry(
    'request.planned',
    {
      plan_digest: PLAN,
      fingerprint: PLAN_BODY.fingerprint,
      effects: [],
      ...BINDING,
      risk_facts: { ...PLAN_BODY.risk_facts },
      round: 1,
    },
    { at: minute(1), parts: { summary: 'updates 2 rows' } },
  );
  return { keys, envelopes: [envelope], entries: [received, planned, pendingEntry()] };
}

/** Adds a signed decision to the story. */
export async function decide(story: Story, signed: SignedDecision, person?: string): Promise<void> {
  const envelope = await signEnvelope(signed, story.keys.signer);
  story.envelopes.push(envelope);
  story.entries.push(counted(signed, envelope, person));
}

/** The card that one of two had before them. */
const VIEW = { digest: sha256('card'), opened: ['plan', 'effects'] };

/** … approved by both, executed once. */
export async function executedStory(keys: Keys): Promise<Story> {
  const story = await pendingStory(keys);
  await decide(story, signedDecision('ann', { view: VIEW }));
  await decide(story, signedDecision('ben', { issued_at: minute(6) }));
  const attempt = { attempt: 1, idempotency_key: 'key-1', round: 1 };
  story.entries.push(
    entry('request.approved', { round: 1 }),
    entry('execution.claimed', attempt, { at: minute(7) }),
    entry('execution.succeeded', { attempt: 1, fingerprint: PLAN_BODY.fingerprint }, { at: minute(7) }),
  );
  return story;
}

/** The first entry of a type in the story. */
export function find(story: Story, type: LeafType): Entry {
  const found = story.entries.find((candidate) => candidate.draft.type === type);
  if (!found) throw new Error(`the story has no ${type}`);
  return found;
}

/** Changes what an entry says; the chain is then made anew, as somebody with the whole database could. */
export function rewrite(found: Entry, change: Partial<LeafDraft>): void {
  found.draft = { ...found.draft, ...change };
}

/** Adds to the facts of an entry, or replaces some. */
export function refact(found: Entry, facts: Record<string, JsonValue>): void {
  rewrite(found, { facts: { ...found.draft.facts, ...facts } });
}

/** The evidence of the story, with a whole chain in each run. */
export function evidenceOf(story: Story): Evidence {
  const last = new Map<string, { n: number; hash: Digest }>();
  const payloads: Evidence['payloads'] = [];
  const leaves = story.entries.map(({ draft, run }, index) => {
    const before = last.get(run);
    const n = before ? before.n + 1 : 0;
    const id = `${REQUEST}/${run}/${index}`;
    const salts = Object.fromEntries(Object.keys(draft.parts).map((part) => [part, saltOf(`${id}${part}`)]));
    for (const [part, body] of Object.entries(draft.parts)) {
      payloads.push({ event_id: id, part, salt: salts[part] ?? '', body: canonicalJson(body) });
    }
    const position = {
      id,
      request: REQUEST,
      run,
      namespace: 'default',
      n,
      prev: before?.hash ?? null,
      nonce: saltOf(id),
      salts,
    };
    const text = leafText(draft, position);
    last.set(run, { n, hash: leafHash(text) });
    return text;
  });
  return { request: REQUEST, leaves, payloads, envelopes: [...story.envelopes] };
}

function saltOf(seed: string): string {
  return createHash('sha256').update(seed).digest('hex').slice(0, 32);
}

/** Changes a stored entry in place, without making the chain anew. */
export function editLeaf(evidence: Evidence, index: number, edit: (leaf: Leaf) => unknown): void {
  const leaf: Leaf = JSON.parse(evidence.leaves[index] ?? '');
  evidence.leaves[index] = canonicalJson(edit(leaf));
}

/** Names of the checks that failed. */
export function failures(report: VerificationReport): string[] {
  return report.checks.filter((check) => check.outcome === 'failed').map((check) => check.name);
}

/** Names of the checks that fail for a story. */
export async function failuresOf(story: Story): Promise<string[]> {
  return failures(await verifyRequest(evidenceOf(story), story.keys.published, NOW));
}
