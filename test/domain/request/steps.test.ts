import { describe, expect, it } from 'vitest';

import { canMove, ENDED, REQUEST_STATUSES, type RequestStatus } from '../../../domain/request/status.ts';
import { assertStep, STEPS_FROM, tooLateToWithdraw, type MovingStep } from '../../../domain/request/steps.ts';

/** Where each step leads. */
const LEADS_TO: Readonly<Record<MovingStep, readonly RequestStatus[]>> = {
  ask: ['pending'],
  allow: ['approved'],
  fail_planning: ['failed'],
  forbid: ['denied'],
  approve: ['approved'],
  deny: ['denied'],
  withdraw: ['cancelled'],
  expire: ['expired'],
  expire_unseen: ['expired'],
  expire_overdue: ['expired'],
  claim: ['executing'],
  stop: ['denied', 'failed'],
  reopen: ['planning'],
  settle: ['succeeded', 'failed', 'indeterminate', 'planning'],
  settle_seen: ['succeeded', 'failed'],
  resolve: ['succeeded', 'failed'],
  close_lost: ['cancelled', 'failed'],
};

describe.each(Object.keys(LEADS_TO) as MovingStep[])('the step %s', (step) => {
  const from: readonly RequestStatus[] = STEPS_FROM[step];

  it('starts only where the table of moves lets it lead somewhere', () => {
    for (const status of from) expect(LEADS_TO[step].filter((to) => canMove(status, to))).not.toEqual([]);
  });

  it.each(REQUEST_STATUSES)(
    'from a request that is %s: goes on or is refused with illegal_move',
    (status) => {
      const start = (): void => assertStep(step, status);
      if (from.includes(status)) expect(start).not.toThrow();
      else expect(start).toThrow(expect.objectContaining({ code: 'illegal_move' }));
    },
  );
});

it('no step starts from what is over, but the two that find out what came of an unknown outcome', () => {
  const over = ['succeeded', 'failed', 'revoked', 'denied', 'expired', 'cancelled'];
  for (const from of Object.values(STEPS_FROM)) expect(from.filter((one) => over.includes(one))).toEqual([]);
  const known = Object.entries(STEPS_FROM).filter(([, from]) => from.some((one) => one === 'indeterminate'));
  expect(known.map(([step]) => step)).toEqual(['settle_seen', 'resolve']);
});

it('says of every status whether it is too late to withdraw, and why', () => {
  const late = Object.fromEntries(REQUEST_STATUSES.map((status) => [status, tooLateToWithdraw(status)]));
  expect(late).toMatchObject({ planning: null, pending: null, approved: null });
  expect(late).toMatchObject({ executing: 'request_executing', active: 'request_executing' });
  for (const status of ENDED) expect(late[status]).toBe('request_finished');
  expect(late['indeterminate']).toBe('request_finished');
});
