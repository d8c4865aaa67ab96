import { KeyturnError } from '../errors.ts';

/** Every status a request can have (design: words). */
export type RequestStatus =
  | 'planning'
  | 'pending'
  | 'approved'
  | 'executing'
  | 'succeeded'
  | 'failed'
  | 'indeterminate'
  | 'active'
  | 'revoked'
  | 'denied'
  | 'expired'
  | 'cancelled';

/** What happens with an approved action: Keyturn performs it, the agent does with a lease, or only the decision counts. */
export const REQUEST_MODES = ['execute', 'lease', 'gate'] as const;

/** One of the modes. */
export type RequestMode = (typeof REQUEST_MODES)[number];

/** The only moves a request can make; nothing else moves it. */
const MOVES: Readonly<Record<RequestStatus, readonly RequestStatus[]>> = {
  planning: ['pending', 'approved', 'denied', 'failed', 'cancelled', 'expired'],
  // Back to planning: policy asks for more, the approval does not carry any more, or the target drifted.
  pending: ['approved', 'denied', 'expired', 'cancelled', 'planning'],
  // Expired where it was never executed and its approvals do not carry any more.
  approved: ['executing', 'planning', 'denied', 'cancelled', 'expired'],
  executing: ['succeeded', 'failed', 'indeterminate', 'active', 'planning'],
  indeterminate: ['succeeded', 'failed'],
  active: ['revoked', 'indeterminate'],
  succeeded: [],
  failed: [],
  revoked: [],
  denied: [],
  expired: [],
  cancelled: [],
};

/** All statuses, in the order of a request's life. */
export const REQUEST_STATUSES = Object.keys(MOVES) as readonly RequestStatus[];

/** True when the table allows the move. */
export function canMove(from: RequestStatus, to: RequestStatus): boolean {
  return MOVES[from].includes(to);
}

/** Refuses (`illegal_move`) any move the table does not list. */
export function assertMove(from: RequestStatus, to: RequestStatus): void {
  if (!canMove(from, to))
    throw new KeyturnError('illegal_move', `A request that is ${from} cannot become ${to}.`);
}

/** True when nothing but an operator can move the request any more. */
export function isFinal(status: RequestStatus): boolean {
  return MOVES[status].length === 0 || status === 'indeterminate';
}
