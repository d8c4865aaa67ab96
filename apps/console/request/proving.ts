import type { DecisionBody, ProofAnswer } from '../../../contract/decisions.ts';
import { signWith } from '../passkeys/authenticator.ts';
import { usePost } from '../session/session.ts';
import type { Act } from './acting.ts';
import type { Returned } from './returning.ts';
import type { Shown } from './view.ts';

/** What proves an approval where a session is not enough. */
type Proving = 'passkey' | 'sign-in';

/** What a person needs beyond their session for what they are about to do; null for nothing. */
function provingOf(act: Act, { neededGrade }: Pick<Shown, 'neededGrade'>): Proving | null {
  if (act !== 'approve') return null;
  return neededGrade === 'A' ? 'passkey' : neededGrade === 'B' ? 'sign-in' : null;
}

type SentProof = NonNullable<DecisionBody['proof']>;

/**
 * Proves exactly what they approve: a passkey of theirs signs it, or their provider asks them who they are. There the browser
 * leaves this page, and null is answered.
 */
export function useProving(): (shown: Shown, by: Proving) => Promise<SentProof | null> {
  const post = usePost();
  return async ({ request, card, viewDigest }, by) => {
    const { answer } = await post<ProofAnswer>(`/v1/requests/${encodeURIComponent(request.id)}/proofs`, {
      body: {
        grade: by === 'passkey' ? 'A' : 'B',
        verdict: 'approve',
        decision_digest: card.decision_digest ?? '',
        view_digest: viewDigest,
      },
    });
    const { id, address, challenge, rp_id, credentials: known } = answer;
    if (address === null) return { id, passkey: await signWith({ challenge, rp_id, known }) };
    location.assign(address);
    return null;
  };
}

interface Proven {
  readonly act: Act;
  readonly shown: Shown;
  readonly returned?: Returned;
}

/** With what it is proven, in a sentence; none where the session is enough. */
export function provingWords(proven: Proven): readonly string[] {
  const left = provingLeft(proven);
  if (left !== null) return [NEXT[left]];
  return proven.returned?.proof ? [SIGNED_IN] : [];
}

/** What is to be done yet to prove it; null for nothing. */
export function provingLeft({ act, shown, returned }: Proven): Proving | null {
  const proving = provingOf(act, shown);
  return proving === 'sign-in' && returned?.proof ? null : proving;
}

const NEXT: Readonly<Record<Proving, string>> = {
  passkey:
    'A session is not enough here: a passkey of yours signs exactly this, so your browser asks you for it next.',
  'sign-in':
    'A session is not enough here: your identity provider asks you who you are for exactly this. You come back here, with your reason.',
};

const SIGNED_IN = 'You have signed in again for exactly this. It is sent when you approve it now.';

/** The end of the button's text. */
export const HOW: Readonly<Record<Proving | 'session', string>> = {
  session: '',
  passkey: ' with a passkey',
  'sign-in': ' by signing in',
};
