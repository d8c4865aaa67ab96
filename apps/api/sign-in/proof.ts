import { randomBytes } from 'node:crypto';

import { trustedProviderOf } from '../../../configuration/issuers.ts';
import { answerProof, openProof, PROOF_MS, type BegunProof } from '../../../database/decision-proofs.ts';
import type { LiveSession } from '../../../database/sessions.ts';
import { sha256 } from '../../../domain/crypto/digest.ts';
import { seal } from '../../../domain/crypto/sealing.ts';
import { isKeyturnError, KeyturnError } from '../../../domain/errors.ts';
import { decisionBinding } from '../../../domain/proof/binding.ts';
import { idTokenContext } from '../../../domain/proof/id-token.ts';
import type { SignedIn } from '../auth/id-token.ts';
import type { ApiContext } from '../context.ts';
import type { ProvingSignIn } from './begin.ts';
import { exchange, type Finishing } from './finish.ts';

/** The sign-in of a proof that was begun in this session. Refuses (`proof_invalid`) one that was not, was used or is over. */
export async function signInOfProof(
  { source }: Pick<ApiContext, 'source'>,
  session: LiveSession | null,
  id: string,
): Promise<ProvingSignIn> {
  const begun = session && (await openProof(source.manager, { id, session: session.id }));
  if (begun?.grade === 'B')
    return { proof: id, nonce: nonceOf(begun), returnTo: `/requests/${begun.request}?proof=${begun.id}` };
  throw new KeyturnError(
    'proof_invalid',
    'This proof was used, is over, or was begun in another session. Go back to the request, and approve it again.',
  );
}

/** Why a sign-in proves nothing: a word of the address that the browser comes back with. */
export type SignInFault = 'refused' | 'over' | 'other_account' | 'no_sign_in_time' | 'signed_in_too_early';

/**
 * Keeps the ID token of a callback with the proof that it is for; null where it proves it, so that the decision can be sent.
 * The session stays as it is, and so does whose it is: the account that signed in is that of the session.
 */
export async function answerBySignIn(
  context: ApiContext,
  finishing: Pick<Finishing, 'provider' | 'pending' | 'query'> & { readonly session: LiveSession | null },
): Promise<SignInFault | null> {
  const { pending, session } = finishing;
  const answered = await answerOf(context, finishing);
  if (!answered) return 'refused';
  const { token, claims } = answered;
  const { manager } = context.source;
  const begun = session && (await openProof(manager, { id: pending.proof ?? '', session: session.id }));
  if (!begun || nonceOf(begun) !== pending.nonce) return 'over';
  const fault = faultOf(claims, { begun, session, finishing });
  if (fault !== null) return fault;
  const digest = sha256(token);
  const sealed = await seal(
    { context: idTokenContext(digest), value: token, initializationVector: randomBytes(12) },
    context.keys.sealing,
  );
  const expires_at = new Date((claims.exp ?? 0) * 1_000).toISOString();
  const isKept = await answerProof(manager, {
    id: begun.id,
    session: session.id,
    digest,
    sealed,
    expires_at,
  });
  return isKept ? null : 'over';
}

/** The ID token of the callback, verified; null where the provider or the token was refused. */
export async function answerOf(
  context: ApiContext,
  finishing: Pick<Finishing, 'provider' | 'pending' | 'query'>,
): Promise<{ readonly token: string; readonly claims: SignedIn } | null> {
  try {
    const token = await exchange(context, finishing);
    return { token, claims: await finishing.provider.idTokens.verify(token, finishing.pending.nonce) };
  } catch (error) {
    if (isKeyturnError(error) && error.code === 'unauthenticated') return null;
    throw error;
  }
}

function nonceOf({ request, decision_digest, verdict, view_digest, random }: BegunProof): string {
  return decisionBinding({
    request,
    decision_digest,
    verdict: verdict as 'approve',
    view_digest,
    random,
  });
}

interface Answered {
  readonly begun: BegunProof;
  readonly session: LiveSession;
  readonly finishing: Pick<Finishing, 'provider'>;
}

/** The provider was to ask the person for this: that it did is its own word alone. */
function faultOf(claims: SignedIn, { begun, session, finishing }: Answered): SignInFault | null {
  const { issuer } = finishing.provider;
  const { subject_claim, tolerance_seconds } = trustedProviderOf(issuer);
  if (issuer.issuer !== session.issuer || claims[subject_claim] !== session.subject) return 'other_account';
  const signedInAt = claims['auth_time'];
  if (!Number.isSafeInteger(signedInAt)) return 'no_sign_in_time';
  const begunMs = new Date(begun.expires_at).getTime() - PROOF_MS;
  return Number(signedInAt) * 1_000 < begunMs - tolerance_seconds * 1_000 ? 'signed_in_too_early' : null;
}
