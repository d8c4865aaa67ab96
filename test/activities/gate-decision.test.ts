import { expect, it } from 'vitest';

import { gateDecision } from '../../activities/steps/gate-decision.ts';
import type { DecisionRow } from '../../database/tables.ts';
import { minutes, requirement, reviewBy, seats, stage, MINUTE_MS } from '../domain/examples.ts';

const ROW: DecisionRow = {
  id: 'first',
  request: 'req',
  round: 1,
  renewal: 0,
  person: 'olga',
  verdict: 'approve',
  takes_back: null,
  at: new Date(minutes(0)),
  grade: 'C',
  seats: seats([0, 0]),
  reviewer_issuer: 'issuer',
  reviewer_subject: 'olga',
  channel: 'api',
  envelope: '',
  reason: null,
  defer_until: null,
  defer_to: null,
  outcome: 'counted',
  refusal: null,
  recorded_at: new Date(minutes(0)),
};

it('says nothing of approvals that were taken back: an answer ends with those that count', () => {
  const required = requirement([reviewBy([stage(['group:dba'])], { maximum_age_ms: 10 * MINUTE_MS })]);
  const inputs = {
    requirement: required,
    evaluatedAt: new Date(minutes(6)),
    allowedMs: 0,
    startsBefore: null,
  };
  const again = { ...ROW, id: 'again', at: new Date(minutes(5)) };
  const taken: DecisionRow = { ...ROW, id: 'back', verdict: 'take_back', takes_back: 'first', seats: [] };
  const untilOf = (...rows: DecisionRow[]): string => gateDecision({ round: 1 }, rows, inputs).valid_until;
  expect(untilOf(ROW, again)).toBe(minutes(10));
  expect(untilOf(ROW, taken, again)).toBe(minutes(15));
});
