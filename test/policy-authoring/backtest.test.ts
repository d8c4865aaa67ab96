import { describe, expect, it } from 'vitest';

import { Backtest, type BacktestRecord, type BacktestReport } from '../../policy-authoring/backtest.ts';
import { backtest } from './run-backtest.ts';
import type { PolicySet, Rule } from '../../domain/policy/policy.ts';
import { storedFacts, type PolicyFacts, type StoredFacts } from '../../domain/policy/built-in-facts.ts';
import { DEFAULT_RISK } from '../../domain/policy/risk.ts';
import {
  ACTION,
  approval,
  reviewBy,
  exampleRule,
  FACTS,
  ISSUER,
  minutes,
  policyOf,
  stage,
  START,
} from '../domain/examples.ts';

const REVIEW = exampleRule('ask', 'review', {
  when: 'plan.rows > 100',
  require: reviewBy([stage(['group:dba'])], { rule: 'ask' }),
  replaces_default: true,
});
const FORBID = exampleRule('never', 'forbid', { when: 'plan.rows > 1000' });
const ALLOW = exampleRule('small', 'allow', { when: 'plan.rows <= 10' });

const BASE = policyOf([REVIEW, FORBID, ALLOW]);

function facts(rows: number, changes: Partial<PolicyFacts> = {}): StoredFacts {
  return storedFacts({ ...FACTS, plan: FACTS.plan && { ...FACTS.plan, rows_changed: rows }, ...changes });
}

function record(request: string, changes: Partial<BacktestRecord> = {}): BacktestRecord {
  return {
    request,
    round: 1,
    facts: facts(500),
    lineage: [{ role: 'requester', issuer: ISSUER, subject: 'agent-billing' }],
    outcome: 'open',
    pending_since: START,
    decisions: [],
    ...changes,
  };
}

const RECORDS = [
  record('r1', { facts: facts(5) }),
  record('r2', { facts: facts(50) }),
  record('r3', { facts: facts(500) }),
  record('r4', { facts: facts(5000) }),
];

const cells = ({ matrix }: BacktestReport): readonly (readonly number[])[] =>
  [matrix.allow, matrix.review, matrix.forbid].map(({ allow, review, forbid }) => [allow, review, forbid]);

/** The policy with its first rule asking for something else. */
const requiring = (...stages: Parameters<typeof reviewBy>[0]): PolicySet =>
  policyOf([{ ...REVIEW, require: reviewBy(stages, { rule: 'ask' }) }, FORBID, ALLOW]);

