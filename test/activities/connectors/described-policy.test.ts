import { describe, expect, it } from 'vitest';

import { effectsOf } from '../../../activities/connectors/keyturn-policy/describe.ts';
import type { ResourceEffect } from '../../../domain/request/plan.ts';
import type { PolicySet } from '../../../domain/policy/policy.ts';
import { DEFAULT_RISK } from '../../../domain/policy/risk.ts';
import { DEFAULT_REQUIREMENT, exampleRule, policyOf } from '../../domain/examples.ts';

const ROWS = Object.fromEntries(
  Array.from({ length: 900 }, (_, n) => [`service-${n}`, { owner: `team-${n}` }] as const),
);

const BASE: PolicySet = {
  ...policyOf([]),
  enums: { tags: ['a', 'b', 'c'] },
  risk: DEFAULT_RISK,
  operators: ['user:olga', 'user:petra'],
  tables: [{ id: 'services', columns: { owner: 'text' }, rows: ROWS }],
};

/** One small change in a large value, and all that people are to read of it. */
const CHANGES: readonly (readonly [string, PolicySet, Pick<ResourceEffect, 'resource' | 'rows'>])[] = [
  [
    'the weight of one line of risk',
    {
      ...BASE,
      risk: {
        ...BASE.risk,
        lines: BASE.risk.lines.map((line) => (line.because === 'production' ? { ...line, weight: 0 } : line)),
      },
    },
    { resource: 'risk', rows: [{ key: 'production', before: { weight: '1' }, after: { weight: '0' } }] },
  ],
  [
    'one more line of risk, for the same reason as another',
    {
      ...BASE,
      risk: {
        ...BASE.risk,
        lines: [...BASE.risk.lines, { weight: 1, because: 'production', when: 'plan.rows > 7' }],
      },
    },
    {
      resource: 'risk',
      rows: [
        {
          key: 'production (2)',
          before: null,
          after: { weight: '1', because: 'production', when: 'plan.rows > 7' },
        },
      ],
    },
  ],
  [
    'where a tier begins',
    { ...BASE, risk: { ...BASE.risk, tiers: { ...BASE.risk.tiers, high: 99 } } },
    { resource: 'settings', rows: [{ key: 'tiers "high"', before: { value: '3' }, after: { value: '99' } }] },
  ],
  [
    'one row of a table',
    {
      ...BASE,
      tables: [
        { id: 'services', columns: { owner: 'text' }, rows: { ...ROWS, 'service-7': { owner: 'mallory' } } },
      ],
    },
    {
      resource: 'rows of lookup tables',
      rows: [{ key: 'services "service-7"', before: { owner: 'team-7' }, after: { owner: 'mallory' } }],
    },
  ],
  [
    'one word of a list',
    { ...BASE, enums: { tags: ['a', 'b', 'c', 'd'] } },
    { resource: 'settings', rows: [{ key: 'enums "tags" "d"', before: null, after: { value: 'd' } }] },
  ],
  [
    'one operator',
    { ...BASE, operators: ['user:olga'] },
    {
      resource: 'settings',
      rows: [{ key: 'operators "user:petra"', before: { value: 'user:petra' }, after: null }],
    },
  ],
  [
    'one field of what is required by default',
    { ...BASE, defaults: { ...BASE.defaults, require: { ...DEFAULT_REQUIREMENT, expires_ms: 7 } } },
    {
      resource: 'settings',
      rows: [
        {
          key: 'defaults "require" "expires_ms"',
          before: { value: String(BASE.defaults.require.expires_ms) },
          after: { value: '7' },
        },
      ],
    },
  ],
];

describe('a change of policy, as people read it', () => {
  it.each(CHANGES)('is as small as it is: %s', (_what, candidate, effect) => {
    expect(effectsOf(BASE, candidate)).toMatchObject([effect]);
    expect(effectsOf(BASE, candidate)[0]?.rows).toHaveLength(effect.rows.length);
  });

  it('says of names that look alike what each of them has', () => {
    const candidate = { ...BASE, enums: { ...BASE.enums, 'tags" "a': ['x'], 'tags "a"': ['x'] } };
    const [effect] = effectsOf(BASE, candidate);
    expect(effect).toMatchObject({ inserted: 2, updated: 0, deleted: 0 });
  });

  it('is never empty where something is taken away altogether', () => {
    const candidate = { ...BASE, enums: {} };
    expect(effectsOf(BASE, candidate)).toMatchObject([{ resource: 'settings', deleted: 3, inserted: 1 }]);
  });

  it('is a sample that says so where there is too much of it', () => {
    const rules = Array.from({ length: 312 }, (_, n) => exampleRule(`rule-${n + 100}`, 'forbid'));
    const [effect] = effectsOf(BASE, { ...BASE, rules });
    expect(effect?.rows).toHaveLength(200);
    const sample = { of: 312, first_key: 'rule-100', last_key: 'rule-411' };
    expect(effect).toMatchObject({ resource: 'rules', inserted: 312, is_counts_only: false, sample });
  });
});
