import { expect, it } from 'vitest';

import { statesOf } from '../../../apps/console/request/states.ts';

const entry = (type: string, facts: Record<string, never> | object = {}) => ({
  n: 0,
  at: '2026-01-01T00:00:00Z',
  type,
  actor: { kind: 'system' as const },
  text: type,
  facts: facts as Record<string, never>,
});

const TWO_SEATS = { round: 1, requirement: { rules: [{ stages: [{ quorum: 2 }] }] } };
const approval = (decision: string) => ({ decision, verdict: 'approve', seats: [{}], round: 1 });
const shown = (entries: ReturnType<typeof entry>[]) =>
  statesOf(entries).map(({ status, needed, filled }) => [status, needed, Object.keys(filled)]);

it('a request stands as each of its entries left it, with the seats that were filled then', () => {
  const states = shown([
    entry('request.received'),
    entry('request.pending', TWO_SEATS),
    entry('decision.counted', approval('dec_a')),
    entry('decision.taken_back', { decision: 'dec_b', takes_back: 'dec_a' }),
    entry('decision.counted', approval('dec_c')),
    entry('request.drifted'),
    entry('request.pending', { ...TWO_SEATS, round: 2 }),
    entry('request.expired'),
  ]);
  expect(states).toEqual([
    ['planning', null, []],
    ['pending', 2, []],
    ['pending', 2, ['dec_a']],
    ['pending', 2, []],
    ['pending', 2, ['dec_c']],
    ['planning', null, []],
    ['pending', 2, []],
    ['expired', 2, []],
  ]);
});

it('what is withheld is not made up: no seats are shown where entries say none', () => {
  expect(shown([entry('request.received'), entry('request.pending'), entry('decision.counted')])).toEqual([
    ['planning', null, []],
    ['pending', null, []],
    ['pending', null, []],
  ]);
});
