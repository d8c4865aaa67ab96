import { readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { evaluate } from '../../../domain/policy/evaluation.ts';
import { differencesOf, isOtherEngine, recordedOutcome } from '../../../domain/policy/explanation.ts';
import { ENGINE } from '../../../domain/conditions/profile.ts';
import { DIRECTORY, exampleRule, FACTS, policyOf } from '../examples.ts';

const manifest = new URL('package.json', new URL('..', import.meta.resolve(ENGINE.engine)));
const installed = JSON.parse(readFileSync(manifest, 'utf8')) as { readonly version: string };

const rule = exampleRule('dba', 'review', { when: 'plan.rows > 0' });
const evaluation = evaluate(policyOf([rule]), FACTS, 'planned');
const recorded = recordedOutcome(evaluation, DIRECTORY);

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

  it('names the directory that people were evaluated by, whatever they are called, and it is no difference', () => {
    const [first, ...others] = DIRECTORY.people;
    const renamed = {
      ...DIRECTORY,
      people: [{ ...(first ?? expect.unreachable()), name: 'N. N.' }, ...others],
    };
    const fewer = { ...DIRECTORY, groups: DIRECTORY.groups.slice(1) };
    const digests = [DIRECTORY, renamed, fewer].map(
      (one) => recordedOutcome(evaluation, one)['directory_digest'],
    );
    expect(digests[1]).toBe(digests[0]);
    expect(digests[2]).not.toBe(digests[0]);
    expect(differencesOf(recordedOutcome(evaluation, fewer), evaluation)).toEqual([]);
  });

  it('holds score and reasons of the risk, and names the engine that is installed', () => {
    expect(recorded).toMatchObject({
      risk: 'low',
      risk_score: 1,
      risk_reasons: ['production'],
      engine: ENGINE,
    });
    expect(ENGINE.engine_version).toBe(installed.version);
    const riskier = { ...recorded, risk_score: 2, risk_reasons: ['production', 'x'] };
    expect(differencesOf(riskier, evaluation)).toEqual(['risk_reasons', 'risk_score']);
  });

  it('must have them, and one without an engine is of another', () => {
    const { risk_score: _score, risk_reasons: _reasons, ...named } = recorded;
    const { engine: _engine, ...unnamed } = named;
    expect(isOtherEngine(unnamed)).toBe(true);
    for (const less of [named, unnamed])
      expect(differencesOf(less, evaluation)).toEqual(['risk_reasons', 'risk_score']);
  });

  it('of another engine is told apart, and agrees all the same when it came to the same', () => {
    expect(isOtherEngine(recorded)).toBe(false);
    for (const engine of [
      { ...ENGINE, engine_version: '7.0.0' },
      { ...ENGINE, profile_version: 1 },
      'cel',
      null,
    ]) {
      expect(isOtherEngine({ ...recorded, engine })).toBe(true);
      expect(differencesOf({ ...recorded, engine }, evaluation)).toEqual([]);
    }
  });
});
