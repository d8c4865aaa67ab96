import { expect, it } from 'vitest';

import { completePolicy } from '../../../domain/policy/upgrade.ts';
import { evaluate } from '../../../domain/policy/evaluation.ts';
import { policyDigest } from '../../../domain/policy/policy.ts';
import { ROTATION } from '../calendar/examples.ts';
import { exampleRule, FACTS, policyOf } from '../examples.ts';

const policy = policyOf([exampleRule('dba', 'review')], { rotations: [ROTATION] });

it('a set of this version is the same after it', () => {
  expect(completePolicy(policy)).toEqual(policy);
  expect(policyDigest(completePolicy(policy))).toBe(policyDigest(policy));
});

it('a set of a version without clocks gets none, and means what it meant', () => {
  const { calendars: _calendars, freezes: _freezes, rotations: _rotations, ...old } = policy;
  const completed = completePolicy(old);
  expect(completed).toEqual({ ...old, calendars: [], freezes: [], rotations: [] });
  expect(evaluate(completed, FACTS, 'planned')).toEqual(evaluate(policy, FACTS, 'planned'));
});
