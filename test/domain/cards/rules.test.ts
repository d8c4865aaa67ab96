import { expect, it } from 'vitest';

import { ruleInWords, type ReadableRule } from '../../../domain/cards/rules.ts';
import { reviewBy, stage } from '../examples.ts';

const RULE: ReadableRule = {
  id: 'sql-on-production',
  on: { action: ['postgres.execute'], env: ['prod'], target: null },
  effect: 'review',
  because: 'Somebody looks',
  source: 'rules/sql.yaml:12',
  require: null,
  replaces_default: false,
};

it('a rule asks people in words: seats, who is asked later, when it expires, what an approval must be', () => {
  const dbas = stage(['group:dba', 'owners'], 2, { escalate: [{ after_ms: 1_800_000, to: 'group:leads' }] });
  const require = reviewBy([dbas], { clock: 'office', minimum_grade: 'A', is_reason_required: true });
  expect(ruleInWords({ ...RULE, when: 'plan.rows > 10', require })).toEqual({
    id: 'sql-on-production',
    effect: 'review',
    because: 'Somebody looks',
    source: 'rules/sql.yaml:12',
    scope: 'Requires approval of postgres.execute in prod',
    when: 'plan.rows > 10',
    notes: ['beside the default requirement'],
    requirement: {
      order: 'parallel',
      stages: [
        {
          words: '2 different people of group:dba or owners',
          escalations: ['group:leads after 30m of business time (office)'],
        },
      ],
      terms: [
        'expires after 4h of business time (office), which is a denial',
        'an approval is good for 1h',
        'evidence grade A or better',
        'a reason is required',
      ],
    },
  });
});

it.each<[string, Partial<ReadableRule>, string[]]>([
  ['of another default', { replaces_default: true }, ['in place of the default requirement']],
  [
    'of emergencies',
    { replaces_default: true, break_glass: true },
    ['in place of the default requirement', 'only where a request takes the break-glass path'],
  ],
  ['that yields', { effect: 'forbid', yields_to_break_glass: true }, ['not on a break-glass path']],
  ['that allows', { effect: 'allow', valid_for_ms: 60_000 }, ['an answer may be relied upon for 1m']],
  ['that forbids', { effect: 'forbid' }, []],
])('a rule %s says so', (_, changes, notes) => {
  expect(ruleInWords({ ...RULE, ...changes })).toMatchObject({ notes, requirement: null, when: null });
});
