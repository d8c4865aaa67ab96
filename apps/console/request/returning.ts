/** What a person comes back with from their provider. */
export interface Returned {
  readonly proof: string | null;
  /** What is wrong with it, for people; null for nothing. */
  readonly fault: string | null;
}

/** What the address of a request may say. */
export interface ReturnSearch {
  readonly proof?: string | undefined;
  readonly proof_fault?: string | undefined;
}

/** Of the address of a request: nothing but these. */
export function returnSearch({ proof, proof_fault: fault }: Readonly<Record<string, unknown>>): ReturnSearch {
  return {
    ...(typeof proof === 'string' && { proof }),
    ...(typeof fault === 'string' && { proof_fault: fault }),
  };
}

/** What an address says of it. A word that is not known says that nothing is proven. */
export function returnedOf({ proof, proof_fault: fault }: ReturnSearch): Returned | null {
  if (proof === undefined) return null;
  if (fault === undefined) return { proof, fault: null };
  return { proof: null, fault: (Object.hasOwn(FAULTS, fault) && FAULTS[fault]) || UNPROVEN };
}

const UNPROVEN = 'Your identity provider did not confirm that you signed in. Nothing was sent. Try again.';

const FAULTS: Readonly<Record<string, string>> = {
  other_account:
    'Another account signed in at the identity provider than the one of your session. Nothing was sent. Try again, with the account that you use here.',
  no_sign_in_time:
    'Your identity provider does not say when you signed in (`auth_time`), so it proves nothing. Nothing was sent. Ask an operator to have it say so, or use a passkey.',
  signed_in_too_early:
    'Your identity provider did not ask you again, though it was to: your sign-in there is older than this approval. Nothing was sent. Ask an operator to have it heed `max_age`, or use a passkey.',
  over: 'It took longer than ten minutes, or you came back in another session. Nothing was sent. Try again.',
};
