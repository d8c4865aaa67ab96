import { KeyObject, sign } from 'node:crypto';

import { compactVerify, errors, type CompactVerifyGetKey, type CryptoKey } from 'jose';
import { z } from 'zod';

import { canonicalJson } from './canonical-json.ts';
import { KeyturnError } from '../errors.ts';
import { oncePer } from '../once-per.ts';

/** An instant: RFC 3339, UTC, milliseconds. */
const instant = z.iso.datetime({ precision: 3 });
const identity = z.object({ issuer: z.string().min(1).max(2048), subject: z.string().min(1).max(512) });
const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);
/** Longer sealed fields are refused. */
const SEALED_LENGTH_MAX = 512 * 1024;

const sealed = z.string().max(SEALED_LENGTH_MAX);

/** What the API signs when it accepts a request. Arguments and claims are sealed; the rest is in clear. */
export const signedRequestSchema = z.strictObject({
  kind: z.literal('request'),
  id: z.string().regex(/^req_[a-z2-7]{26}$/),
  action: z.string().min(1).max(200),
  schema_version: z.int().positive(),
  target: z.string().min(1).max(200),
  mode: z.enum(['execute', 'lease', 'gate']),
  arguments: sealed,
  claims: sealed.nullable(),
  lineage: z
    .array(
      identity.extend({
        role: z.enum(['requester', 'owner', 'on_behalf_of', 'trigger', 'editor', 'key_maker']),
        /** Only the caller says so. */
        is_declared: z.literal(true).exactOptional(),
      }),
    )
    .min(1)
    // A caller names fewer; the review of an emergency also has everybody who approved it.
    .max(64),
  intent_digest: digest,
  policy_digest: digest,
  /** The requester asks for the short path of emergencies. */
  break_glass: z.boolean().optional(),
  /** When the approved action may start: not before, and not from this instant on. */
  start: z.strictObject({ not_before: instant.nullable(), not_after: instant.nullable() }).optional(),
  issued_at: instant,
});

/** Bytes as an authenticator gives them, and random text. */
const base64url = z.string().regex(/^[A-Za-z0-9_-]{1,8192}$/);

/**
 * What proves that the person made this very decision, beyond a session: an ID token that they signed in again for, or the
 * signature of a passkey. Both are about the hash of what is decided and of `random`, which makes each proof another one.
 */
const proofSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('id_token'),
    random: base64url,
    issuer: z.string().min(1).max(2048),
    client: z.string().min(1).max(512),
    /** Of the ID token, which stands apart, where it can be erased. */
    digest,
  }),
  z.strictObject({
    kind: z.literal('passkey'),
    random: base64url,
    credential: base64url,
    authenticator_data: base64url,
    client_data: base64url,
    signature: base64url,
  }),
]);

/** How decisions come in. */
export const DECISION_CHANNELS = ['api', 'cli', 'console', 'temporal'] as const;

const decisionId = z.string().regex(/^dec_[a-z2-7]{26}$/);

/** What the API signs when a person decides. A ticket is the same, used later from the Temporal UI or CLI. */
export const signedDecisionSchema = z
  .strictObject({
    kind: z.literal('decision'),
    id: decisionId,
    request: z.string().max(64),
    decision_digest: digest,
    verdict: z.enum(['approve', 'deny', 'defer', 'take_back']),
    /** Of the verdict take_back alone: the approval that it takes back. */
    takes_back: decisionId.exactOptional(),
    reviewer: identity,
    channel: z.enum(DECISION_CHANNELS),
    grade: z.enum(['A', 'B', 'C', 'D']),
    reason: sealed.nullable(),
    defer: z.object({ until: instant.nullable(), to: z.string().max(200).nullable() }).nullable(),
    /** The card that was shown, and which parts of it the client says were opened. Absent: it does not say that it showed one. */
    view: z
      .strictObject({ digest, opened: z.array(z.string().regex(/^[a-z_]{1,40}$/)).max(20) })
      .exactOptional(),
    /** Of the grades A and B. */
    proof: proofSchema.exactOptional(),
    issued_at: instant,
    /** Only of tickets: the ticket must be used before this instant. */
    ticket_expires_at: instant.nullable(),
  })
  .refine(({ verdict, takes_back }) => (verdict === 'take_back') === (takes_back !== undefined), {
    path: ['takes_back'],
  });

/** What the API signs when somebody of the lineage withdraws the request. */
export const signedWithdrawalSchema = z.strictObject({
  kind: z.literal('withdrawal'),
  id: z.string().regex(/^wdr_[a-z2-7]{26}$/),
  request: z.string().max(64),
  by: identity,
  reason: sealed.nullable(),
  issued_at: instant,
});

