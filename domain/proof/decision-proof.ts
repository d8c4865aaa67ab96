import type { SignedDecision } from '../crypto/envelope.ts';
import { decisionBinding } from './binding.ts';
import { checkAssertion, type PasskeyJwk } from './passkey.ts';

/** A passkey as it is registered. */
export interface RegisteredPasskey {
  readonly credential: string;
  readonly public_key: PasskeyJwk;
  readonly rp_id: string;
  readonly origin: string;
  /** Whose it is: an id, or a pseudonym where the person of the decision is named by one. */
  readonly person: string;
  readonly how: string;
  /** RFC 3339. */
  readonly made_at: string;
  readonly is_revoked: boolean;
}

/** What a proof is held against. */
export interface ProofFacts {
  /** Who decides, by the directory. */
  readonly person: string;
  /** When the request was made, RFC 3339. */
  readonly requestedAt: string;
  /** The passkey that the proof names; null where there is none. */
  readonly passkey: RegisteredPasskey | null;
}

/**
 * Why a decision is not of the grade that it claims; null where it is. Grade A takes a passkey of this very person, over
 * these very words. Who signed in again is not asked for yet, so nothing is of grade B.
 */
export function proofFault(signed: SignedDecision, facts: ProofFacts): string | null {
  const { proof, grade } = signed;
  if (!proof) return grade === 'A' || grade === 'B' ? 'has no proof of its grade' : null;
  if (proof.kind !== 'passkey' || grade !== 'A') return 'has a proof of another grade';
  const { passkey } = facts;
  if (passkey?.credential !== proof.credential) return 'is signed with a passkey that is not registered';
  return passkeyFault(passkey, facts) ?? signatureFault(signed, proof, passkey);
}

function passkeyFault(passkey: RegisteredPasskey, { person, requestedAt }: ProofFacts): string | null {
  if (passkey.person !== person) return 'is signed with the passkey of somebody else';
  if (passkey.is_revoked) return 'is signed with a passkey that is revoked';
  const isLater = Date.parse(requestedAt) > Date.parse(passkey.made_at);
  return passkey.how !== 'recovery' || isLater
    ? null
    : 'is signed with a passkey of a recovery that came after the request';
}

function signatureFault(
  signed: SignedDecision,
  { kind: _kind, random, ...assertion }: PasskeyProof,
  { credential, public_key: publicKey, origin, rp_id: rpId }: RegisteredPasskey,
): string | null {
  const challenge = decisionBinding({ ...signed, view_digest: signed.view?.digest ?? null, random });
  const check = checkAssertion(assertion, { credential, publicKey, challenge, origin, rpId });
  return check.ok ? null : `has a signature of a passkey over something else (${check.why})`;
}

type PasskeyProof = Extract<SignedDecision['proof'], { readonly kind: 'passkey' }>;

/**
 * The random text of the proof in an envelope whose signature was checked before; null for none. Each counts once among the
 * decisions of a request: what a person signed once is no second decision.
 */
export function randomIn(envelope: string): string | null {
  return proofIn(envelope)?.random ?? null;
}

/** The credential of the passkey that signed, in the same way. */
export function credentialIn(envelope: string): string | null {
  const proof = proofIn(envelope);
  return proof?.kind === 'passkey' ? proof.credential : null;
}

function proofIn(envelope: string): SignedDecision['proof'] {
  try {
    const payload = Buffer.from(envelope.split('.')[1] ?? '', 'base64url').toString();
    return (JSON.parse(payload) as Partial<Pick<SignedDecision, 'proof'>>).proof;
  } catch {
    return undefined;
  }
}
