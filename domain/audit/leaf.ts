import { createHmac } from 'node:crypto';

import { canonicalJson, type JsonValue } from '../crypto/canonical-json.ts';
import type { Verdict } from '../approval/quorum.ts';
import { sha256, type Digest } from '../crypto/digest.ts';
import { KeyturnError } from '../errors.ts';
import type { EvidenceGrade } from '../request/requirement.ts';

/** Every kind of entry in the audit log. */
export const LEAF_TYPES = [
  'request.received',
  'request.planned',
  'request.plan_failed',
  'request.pending',
  'request.allowed',
  'request.escalated',
  'request.approved',
  'request.denied',
  'request.expired',
  'request.withdrawn',
  'request.withdrawal_refused',
  'request.cancelled',
  'request.drifted',
  'request.approval_stale',
  'request.approval_taken_back',
  'request.orphaned',
  'request.held',
  'decision.counted',
  'decision.deferred',
  'decision.taken_back',
  'decision.refused',
  'decision.attempt_refused',
  'decision.unauthenticated',
  'question.asked',
  'question.answered',
  'execution.claimed',
  'execution.succeeded',
  'execution.failed',
  'execution.not_done',
  'execution.indeterminate',
  'execution.released',
  'gate.allowed',
  'policy.proposed',
  'policy.installed',
  'switch.thrown',
  'switch.lift_confirmed',
  'switch.lifted',
  'directory.changed',
  'account.linked',
  'account.unlinked',
  'session.started',
  'session.ended',
  'key.created',
  'key.revoked',
  'passkey.registered',
  'passkey.revoked',
  'passkey.link_made',
  'passkey.recovery_agreed',
] as const;

/** A kind of entry. */
export type LeafType = (typeof LEAF_TYPES)[number];

/** The kind of entry that counts a decision. */
export function countingType(verdict: Verdict): LeafType {
  if (verdict === 'defer') return 'decision.deferred';
  return verdict === 'take_back' ? 'decision.taken_back' : 'decision.counted';
}

/** Who did it, without a name: pseudonyms are resolved by a table that can be erased. */
export interface LeafActor {
  readonly pseudonym: string;
  readonly kind: 'person' | 'agent' | 'system';
  readonly via: string;
}

/** What the writer of an entry knows. */
export interface LeafDraft {
  readonly type: LeafType;
  /** The instant of the workflow step, RFC 3339 UTC. */
  readonly at: string;
  readonly actor: LeafActor;
  readonly intent_digest: string | null;
  readonly decision_digest: string | null;
  readonly policy_digest: string | null;
  /** Facts in clear. Never names, reasons, arguments or values of a target: those go into `parts`. */
  readonly facts: Readonly<Record<string, JsonValue>>;
  readonly evidence: { readonly grade: EvidenceGrade; readonly refs: readonly string[] } | null;
  /** Erasable parts: the leaf holds only a salted commitment to each. */
  readonly parts: Readonly<Record<string, JsonValue>>;
}

/** What the writing transaction adds. */
export interface LeafPosition {
  readonly id: string;
  readonly request: string;
  readonly run: string;
  readonly namespace: string;
  readonly n: number;
  readonly prev: Digest | null;
  readonly nonce: string;
  /** One salt (hex) a part. */
  readonly salts: Readonly<Record<string, string>>;
}

/** A stored entry, parsed. */
export interface Leaf extends Omit<LeafDraft, 'policy_digest' | 'parts'> {
  readonly v: 1;
  readonly id: string;
  readonly stream: { readonly request: string; readonly run: string };
  readonly n: number;
  readonly prev: Digest | null;
  /** The newest checkpoint of the log that the writer had seen; null while no log is attached. */
  readonly after: null;
  readonly policy: { readonly digest: string } | null;
  readonly temporal: { readonly namespace: string; readonly workflow: string; readonly run: string };
  readonly commit: Readonly<Record<string, string>>;
  readonly nonce: string;
}

/** The newest entry of a stream: the next one follows it. */
export interface LastLeaf {
  readonly n: number;
  readonly hash: Digest | null;
  readonly at: string | null;
}

/** What a stream without entries ends with. */
export const NO_LEAF: LastLeaf = { n: -1, hash: null, at: null };

/** A stored entry as the one that the next follows; null where there is none yet. */
export function lastLeafOf(text: string | null): LastLeaf {
  if (text === null) return NO_LEAF;
  const { n, at } = JSON.parse(text) as Pick<Leaf, 'at'> & { readonly n: number | string };
  // Entries written around Keyturn may have the number as text: the next one still counts on from it.
  return { n: Number(n), hash: leafHash(text), at };
}

/** Where the next entry of a stream goes. */
export interface NextPosition extends Omit<LeafPosition, 'id' | 'n' | 'prev'> {
  readonly last: LastLeaf;
  /** The id of the entry with this number. */
  readonly id: (n: number) => string;
}

/** The one author of what follows the last entry of a stream: its text, and what the entry after it follows. */
export function nextLeaf(
  draft: LeafDraft,
  { last, id, ...position }: NextPosition,
): { readonly id: string; readonly text: string; readonly leaf: LastLeaf } {
  const n = last.n + 1;
  const text = leafText(draft, { ...position, id: id(n), n, prev: last.hash });
  return { id: id(n), text, leaf: { n, hash: leafHash(text), at: draft.at } };
}

/** A leaf must fit an entry bundle of the C2SP tlog-tiles format (16-bit lengths). */
export const LEAF_BYTES_MAX = 65_535;

/** The exact bytes (as text) of an entry: RFC 8785 form, built once, stored as they are, hashed as they are. */
export function leafText(draft: LeafDraft, position: LeafPosition): string {
  const leaf: Leaf = {
    v: 1,
    id: position.id,
    stream: { request: position.request, run: position.run },
    n: position.n,
    prev: position.prev,
    type: draft.type,
    at: draft.at,
    after: null,
    actor: draft.actor,
    intent_digest: draft.intent_digest,
    decision_digest: draft.decision_digest,
    policy: draft.policy_digest === null ? null : { digest: draft.policy_digest },
    facts: draft.facts,
    evidence: draft.evidence,
    temporal: { namespace: position.namespace, workflow: position.request, run: position.run },
    commit: commitmentsOf(draft.parts, position.salts),
    nonce: position.nonce,
  };
  const text = canonicalJson(leaf);
  if (Buffer.byteLength(text, 'utf8') > LEAF_BYTES_MAX) {
    throw new KeyturnError('internal', 'An audit entry is larger than the log can hold.', {
      type: draft.type,
    });
  }
  return text;
}

function commitmentsOf(
  parts: Readonly<Record<string, JsonValue>>,
  salts: Readonly<Record<string, string>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(parts).map(([name, body]) => [name, commitment(saltOf(name, salts), canonicalJson(body))]),
  );
}

/** Without a salt, readers of the log could guess short parts. */
function saltOf(name: string, salts: Readonly<Record<string, string>>): string {
  const salt = Object.hasOwn(salts, name) ? salts[name] : undefined;
  if (!salt) throw new KeyturnError('internal', 'A part of an audit entry has no salt.', { part: name });
  return salt;
}

/** HMAC-SHA-256(salt, body) in hex: binds a leaf to a part that can be erased. `body` is the stored canonical text. */
export function commitment(saltHex: string, body: string): string {
  return createHmac('sha256', Buffer.from(saltHex, 'hex')).update(body, 'utf8').digest('hex');
}

/** The hash that the next leaf of the stream carries as `prev`. */
export function leafHash(text: string): Digest {
  return sha256(text);
}