export type SignedRequest = z.infer<typeof signedRequestSchema>;
export type SignedDecision = z.infer<typeof signedDecisionSchema>;
export type SignedWithdrawal = z.infer<typeof signedWithdrawalSchema>;

/** Anything the API signs. */
export type SignedPayload = SignedRequest | SignedDecision | SignedWithdrawal;

const SCHEMAS = {
  request: signedRequestSchema,
  decision: signedDecisionSchema,
  withdrawal: signedWithdrawalSchema,
} as const;

type PayloadByKind = { readonly [Kind in keyof typeof SCHEMAS]: z.infer<(typeof SCHEMAS)[Kind]> };

/** A private Ed25519 key with its id. */
export interface SigningKey {
  readonly kid: string;
  readonly key: CryptoKey;
}

/** Larger envelopes are refused before any parsing. */
export const ENVELOPE_BYTES_MAX = 1024 * 1024;

/**
 * A compact JWS (RFC 7515) over the canonical payload, EdDSA. The `typ` header names the kind, so that an envelope of
 * one kind can never be taken for another (RFC 8725 section 3.11). Nothing is signed that `openEnvelope` would refuse:
 * the canonical form may be longer than what was sent (`1e15` is), so limits on that say nothing.
 */
export async function signEnvelope(payload: SignedPayload, signer: SigningKey): Promise<string> {
  refuseUnopenable(payload);
  const header = JSON.stringify({ alg: 'EdDSA', typ: typOf(payload.kind), kid: signer.kid });
  const input = [header, canonicalJson(payload)].map((part) => encoded(Buffer.from(part))).join('.');
  // Not by a library, which would give it to a thread: that costs more than signing.
  const signature = sign(null, Buffer.from(input), keyObjectOf(signer.key));
  const envelope = `${input}.${encoded(signature)}`;
  if (envelope.length > ENVELOPE_BYTES_MAX) throw tooLarge();
  return envelope;
}

const keyObjectOf = oncePer((key: CryptoKey) => KeyObject.from(key));

function refuseUnopenable(payload: SignedPayload): void {
  const { error } = SCHEMAS[payload.kind].safeParse(payload);
  if (error === undefined) return;
  if (error.issues.some(({ code }) => code === 'too_big')) throw tooLarge();
  const fields = error.issues.map(({ path }) => path.map(String).join('.')).join(', ');
  throw new KeyturnError('invalid_request', `This cannot be signed: ${fields} is invalid.`);
}

function tooLarge(): KeyturnError {
  return new KeyturnError(
    'body_too_large',
    'This is too large in canonical form, in which numbers are written with all their digits.',
  );
}

/** The payload of an envelope of this kind. Refuses (`envelope_invalid`) everything that the API did not sign as such. */
export async function openEnvelope<Kind extends keyof PayloadByKind>(
  kind: Kind,
  envelope: unknown,
  keys: CompactVerifyGetKey,
): Promise<PayloadByKind[Kind]> {
  if (typeof envelope !== 'string' || envelope.length > ENVELOPE_BYTES_MAX) throw invalid();
  if (!isCanonicalCompact(envelope)) throw invalid();
  const { payload, protectedHeader } = await compactVerify(envelope, keys, { algorithms: ['EdDSA'] }).catch(
    (error: unknown) => {
      throw error instanceof errors.JOSEError || error instanceof TypeError ? invalid() : error;
    },
  );
  if (protectedHeader.typ !== typOf(kind)) throw invalid();
  const parsed = SCHEMAS[kind].safeParse(parseJson(payload));
  if (!parsed.success) throw invalid();
  return parsed.data as PayloadByKind[Kind];
}

/**
 * One envelope, one spelling: libraries overlook padding, blanks and bits that carry nothing, and a text that differs is
 * not found where the same envelope is looked for.
 */
function isCanonicalCompact(envelope: string): boolean {
  const parts = envelope.split('.');
  return parts.length === 3 && parts.every(isCanonicalBase64url);
}

function isCanonicalBase64url(text: string): boolean {
  return text !== '' && encoded(Buffer.from(text, 'base64url')) === text;
}

function encoded(bytes: Buffer): string {
  return bytes.toString('base64url');
}

function typOf(kind: keyof PayloadByKind): string {
  return `keyturn-${kind}+jws`;
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw invalid();
  }
}

function invalid(): KeyturnError {
  return new KeyturnError('envelope_invalid', 'This is not an envelope that Keyturn signed.');
}
