import { randomBytes } from 'node:crypto';

import { openProof, storeProof, useProof, type BegunProof } from '../../../database/decision-proofs.ts';
import { passkeysOf, usePasskey, type StoredPasskey } from '../../../database/passkeys.ts';
import type { RequestRow } from '../../../database/tables.ts';
import type { DecisionBody, ProofAnswer, ProofBody } from '../../../contract/decisions.ts';
import type { SignedDecision } from '../../../domain/crypto/envelope.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import { base32 } from '../../../domain/identity/ids.ts';
import { decisionBinding } from '../../../domain/proof/binding.ts';
import { checkAssertion, siteOf } from '../../../domain/proof/passkey.ts';
import { reviewerOf, type Caller } from '../auth/caller.ts';
import type { ApiContext } from '../context.ts';

type SignedProof = NonNullable<SignedDecision['proof']>;

/** Begins a proof of a decision that the caller may make with it. */
export async function beginProof(
  { source: { manager }, settings }: Pick<ApiContext, 'source' | 'settings'>,
  caller: Caller,
  { row, body, session }: { readonly row: RequestRow; readonly body: ProofBody; readonly session: string },
): Promise<ProofAnswer> {
  const { id: person } = reviewerOf(caller);
  const { grade, verdict, decision_digest, view_digest } = body;
  const known = grade === 'A' ? countingFor(row, await passkeysOf(manager, person)) : [];
  if (grade === 'A' && known.length === 0)
    throw new KeyturnError(
      'passkey_needed',
      'Policy asks for a passkey here, and you have none that counts for this request: add one on the page of your account.',
    );
  const id = `prf_${base32(randomBytes(16))}`;
  const random = randomBytes(32).toString('base64url');
  const words = { request: row.id, verdict, decision_digest, view_digest, random };
  const begun = await storeProof(manager, { id, session, person, grade, ...words });
  return {
    id,
    grade,
    expires_at: new Date(begun.expires_at).toISOString(),
    address: grade === 'B' ? `${settings.publicUrl}/sign-in?proof=${id}` : null,
    challenge: decisionBinding(words),
    rp_id: known[0]?.rp_id ?? siteOf(settings.publicUrl).rpId,
    credentials: known.map(({ credential, transports }) => ({ credential, transports: [...transports] })),
  };
}

/** A passkey of a recovery counts for what is asked for later. */
function countingFor(row: RequestRow, all: readonly StoredPasskey[]): readonly StoredPasskey[] {
  return all.filter(
    ({ revoked_at: revokedAt, how, made_at: madeAt }) =>
      revokedAt === null && (how !== 'recovery' || new Date(madeAt) < row.created_at),
  );
}

/** The proof that a decision names, as it was begun; null where it names none. Refuses (`proof_invalid`) any of another decision. */
export async function proofNamedBy(
  { source: { manager } }: Pick<ApiContext, 'source'>,
  { caller, id, body }: { readonly caller: Caller; readonly id: string; readonly body: DecisionBody },
): Promise<BegunProof | null> {
  if (body.proof === undefined) return null;
  const session = caller.principal.session?.id ?? '';
  const begun = await openProof(manager, { id: body.proof.id, session });
  if (!begun) throw invalid('it was used, is over, or was begun in another session');
  const { verdict, decision_digest, view_digest } = body;
  const wanted = { request: id, person: caller.person?.id, verdict, decision_digest, view_digest };
  if (Object.entries(wanted).some(([name, value]) => begun[name as keyof typeof wanted] !== value))
    throw invalid('it was begun for another decision');
  return begun;
}

interface Proving {
  readonly row: RequestRow;
  readonly body: DecisionBody;
  readonly begun: BegunProof;
}

/** Checks what proves a decision, and uses up the proof. Refuses (`proof_invalid`) what the worker would refuse. */
export async function provenBy(
  context: Pick<ApiContext, 'source' | 'providers'>,
  caller: Caller,
  proving: Proving,
): Promise<SignedProof> {
  return proving.begun.grade === 'B'
    ? provenBySignIn(context, caller, proving)
    : provenByPasskey(context, proving);
}

/** The ID token was checked when it came. */
async function provenBySignIn(
  { source: { manager }, providers }: Pick<ApiContext, 'source' | 'providers'>,
  { principal: { identity } }: Caller,
  { begun: { id, random, token_digest: digest } }: Proving,
): Promise<SignedProof> {
  const provider = providers.get(identity.issuer);
  if (digest === null || !provider) throw invalid('you have not signed in again for it');
  if (!(await useProof(manager, id))) throw invalid('it was used meanwhile');
  return { kind: 'id_token', random, issuer: provider.issuer, client: provider.client, digest };
}

async function provenByPasskey(
  { source: { manager } }: Pick<ApiContext, 'source'>,
  { row, body, begun }: Proving,
): Promise<SignedProof> {
  const assertion = body.proof?.passkey;
  const passkey = countingFor(row, await passkeysOf(manager, begun.person)).find(
    ({ credential }) => credential === assertion?.credential,
  );
  if (!assertion || !passkey) throw invalid('it is not by a passkey of yours that counts for this request');
  const { credential, public_key: publicKey, origin, rp_id: rpId } = passkey;
  const challenge = decisionBinding({ ...words(begun), verdict: body.verdict });
  const check = checkAssertion(assertion, { credential, publicKey, challenge, origin, rpId });
  if (!check.ok) throw invalid(`the signature is over something else: ${check.why}`);
  if (!(await useProof(manager, begun.id))) throw invalid('it was used meanwhile');
  if (!(await usePasskey(manager, { id: passkey.id, counter: check.counter })))
    throw invalid('the passkey is revoked, or its counter does not grow: somebody may have a copy of it');
  return { kind: 'passkey', random: begun.random, ...assertion };
}

function words({ request, decision_digest, view_digest, random }: BegunProof) {
  return { request, decision_digest, view_digest, random };
}

function invalid(why: string): KeyturnError {
  return new KeyturnError('proof_invalid', `The proof does not count: ${why}. Begin again.`);
}
