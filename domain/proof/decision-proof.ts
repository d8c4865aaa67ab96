import { sha256 } from '../crypto/digest.ts';
import type { SignedDecision } from '../crypto/envelope.ts';
import { decisionBinding } from './binding.ts';
import { checkIdToken, type ProviderJwk } from './id-token.ts';
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

/** An identity provider, and how people sign in there. */
export interface TrustedProvider {
  /** As it calls itself in ID tokens. */
  readonly issuer: string;
  readonly client: string;
  /** The claim that names the account. */
  readonly subject_claim: string;
  readonly tolerance_seconds: number;
  readonly keys: readonly ProviderJwk[];
}

/** How people sign in at a provider: all of that but its keys, which change. */
export type SignInTerms = Omit<TrustedProvider, 'keys'>;

/** What a proof is held against. */
export interface ProofFacts {
  /** Who decides, by the directory. */
  readonly person: string;
  /** When the request was made, RFC 3339. */
  readonly requestedAt: string;
  /** The passkey that the proof names; null where there is none. */
  readonly passkey: RegisteredPasskey | null;
  /** The ID token that the proof names; null where there is none, or none any more. */
  readonly idToken: string | null;
  /** Where the account of the reviewer is; null where it is no provider that is trusted. */
  readonly provider: TrustedProvider | null;
}

/** The fault of a token whose key is not known, which may be one that is new. */
export const UNKNOWN_KEY = 'has an ID token that is signed with no key of its provider that is known';

/**
 * Why a decision is not of the grade that it claims; null where it is. Grade A takes a passkey of this very person, over
 * these very words; grade B an ID token of this account that answers a sign-in for these very words.
 */
export function proofFault(signed: SignedDecision, facts: ProofFacts): string | null {
  const { proof, grade } = signed;
  if (!proof) return grade === 'A' || grade === 'B' ? 'has no proof of its grade' : null;
  if (grade !== (proof.kind === 'passkey' ? 'A' : 'B')) return 'has a proof of another grade';
  if (proof.kind === 'id_token') return idTokenFault(signed, proof, facts);
  const { passkey } = facts;
  if (passkey?.credential !== proof.credential) return 'is signed with a passkey that is not registered';
  return passkeyFault(passkey, facts) ?? signatureFault(signed, proof, passkey);
}

function idTokenFault(
  signed: SignedDecision,
  proof: IdTokenProof,
  { idToken: token, provider }: ProofFacts,
): string | null {
  if (provider?.issuer !== proof.issuer || provider.client !== proof.client)
    return 'is by a sign-in at a provider that is not trusted with it';
  if (token === null) return 'has no ID token any more';
  if (sha256(token) !== proof.digest) return 'has another ID token than was signed';
  const check = checkIdToken(token, {
    issuer: provider.issuer,
    client: provider.client,
    subject: { claim: provider.subject_claim, value: signed.reviewer.subject },
    nonce: bindingOf(signed, proof),
    at: signed.issued_at,
    toleranceSeconds: provider.tolerance_seconds,
    keys: provider.keys,
  });
  if (check.ok) return null;
  return check.why === 'unknown_key' ? UNKNOWN_KEY : `has an ID token that does not prove it (${check.why})`;
}

function bindingOf(signed: SignedDecision, { random }: SignedProof): string {
  return decisionBinding({ ...signed, view_digest: signed.view?.digest ?? null, random });
}

type SignedProof = NonNullable<SignedDecision['proof']>;
type IdTokenProof = Extract<SignedProof, { readonly kind: 'id_token' }>;

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
  proof: PasskeyProof,
  { credential, public_key: publicKey, origin, rp_id: rpId }: RegisteredPasskey,
): string | null {
  const { kind: _kind, random: _random, ...assertion } = proof;
  const challenge = bindingOf(signed, proof);
  const check = checkAssertion(assertion, { credential, publicKey, challenge, origin, rpId });
  return check.ok ? null : `has a signature of a passkey over something else (${check.why})`;
}

type PasskeyProof = Extract<SignedProof, { readonly kind: 'passkey' }>;

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

/** The digest of the ID token that proves it, in the same way. */
export function idTokenIn(envelope: string): string | null {
  const proof = proofIn(envelope);
  return proof?.kind === 'id_token' ? proof.digest : null;
}

function proofIn(envelope: string): SignedDecision['proof'] {
  try {
    const payload = Buffer.from(envelope.split('.')[1] ?? '', 'base64url').toString();
    return (JSON.parse(payload) as Partial<Pick<SignedDecision, 'proof'>>).proof;
  } catch {
    return undefined;
  }
}