describe('a backtest', () => {
  it('counts how each effect becomes another, and finds nothing between a policy and itself', () => {
    const same = backtest(RECORDS, BASE, BASE);
    expect(cells(same)).toEqual([
      [1, 0, 0],
      [0, 2, 0],
      [0, 0, 1],
    ]);
    expect(same).toMatchObject({
      evaluations: 4,
      loosened: 0,
      tightened: 0,
      facts_missing: 0,
      facts_erased: 0,
    });
  });

  it('lists what is loosened, with the rules and the values that both read', () => {
    const candidate = policyOf([REVIEW, { ...ALLOW, when: 'plan.rows <= 50' }]);
    const report = backtest(RECORDS, BASE, candidate);
    expect(cells(report)).toEqual([
      [1, 0, 0],
      [1, 1, 0],
      [0, 1, 0],
    ]);
    expect(report.loosened).toBe(2);
    expect(
      report.loosened_first.map(({ request, base, candidate: now }) => [
        request,
        base.rules.map(({ id }) => id),
        now.rules.map(({ id, source, read }) => [id, source, read?.map(({ value }) => value)]),
      ]),
    ).toEqual([
      ['r2', [], [['small', 'rules/small.yaml:1', [50]]]],
      ['r4', ['ask', 'never'], [['ask', 'rules/ask.yaml:1', [5000]]]],
    ]);
  });

  it('sees a weaker requirement behind an unchanged effect', () => {
    const report = backtest(RECORDS, requiring(stage(['group:dba'], 2)), BASE);
    expect([report.loosened, report.loosened_first[0]?.request]).toEqual([1, 'r3']);
    expect(backtest(RECORDS, BASE, requiring(stage(['group:dba'], 2), stage(['owners'])))).toMatchObject({
      tightened: 1,
      loosened: 0,
    });
  });

  it('counts missing facts as stricter, and never throws for them', () => {
    const candidate = policyOf(
      [...BASE.rules, exampleRule('spent', 'forbid', { when: 'windows.rows.sum > 9' })],
      {
        windows: [{ id: 'rows', action: [ACTION.action], over_ms: 1, per: ['lineage'], sum: 'plan.rows' }],
        actions: [
          {
            ...ACTION,
            arguments: { type: 'object', required: ['x'], properties: { x: { type: 'integer' } } },
          },
        ],
      },
    );
    const report = backtest(RECORDS, BASE, candidate);
    expect(cells(report).map((row) => row[2])).toEqual([1, 2, 1]);
    expect(report).toMatchObject({ facts_missing: 4, loosened: 0, tightened: 3 });
  });

  it('forbids what the new policy no longer knows, and what nobody can read', () => {
    const broken = { action: ACTION.action, target: FACTS.target.id } as StoredFacts;
    const report = backtest(
      [record('r1', { facts: { ...facts(5), target: 'gone' } }), record('r2', { facts: broken })],
      BASE,
      BASE,
    );
    expect([report.matrix.forbid.forbid, report.facts_missing]).toEqual([2, 2]);
    const none = backtest(RECORDS, BASE, { ...BASE, targets: [], actions: [] });
    expect([none.loosened, cells(none).map((row) => row[2])]).toEqual([0, [1, 2, 1]]);
  });

  it('says nothing of erased facts but how many there are', () => {
    const report = backtest([record('r1', { facts: null })], BASE, BASE);
    expect(report).toMatchObject({ evaluations: 0, facts_erased: 1 });
  });

  it('counts once for each request who is asked', () => {
    const report = backtest(
      RECORDS,
      BASE,
      requiring(stage(['group:dba'], 2), stage(['owners', 'group:dba'])),
    );
    expect(report.load).toEqual([
      { selector: 'group:dba', base: 1, candidate: 1, people: { base: 2, candidate: 2 } },
      { selector: 'owners', base: 1, candidate: 2, people: { base: null, candidate: null } },
    ]);
  });

  it('finds requests that too few people could approve', () => {
    const report = backtest(RECORDS, BASE, requiring(stage(['group:dba'], 3)));
    expect(report.unsatisfiable).toBe(1);
    expect(report.unsatisfiable_first).toEqual([
      { request: 'r3', round: 1, shortages: [{ rule: 'ask', seats: 3, fillable: 2 }] },
    ]);
  });

  it('says of each request what its own risk and its own rules lack', () => {
    const two = { distinct_people: 2, minimum_grade: 'C', maximum_age_ms: null } as const;
    const risk = { ...DEFAULT_RISK, demands: { high: two } };
    const alone = { ...REVIEW, require: reviewBy([stage(['group:dba-leads'])], { rule: 'ask' }) };
    const risky = [record('r1'), record('r2', { facts: facts(20_000) })];
    const named = (rule: string, when: string): Rule => ({
      ...exampleRule(rule, 'review', { when, require: reviewBy([stage(['group:dba'], 3)], { rule }) }),
      replaces_default: true,
    });
    const rules = [named('few', 'plan.rows <= 1000'), named('many', 'plan.rows > 1000')];
    for (const records of [risky, risky.toReversed()]) {
      expect(backtest(records, BASE, policyOf([alone], { risk })).unsatisfiable_first).toEqual([
        { request: 'r2', round: 1, shortages: [{ rule: '*', seats: 2, fillable: 1 }] },
      ]);
      const { unsatisfiable_first: found } = backtest(records, BASE, policyOf(rules));
      expect(new Map(found.map(({ request, shortages }) => [request, shortages[0]?.rule]))).toEqual(
        new Map([
          ['r1', 'few'],
          ['r2', 'many'],
        ]),
      );
    }
  });

  it('does not call unsatisfiable what people may be there for who are seen at sign-in only', () => {
    const candidate = requiring(stage(['group:seen'], 3));
    const seen = { id: 'seen', authority: 'claims:https://id.example', members: [], groups: [] };
    const { directory } = candidate;
    const report = backtest(RECORDS, BASE, {
      ...candidate,
      directory: { ...directory, groups: [...directory.groups, seen] },
    });
    expect(report).toMatchObject({ unsatisfiable: 0, unsatisfiable_first: [], unknown: 1 });
    expect(backtest(RECORDS, BASE, BASE)).not.toHaveProperty('unknown');
  });

  it('does not call impossible what hangs on who is on call by a service, and takes no approval for theirs', () => {
    const onCall = requiring(stage(['oncall:sre']));
    const sre = { id: 'sre', source: 'pager', schedule: 'P1', maximum_staleness_ms: 600_000 };
    const approved = record('r3', {
      outcome: 'approved',
      decisions: [approval('olga', [{ rule: 0, stage: 0 }])],
    });
    expect(backtest([approved], BASE, { ...onCall, polled_rotations: [sre] })).toMatchObject({
      unsatisfiable: 0,
      insufficient: 1,
    });
    expect(backtest([approved], BASE, onCall)).toMatchObject({ unsatisfiable: 1, insufficient: 1 });
  });

  it('does not blame a new policy for approvals of people whom neither policy names', () => {
    const sre = { id: 'sre', source: 'pager', schedule: 'P1', maximum_staleness_ms: 600_000 };
    const onCall = { ...requiring(stage(['oncall:sre'])), polled_rotations: [sre] };
    const decisions = [approval('olga', [{ rule: 0, stage: 0 }])];
    const approved = record('r3', { outcome: 'approved', decisions });
    expect(backtest([approved], onCall, onCall).insufficient).toBe(0);
    const more = { ...requiring(stage(['oncall:sre'], 2)), polled_rotations: [sre] };
    expect(backtest([approved], onCall, more).insufficient).toBe(1);
  });

  it('finds approvals that would no longer suffice, counted where their people could sit', () => {
    const approved = record('r3', {
      outcome: 'approved',
      decisions: [
        approval('olga', [{ rule: 0, stage: 0 }]),
        approval('omar', [{ rule: 0, stage: 0 }], { at: minutes(2) }),
      ],
    });
    const insufficient = (candidate: PolicySet): number => backtest([approved], BASE, candidate).insufficient;
    expect(insufficient(BASE)).toBe(0);
    expect(insufficient(requiring(stage(['group:dba']), stage(['owners'])))).toBe(0);
    expect(insufficient(requiring(stage(['group:dba'], 2)))).toBe(1);
    expect(insufficient(requiring(stage(['user:petra'])))).toBe(1);
    expect(insufficient(policyOf([exampleRule('x', 'forbid')]))).toBe(1);
    expect(insufficient(policyOf([exampleRule('x', 'allow')]))).toBe(0);
    const sequential = { order: 'sequential' as const, rule: 'ask' };
    const ordered = (...stages: Parameters<typeof reviewBy>[0]): PolicySet =>
      policyOf([{ ...REVIEW, require: reviewBy(stages, sequential) }]);
    expect(insufficient(ordered(stage(['group:dba']), stage(['owners'])))).toBe(0);
    expect(insufficient(ordered(stage(['owners']), stage(['group:dba'])))).toBe(1);
    const gone = { ...BASE.directory, groups: BASE.directory.groups.filter(({ id }) => id !== 'dba') };
    expect(insufficient({ ...BASE, directory: gone })).toBe(1);
  });

  it('asks each policy about its own people: load and shortages', () => {
    const directory = {
      ...BASE.directory,
      groups: BASE.directory.groups.map((group) => (group.id === 'dba' ? { ...group, members: [] } : group)),
    };
    const emptied = { ...BASE, directory };
    const load = [{ selector: 'group:dba', base: 1, candidate: 1, people: { base: 2, candidate: 0 } }];
    expect(backtest(RECORDS, BASE, emptied)).toMatchObject({
      unsatisfiable: 1,
      unsatisfiable_base: 0,
      load: expect.arrayContaining(load),
    });
    expect(backtest(RECORDS, emptied, BASE)).toMatchObject({ unsatisfiable: 0, unsatisfiable_base: 1 });
  });

  it('has a digest that only the records and the policies change, not how much is listed or when it is asked', () => {
    const digestOf = (limit: number, records = RECORDS): string => {
      const run = new Backtest(BASE, policyOf([ALLOW]), { limit });
      for (const each of records) {
        run.add(each);
        run.report();
      }
      return run.report().digest;
    };
    expect(digestOf(0)).toBe(digestOf(20));
    expect(digestOf(0)).toBe(backtest(RECORDS, BASE, policyOf([ALLOW])).digest);
    expect(digestOf(0)).not.toBe(digestOf(0, [...RECORDS].reverse()));
    expect(digestOf(0)).not.toBe(digestOf(0, RECORDS.slice(1)));
    expect(digestOf(0)).not.toBe(backtest(RECORDS, BASE, policyOf([FORBID])).digest);
  });
});
