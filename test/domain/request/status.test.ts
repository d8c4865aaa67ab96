import { describe, expect, it } from 'vitest';

import {
  assertMove,
  canMove,
  isFinal,
  REQUEST_STATUSES,
  type RequestStatus,
} from '../../../domain/request/status.ts';

const FINAL: readonly RequestStatus[] = ['succeeded', 'failed', 'revoked', 'denied', 'expired', 'cancelled'];

function reachable(
  from: RequestStatus,
  isAllowed: (to: RequestStatus) => boolean,
): ReadonlySet<RequestStatus> {
  const found = new Set<RequestStatus>([from]);
  for (const status of found) {
    REQUEST_STATUSES.filter((to) => canMove(status, to) && isAllowed(to)).forEach((to) => found.add(to));
  }
  return found;
}

describe('the moves of a request', () => {
  it('never lead out of a final status', () => {
    for (const status of FINAL) {
      expect(REQUEST_STATUSES.filter((to) => canMove(status, to))).toEqual([]);
      expect(isFinal(status)).toBe(true);
    }
  });

  it('reach execution only through an approval', () => {
    expect(REQUEST_STATUSES.filter((from) => canMove(from, 'executing'))).toEqual(['approved']);
    expect(reachable('planning', (to) => to !== 'approved').has('executing')).toBe(false);
  });

  it('reach success only from an execution that ran, or from an unknown outcome that was cleared up', () => {
    expect(REQUEST_STATUSES.filter((from) => canMove(from, 'succeeded'))).toEqual([
      'executing',
      'indeterminate',
    ]);
  });

  it('never execute again what has an unknown outcome', () => {
    expect(reachable('indeterminate', () => true)).toEqual(new Set(['indeterminate', 'succeeded', 'failed']));
  });

  it('never cancel, deny or expire what is executing', () => {
    for (const to of ['cancelled', 'denied', 'expired', 'approved'] as const) {
      expect(canMove('executing', to)).toBe(false);
    }
  });

  it('let every request come to an end', () => {
    for (const status of REQUEST_STATUSES) {
      expect([...reachable(status, () => true)].some((end) => FINAL.includes(end))).toBe(true);
    }
  });

  it('ask people again only after planning again', () => {
    expect(REQUEST_STATUSES.filter((from) => canMove(from, 'pending'))).toEqual(['planning']);
    for (const from of ['approved', 'executing'] as const) expect(canMove(from, 'planning')).toBe(true);
  });

  it('are refused with illegal_move when the table does not list them', () => {
    expect(() => assertMove('pending', 'approved')).not.toThrow();
    expect(() => assertMove('pending', 'executing')).toThrow(
      expect.objectContaining({ code: 'illegal_move' }),
    );
    expect(() => assertMove('denied', 'pending')).toThrow(expect.objectContaining({ code: 'illegal_move' }));
  });

  it('end for everybody but an operator when the outcome is unknown', () => {
    expect(isFinal('indeterminate')).toBe(true);
    const running = ['planning', 'pending', 'approved', 'executing', 'active'] as const;
    for (const status of running) expect(isFinal(status)).toBe(false);
  });
});
