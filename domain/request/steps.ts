import { KeyturnError } from '../errors.ts';
import { isFinal, UNCLAIMED, UNDECIDED, UNSETTLED, type RequestStatus } from './status.ts';

/**
 * The statuses that each step may move a request from. To which it moves it is the step's own matter, within the table of
 * moves.
 */
export const STEPS_FROM = {
  ask: ['planning'],
  allow: ['planning'],
  fail_planning: ['planning'],
  forbid: UNDECIDED,
  approve: ['pending'],
  deny: ['pending', 'approved'],
  withdraw: UNCLAIMED,
  expire: ['pending'],
  expire_unseen: ['planning'],
  expire_overdue: UNCLAIMED,
  claim: ['approved'],
  stop: UNSETTLED,
  reopen: ['pending', 'approved', 'executing'],
  settle: ['executing'],
  /** What a run saw itself stands also where its outcome was called unknown meanwhile. */
  settle_seen: ['executing', 'indeterminate'],
  resolve: ['indeterminate'],
  close_lost: UNSETTLED,
} as const satisfies Readonly<Record<string, readonly RequestStatus[]>>;

/** A step that moves a request. */
export type MovingStep = keyof typeof STEPS_FROM;

/** Why a request cannot be withdrawn any more, as API and worker refuse it; null while it can. */
export function tooLateToWithdraw(status: RequestStatus): 'request_executing' | 'request_finished' | null {
  if (STEPS_FROM.withdraw.includes(status)) return null;
  return isFinal(status) ? 'request_finished' : 'request_executing';
}

/** Refuses (`illegal_move`) a step that finds the request in a status which it may not start from. */
export function assertStep(step: MovingStep, status: RequestStatus): void {
  if (!(STEPS_FROM[step] as readonly RequestStatus[]).includes(status))
    throw new KeyturnError(
      'illegal_move',
      `The step ${step} does not start from a request that is ${status}.`,
    );
}
