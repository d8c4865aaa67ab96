import { expect, it } from 'vitest';

import { matching, policySearch } from '../../apps/console/policy/search.ts';
import type { PolicyInWords } from '../../contract/active-policy.ts';

const rule = (id: string, when: string | null): PolicyInWords['rules'][number] => ({
  id,
  effect: 'forbid',
  because: null,
  source: `rules/${id}.yaml:1`,
  scope: 'Forbids every action in prod',
  when,
  notes: [],
  requirement: null,
});

it('rules are found by each word of what is shown of them, as it is typed', () => {
  const rules = [rule('sql', 'env == "a b"'), rule('iam', null)];
  const found = (text: string): string[] => matching(rules, text).map(({ id }) => id);
  expect(found('')).toEqual(['sql', 'iam']);
  expect(found('PROD iam')).toEqual(['iam']);
  expect(found('== "a')).toEqual(['sql']);
  expect(found('prod nothing')).toEqual([]);
  // Names of fields are shown to nobody.
  expect(found('because')).toEqual([]);
});

it('of a URL only what is searched for is taken', () => {
  expect(policySearch({ q: 'prod', x: '1' })).toEqual({ q: 'prod' });
  expect(policySearch({ q: '' })).toEqual({});
});
