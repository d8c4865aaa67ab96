import { z } from 'zod';

import { counted } from '../../cards/counted.ts';
import type { SignedDecision } from '../../crypto/envelope.ts';
import { passkeyJwkSchema } from '../../proof/passkey.ts';
import { proofFault, type RegisteredPasskey } from '../../proof/decision-proof.ts';
import type { Leaf } from '../leaf.ts';
import { arrivalOf, signedDecisionIn } from './envelopes.ts';
import { nameOf, readLeaf, type DecisionLeaf } from './evidence.ts';
import { CLOCKS_APART_MS, found, type Answer, type Finding, type Subject } from './finding.ts';

/**
 * Each decision of a grade above C carries what proves it: the signature of a passkey that its person had registered by then,
 * over these very words, or the ID token of a sign-in for them. And nothing that was signed once stands for two decisions.
 */
export function gradesProven(subject: Subject): Finding {
  const { decisions } = subject.material;
  const randoms = new Set<string>();
  const used: string[] = [];
  const answers = decisions.map((decision): readonly [string, Answer] => {
    const signed = signedDecisionIn(subject.envelopes, decision.leaf);
    const random = signed?.proof?.random;
    if (random !== undefined && randoms.has(random))
      return [nameOf(decision.leaf), { problem: 'has the proof of another decision' }];
    if (random !== undefined) randoms.add(random);
    if (signed?.proof) used.push(`${nameOf(decision.leaf)} ${wordsOf(subject, signed)}`);
    return [nameOf(decision.leaf), signed ? proofAnswer(subject, decision, signed) : {}];
  });
  return { ...found(answers), checked: [counted(decisions.length, 'decision'), ...used].join('; ') };
}

function wordsOf(subject: Subject, signed: SignedDecision): string {
  if (signed.proof?.kind === 'id_token') return `signed in again at ${signed.proof.issuer}`;
  const entry = registrationOf(subject, signed);
  return entry ? `signed with the passkey ${entry.facts.passkey}, registered at ${entry.leaf.at}` : '';
}

function proofAnswer(subject: Subject, decision: DecisionLeaf, signed: SignedDecision): Answer {
  if (signed.proof?.kind === 'passkey' && subject.material.evidence.inputs?.passkey_entries === undefined)
    return { notShown: 'the entry that registered its passkey is not in the evidence' };
  const unseen = signed.proof?.kind === 'id_token' ? notShownOf(subject, signed, signed.proof) : null;
  if (unseen !== null) return { notShown: unseen };
  const fault = faultAt(subject, signed, { person: decision.person, at: decision.at });
  return fault === null ? {} : { problem: fault };
}

/** Why nobody can say whether a sign-in proves it; null where it can be said. */
function notShownOf(
  subject: Subject,
  { reviewer }: SignedDecision,
  { issuer, digest }: Extract<SignedDecision['proof'], { readonly kind: 'id_token' }>,
): string | null {
  if (!subject.providers.has(reviewer.issuer))
    return `its person signed in again at ${issuer}, of which no keys are given to check that with`;
  return tokenOf(subject, digest) === null
    ? `its person signed in again at ${issuer}, and the ID token of that was erased, or is not in the evidence`
    : null;
}

function tokenOf({ material }: Subject, digest: string): string | null {
  return material.evidence.inputs?.id_tokens?.find((one) => one.digest === digest)?.token ?? null;
}

/** What is wrong with the proof of a decision that this person made then; null where nothing is. */
function faultAt(
  subject: Subject,
  signed: SignedDecision,
  { person, at }: { readonly person: string; readonly at: string },
): string | null {
  const passkey = passkeyAt(subject, signed, at);
  const requestedAt = arrivalOf(subject.material)?.at ?? '';
  const idToken = signed.proof?.kind === 'id_token' ? tokenOf(subject, signed.proof.digest) : null;
  const provider = subject.providers.get(signed.reviewer.issuer) ?? null;
  return proofFault(signed, { person, requestedAt, passkey, idToken, provider });
}

/** True where the proof of a refused decision was wrong, as far as anybody can tell who does not know whose decision it was. */
export function isProofWrong(subject: Subject, leaf: Leaf, signed: SignedDecision): boolean {
  const person = registrationOf(subject, signed)?.facts.person ?? '';
  return faultAt(subject, signed, { person, at: leaf.at }) !== null;
}

/** The passkey of a decision as the entries have it at an instant; null where none registered it by then. */
function passkeyAt(subject: Subject, signed: SignedDecision, at: string): RegisteredPasskey | null {
  const entry = registrationOf(subject, signed);
  if (!entry || Date.parse(entry.leaf.at) > Date.parse(at) + CLOCKS_APART_MS) return null;
  const is_revoked = entriesOf(subject).some(
    (leaf) => revokes(leaf, entry.facts.passkey) && Date.parse(leaf.at) < Date.parse(at) - CLOCKS_APART_MS,
  );
  return { ...entry.facts, made_at: entry.leaf.at, is_revoked };
}

function revokes({ type, facts }: Leaf, passkey: unknown): boolean {
  if (type === 'passkey.revoked') return facts['passkey'] === passkey;
  const { revoked } = facts;
  return type === 'passkey.recovery_agreed' && Array.isArray(revoked) && revoked.some((id) => id === passkey);
}

const registrationSchema = z.object({
  passkey: z.string(),
  credential: z.string(),
  public_key: passkeyJwkSchema,
  rp_id: z.string(),
  origin: z.string(),
  person: z.string(),
  how: z.string(),
});

interface Registration {
  readonly leaf: Leaf;
  readonly facts: z.infer<typeof registrationSchema>;
}

/** The entry that registered the passkey of a decision; null where none did. */
function registrationOf(subject: Subject, { proof }: SignedDecision): Registration | null {
  if (proof?.kind !== 'passkey') return null;
  for (const leaf of entriesOf(subject)) {
    const facts = registrationSchema.safeParse(leaf.facts).data;
    if (leaf.type === 'passkey.registered' && facts?.credential === proof.credential) return { leaf, facts };
  }
  return null;
}

function entriesOf({ material }: Subject): readonly Leaf[] {
  const texts = material.evidence.inputs?.passkey_entries ?? [];
  return texts
    .flatMap((text) => readLeaf(text) ?? [])
    .filter(({ stream }) => stream.request === 'passkeys' && stream.run === 'passkeys');
}
