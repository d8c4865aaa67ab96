import type { DecisionAnswer, DecisionBody, DecisionQueued, Ticket } from '../../../contract/decisions.ts';
import type { Act } from './acting.ts';
import type { SectionName, RequestView, Shown } from './view.ts';

/** How a deferral is meant: hidden until an instant, or handed over. */
export type Deferral = NonNullable<DecisionBody['defer']>;

/** Everything that a person gave to an act. */
export interface Given {
  readonly reason: string;
  readonly deferral: Deferral | null;
  /** What of the card was opened: the client's statement. */
  readonly opened: readonly SectionName[];
  /** The decision that is taken back. */
  readonly takesBack: string | null;
  /** Signed to be sent elsewhere, and not decided here. */
  readonly isTicket?: boolean;
  /** What a passkey of theirs signed, where a session is not enough. */
  readonly proof: DecisionBody['proof'] | null;
}

/** A call that carries out an act. */
export interface ActCall {
  readonly path: string;
  readonly body: object;
}

/** What is sent for an act: a decision is bound to what is decided upon and to what was shown of it. */
export function callOf(act: Act, shown: Shown, given: Given): ActCall {
  const base = `/v1/requests/${encodeURIComponent(shown.request.id)}`;
  const reason = given.reason.trim() === '' ? {} : { reason: given.reason.trim() };
  if (act === 'withdraw') return { path: `${base}/withdraw`, body: reason };
  return {
    path: `${base}/${given.isTicket ? 'tickets' : 'decisions'}`,
    body: {
      decision_digest: shown.card.decision_digest ?? '',
      view_digest: shown.viewDigest,
      opened: given.opened,
      verdict: act,
      ...reason,
      ...(given.proof && { proof: given.proof }),
      ...(act === 'defer' && given.deferral ? { defer: given.deferral } : {}),
      ...(act === 'take_back' && given.takesBack !== null ? { takes_back: given.takesBack } : {}),
    },
  };
}

/** A call under the key by which the server knows it again. */
export interface Attempt extends ActCall {
  readonly idempotencyKey: string;
}

/**
 * What is sent: after a lost answer the same call under the same key, which counts once, although more of the page may have
 * been opened since. What the person changed is another call.
 */
export function attemptOf(last: Attempt | null, next: ActCall, newKey: () => string): Attempt {
  return last !== null && contentOf(last) === contentOf(next) ? last : { ...next, idempotencyKey: newKey() };
}

function contentOf({ path, body }: ActCall): string {
  return JSON.stringify([path, { ...body, opened: null }]);
}

/** What is answered: counted at once, or durable and counted soon. */
export interface ActAnswer {
  readonly status: number;
  readonly answer: DecisionAnswer | DecisionQueued | RequestView | Ticket;
}

const DONE: Readonly<Record<Act, string>> = {
  approve: 'Your approval is recorded.',
  deny: 'Your denial is recorded.',
  defer: 'It is deferred.',
  withdraw: 'The request is withdrawn.',
  take_back: 'Your approval is taken back.',
};

/** What was done, and how the request stands now. */
export function doneText(act: Act, { status, answer }: ActAnswer): string {
  if ('ticket' in answer) return 'A ticket is issued. Nothing is decided until it is sent.';
  if (status === 202) return 'It is accepted and will be counted in a moment: this page shows when.';
  const request = 'request' in answer ? answer.request : answer;
  if (!('status' in request) || act === 'withdraw') return DONE[act];
  return `${DONE[act]} ${request.status === 'pending' ? 'The request still waits for people.' : `The request is now ${request.status}.`}`;
}
