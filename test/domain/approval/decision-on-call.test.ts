import { describe, expect, it } from 'vitest';

import type { Rotation } from '../../../domain/calendar/rotation.ts';
import { isSelected, type DecidableRequest } from '../../../domain/approval/seats.ts';
import { ROTATION } from '../calendar/examples.ts';
import { by, check, outcome } from './decisions.ts';
import { approval, reviewBy, DIRECTORY, minutes, requirement, seats, stage } from '../examples.ts';

/** Requests of these tests were made on a Sunday morning; Olga has the week that ends on Monday at nine in Berlin. */
const OLGA_THEN_DMITRI: Rotation = {
  ...ROTATION,
  starts_on: '2026-11-16',
  people: ['olga', 'dmitri', 'omar'],
};
const SUNDAY = minutes(5);
const MONDAY = '2026-11-23T08:00:00.000Z';

const request: Partial<DecidableRequest> = {
  requirement: requirement([reviewBy([stage(['oncall:sre'])])]),
  expires_at: '2026-11-30T00:00:00.000Z',
};
const rotations = [OLGA_THEN_DMITRI];

describe('a seat for who is on call', () => {
  it('is filled by the person on call at the instant of the decision', () => {
    expect(check({ request, rotations })).toEqual({ ok: true, person: 'olga', seats: seats([0, 0]) });
    expect(outcome({ request, rotations, attempt: by('dmitri') })).toBe('not_eligible');
  });

  it('passes on with the hand-over, no matter who was on call when the request was made', () => {
    expect(outcome({ request, rotations, attempt: { at: MONDAY } })).toBe('not_eligible');
    expect(outcome({ request, rotations, attempt: by('dmitri', { at: MONDAY }) })).toBe('ok');
  });

  it('is checked at the instant of the decision, so going off call afterwards voids nothing', () => {
    const decisions = [approval('olga', seats([0, 0]), { at: SUNDAY })];
    const asItArrived = { request: { ...request, decisions: [] }, rotations, attempt: { at: SUNDAY } };
    expect(outcome(asItArrived)).toBe('ok');
    expect(
      outcome({ request: { ...request, decisions }, rotations, attempt: by('dmitri', { at: MONDAY }) }),
    ).toBe('ok');
  });

  it('needs somebody who was in the rotation when the request was made: nobody joins it to approve', () => {
    const before = [{ ...OLGA_THEN_DMITRI, people: ['dmitri', 'omar'] }];
    expect(outcome({ request, rotations, rotationsAtCreation: before })).toBe('not_eligible');
    expect(outcome({ request, rotations, rotationsAtCreation: [] })).toBe('not_eligible');
    const standIn = { from: '2027-01-01T00:00:00.000Z', to: '2027-01-02T00:00:00.000Z', person: 'olga' };
    const asStandIn = [{ ...OLGA_THEN_DMITRI, people: ['dmitri'], overrides: [standIn] }];
    expect(outcome({ request, rotations, rotationsAtCreation: asStandIn })).toBe('ok');
  });

  it('is nobody’s when the rotation is gone, or has not started', () => {
    expect(outcome({ request, rotations: [], rotationsAtCreation: rotations })).toBe('not_eligible');
    const later = [{ ...OLGA_THEN_DMITRI, starts_on: '2026-11-30' }];
    expect(outcome({ request, rotations: later })).toBe('not_eligible');
  });

  it('goes to who stands in, and not to whose turn it is', () => {
    const override = { from: '2026-11-22T08:00:00.000Z', to: '2026-11-22T09:00:00.000Z', person: 'petra' };
    const changed = [{ ...OLGA_THEN_DMITRI, overrides: [override] }];
    expect(outcome({ request, rotations: changed, attempt: by('petra') })).toBe('ok');
    expect(outcome({ request, rotations: changed })).toBe('not_eligible');
    expect(outcome({ request, rotations: changed, attempt: { at: minutes(60) } })).toBe('ok');
  });

  it('may be that of the owners of the target', () => {
    const owned = {
      ...request,
      requirement: requirement([reviewBy([stage(['owners'])])]),
      owners: ['oncall:sre'],
    };
    expect(outcome({ request: owned, rotations })).toBe('ok');
    expect(outcome({ request: owned, rotations, attempt: by('dmitri') })).toBe('not_eligible');
  });

  it('never opens one’s own request', () => {
    const own = { ...OLGA_THEN_DMITRI, people: ['ada'] };
    expect(outcome({ request, rotations: [own], attempt: by('ada') })).toBe('self_approval');
  });
});

it('a selector of a rotation holds everybody in it when no instant is asked about', () => {
  const scope = { directory: DIRECTORY, owners: [], rotations, duty_at: null };
  expect(isSelected(scope, 'oncall:sre', 'omar')).toBe(true);
  expect(isSelected(scope, 'oncall:sre', 'petra')).toBe(false);
  expect(isSelected(scope, 'oncall:other', 'omar')).toBe(false);
});
