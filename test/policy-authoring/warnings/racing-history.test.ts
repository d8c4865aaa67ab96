import { expect, it } from 'vitest';

import { warningsOf } from '../../../policy-authoring/warnings.ts';
import { exampleRule, policyOf } from '../../domain/examples.ts';

it.each([
  ['allow', 'history.requests_24h < 3', true],
  ['allow', 'plan.rows < 10 && (history.requests_24h < 3 || plan.rows == 0)', true],
  ['allow', 'history.failures_24h == 0', false],
  ['allow', 'plan.rows < 10', false],
  ['forbid', 'history.requests_24h > 3', false],
] as const)('a rule that would %s by %s is warned of: %s', (effect, when, isWarned) => {
  const codes = warningsOf(policyOf([exampleRule('few', effect, { when })])).map(({ code }) => code);
  expect(codes.includes('history_races')).toBe(isWarned);
});
