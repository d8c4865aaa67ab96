import { describe, expect, it } from 'vitest';

import { evaluate } from '../../domain/evaluation.ts';
import { differencesOf, recordedOutcome } from '../../domain/explanation.ts';
import { exampleRule, FACTS, policyOf } from './examples.ts';

const rule = exampleRule('dba', 'review', { when: 'plan.rows > 0' });
const evaluation = evaluate(policyOf([rule]), FACTS, 'planned');
const recorded = recordedOutcome(evaluation);

describe('a recorded evaluation', () => {
  it('agrees with the same policy on the same facts, also after it was stored', () => {
    expect(differencesOf(recorded, evaluation)).toEqual([]);
    expect(differencesOf(JSON.parse(JSON.stringify(recorded)), evaluation)).toEqual([]);
  });

  it('names every field in which it differs', () => {
    const other = evaluate(policyOf([{ ...rule, effect: 'forbid', require: null }]), FACTS, 'planned');
    expect(differencesOf(recorded, other)).toEqual(['effect', 'requirement', 'requirement_digest', 'rules']);
    const values = { ...FACTS, plan: FACTS.plan && { ...FACTS.plan, rows_changed: 2 } };
    expect(differencesOf(recorded, evaluate(policyOf([rule]), values, 'planned'))).toEqual(['rules']);
  });

  it('differs where it says more or less than an evaluation does, or what nobody can have recorded', () => {
    const { effect: _effect, ...less } = recorded;
    expect(differencesOf(less, evaluation)).toEqual(['effect']);
    expect(differencesOf({ ...recorded, granted: true }, evaluation)).toEqual(['granted']);
    expect(differencesOf({ ...recorded, effect: Number.NaN }, evaluation)).toEqual(['effect']);
  });
});
