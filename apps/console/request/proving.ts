import type { DecisionBody, ProofAnswer } from '../../../contract/decisions.ts';
import { signWith } from '../passkeys/authenticator.ts';
import { usePost } from '../session/session.ts';
import type { Act } from './acting.ts';
import type { Shown } from './view.ts';

/** True where a session is not enough for what a person is about to do: their passkey signs it as well. */
export function takesPasskey(act: Act, { neededGrade }: Pick<Shown, 'neededGrade'>): boolean {
  return act === 'approve' && neededGrade !== null && neededGrade !== 'C' && neededGrade !== 'D';
}

/** Has a passkey of the person sign exactly what they approve. */
export function useProving(): (shown: Shown) => Promise<NonNullable<DecisionBody['proof']>> {
  const post = usePost();
  return async ({ request, card, viewDigest }) => {
    const { answer } = await post<ProofAnswer>(`/v1/requests/${encodeURIComponent(request.id)}/proofs`, {
      body: {
        grade: 'A',
        verdict: 'approve',
        decision_digest: card.decision_digest ?? '',
        view_digest: viewDigest,
      },
    });
    const { id, challenge, rp_id, credentials: known } = answer;
    return { id, passkey: await signWith({ challenge, rp_id, known }) };
  };
}
