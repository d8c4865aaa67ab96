import { KeyturnError } from '../errors.ts';

/** Every status a request can have (design: words). `active` and `revoked` are reserved for grants. */
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

/** What happens with an approved action: Keyturn performs it, the agent does with a lease (reserved), or only the decision counts. */
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

interface Meaning {
  /** Its workflow still has to do something. */
  readonly isOpen: boolean;
  /** Whether people or policy agreed to what it asks now; null where the status does not tell. */
  readonly approval: 'awaited' | 'given' | 'denied' | null;
  readonly effect: 'not yet' | 'under way' | 'done' | 'unknown' | 'failed' | 'none';
}

/** What is true in each status. Every set of statuses is made of this table, so a new status is decided about here. */
const MEANING: Readonly<Record<RequestStatus, Meaning>> = {
  planning: { isOpen: true, approval: 'awaited', effect: 'not yet' },
  pending: { isOpen: true, approval: 'awaited', effect: 'not yet' },
  approved: { isOpen: true, approval: 'given', effect: 'not yet' },
  executing: { isOpen: true, approval: 'given', effect: 'under way' },
  succeeded: { isOpen: false, approval: 'given', effect: 'done' },
  failed: { isOpen: false, approval: null, effect: 'failed' },
  indeterminate: { isOpen: false, approval: 'given', effect: 'unknown' },
  active: { isOpen: true, approval: 'given', effect: 'done' },
  revoked: { isOpen: false, approval: 'given', effect: 'done' },
  denied: { isOpen: false, approval: 'denied', effect: 'none' },
  expired: { isOpen: false, approval: 'denied', effect: 'none' },
  cancelled: { isOpen: false, approval: null, effect: 'none' },
};

/** All statuses, in the order of a request's life. */
export const REQUEST_STATUSES = Object.keys(MOVES) as readonly RequestStatus[];

function where(holds: (meaning: Meaning) => boolean): readonly RequestStatus[] {
  return REQUEST_STATUSES.filter((status) => holds(MEANING[status]));
}

/** The workflow still has to do something. */
export const OPEN = where(({ isOpen }) => isOpen);

/** Nobody agreed yet. */
export const UNDECIDED = where(({ approval }) => approval === 'awaited');

/** Only an approval leads here, of exactly the plan that the request has. */
export const APPROVED = where(({ approval }) => approval === 'given');

/** Answered with no; silence never approves, so what expired is among them. */
export const DENIED = where(({ approval }) => approval === 'denied');

/** No claim was made yet: it can still be withdrawn, and it can expire. */
export const UNCLAIMED = where(({ effect }) => effect === 'not yet');

/** Nothing is known yet of an effect. */
export const UNSETTLED = where(({ effect }) => effect === 'not yet' || effect === 'under way');

/** The action had its effect, or may have had it. */
export const HAPPENED = where(({ effect }) => effect === 'done' || effect === 'unknown');

/** Ended without any effect. */
export const NOTHING_HAPPENED = where(({ effect }) => effect === 'failed' || effect === 'none');

/** Executed, and not known to have succeeded. */
export const FAILED = where(({ effect }) => effect === 'failed' || effect === 'unknown');

/** Nothing and nobody moves these any more. */
export const ENDED = REQUEST_STATUSES.filter((status) => MOVES[status].length === 0);

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
  return !MEANING[status].isOpen;
}
