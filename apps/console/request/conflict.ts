/** A refusal as the server words it. */
export interface Refused {
  readonly code: string;
  readonly detail: string;
  readonly status: number;
}

/** What a refused decision means for the page. */
export interface Conflict {
  /** What follows: the page shows what changed, has nothing to decide any more, or lets the person go on. */
  readonly kind: 'changed' | 'over' | 'signed_out' | 'fix' | 'retry';
  readonly title: string;
  /** The server's words, then what to do. */
  readonly text: string;
  /** Where it is mended; absent where that is here. */
  readonly elsewhere?: { readonly path: string; readonly words: string };
}

/** What to say of a refusal; null: no answer came, so nobody knows whether it arrived. The typed reason is kept in each case. */
export function conflictOf(refused: Refused | null): Conflict {
  if (refused === null) return UNANSWERED;
  const { code, detail, status } = refused;
  const known = KNOWN[code] ?? (status === 401 ? SIGNED_OUT : undefined);
  if (known) {
    const { kind, title, advice, elsewhere } = known;
    return { kind, title, text: `${detail} ${advice}`.trim(), ...(elsewhere && { elsewhere }) };
  }
  return status === 429 || status >= 500
    ? { kind: 'retry', title: 'Not recorded', text: `${detail} Nothing was decided. Try again.` }
    : { kind: 'fix', title: 'Not recorded', text: detail };
}

const UNANSWERED: Conflict = {
  kind: 'retry',
  title: 'No answer',
  text: 'It is not known whether it arrived. Send it again: it counts once.',
};

interface Known extends Pick<Conflict, 'kind' | 'title' | 'elsewhere'> {
  readonly advice: string;
}

const CHANGED: Known = {
  kind: 'changed',
  title: 'The request has changed',
  advice: 'Nothing was decided, and your reason is kept. Read what changed, then decide again.',
};
const OVER: Known = { kind: 'over', title: 'Too late', advice: 'Your decision was not recorded.' };
const SIGNED_OUT: Known = {
  kind: 'signed_out',
  title: 'You are signed out',
  advice: 'Sign in again: what you typed is kept.',
};

const KNOWN: Readonly<Record<string, Known>> = {
  decision_digest_stale: CHANGED,
  view_digest_stale: CHANGED,
  view_digest_missing: CHANGED,
  request_finished: OVER,
  request_expired: OVER,
  request_executing: OVER,
  request_not_pending: OVER,
  already_decided: { kind: 'over', title: 'You have decided already', advice: '' },
  unauthenticated: SIGNED_OUT,
  passkey_needed: {
    kind: 'fix',
    title: 'A passkey is needed',
    advice: 'What you typed is kept.',
    elsewhere: { path: '/me', words: 'Add a passkey' },
  },
  proof_invalid: { kind: 'retry', title: 'Not proven', advice: 'Send it again.' },
  self_approval: { kind: 'fix', title: 'It is your own request', advice: '' },
  reason_required: { kind: 'fix', title: 'A reason is required', advice: 'Write why, then send it again.' },
};
