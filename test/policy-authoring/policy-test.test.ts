import { describe, expect, it } from 'vitest';

import type { PolicySet } from '../../domain/policy/policy.ts';
import { stageText } from '../../policy-authoring/policy-test-expectation.ts';
import {
  runPolicyTests,
  type PolicyTest,
  type PolicyTestResult,
} from '../../policy-authoring/policy-test.ts';
import { OFFICE } from '../domain/calendar/examples.ts';
import {
  MINUTE_MS,
  ACTION,
  reviewBy,
  DIRECTORY,
  exampleRule,
  examplePerson,
  FACTS,
  policyOf,
  stage,
  TARGET,
} from '../domain/examples.ts';

const LARGE = exampleRule('large', 'review', {
  when: 'plan.rows > 1000',
  require: reviewBy(
    [
      stage(['group:dba'], 2, { escalate: [{ after_ms: 30 * 60_000, to: 'group:dba-leads' }] }),
      stage(['owners']),
    ],
    { rule: 'large' },
  ),
  replaces_default: true,
});

const FREEZE = exampleRule('freeze', 'forbid', { when: 'history.denials_24h > 2' });

const POLICY = policyOf([LARGE, FREEZE]);

interface Change {
  readonly given?: Partial<PolicyTest['given']>;
  readonly expect?: PolicyTest['expect'];
  readonly may?: PolicyTest['may'];
  readonly after_ms?: number;
}

function example({ given = {}, expect = {}, may = {}, after_ms = 0 }: Change): PolicyTest {
  return {
    name: 'a test',
    source: 'tests/a.yaml:2',
    given: {
      action: ACTION.action,
      target: TARGET.id,
      requester: 'billing',
      on_behalf_of: null,
      declared_on_behalf_of: null,
      arguments: {},
      plan: FACTS.plan && { ...FACTS.plan, rows_changed: 5000 },
      mode: 'execute',
      break_glass: false,
      at: FACTS.at,
      history: FACTS.history,
      windows: {},
      decisions: [],
      ...given,
    },
    expect,
    may,
    after_ms,
  };
}

function run(change: Change, policy: PolicySet = POLICY): PolicyTestResult {
  const [result] = runPolicyTests(policy, [example(change)]).results;
  if (!result) throw new Error('no result');
  return result;
}

const failures = (change: Change, policy?: PolicySet): readonly string[] =>
  run(change, policy).failures.map(({ what, expected, got }) => `${what}: ${expected}, got ${got}`);

describe('a test of a policy', () => {
  it('passes when everything it expects is so, in any order', () => {
    const wanted = {
      effect: 'review',
      risk: 'medium',
      rules: ['large'],
      stages: ['owners x1', 'group:dba x2'],
      expires_ms: 4 * 3_600_000,
    } as const;
    expect(run({ expect: wanted })).toMatchObject({ ok: true, failures: [] });
  });

  it('fails with what was expected and what is', () => {
    const wrong = {
      effect: 'allow',
      risk: 'low',
      rules: [],
      stages: ['owners x1'],
      expires_ms: 60_000,
    } as const;
    expect(failures({ expect: wrong })).toEqual([
      'effect: allow, got review',
      'risk: low, got medium',
      'rules: [], got [large]',
      'stages: [owners x1], got [group:dba x2, owners x1]',
      'expires: 1m, got 4h',
    ]);
  });

  it('shows the values that an expected rule read when it did not match', () => {
    const plan = FACTS.plan && { ...FACTS.plan, rows_changed: 7 };
    expect(run({ given: { plan }, expect: { rules: ['large'] } }).missed).toEqual([
      {
        id: 'large',
        source: 'rules/large.yaml:1',
        outcome: 'unmatched',
        read: [{ path: 'plan.rows', value: 7, is_shortened: false }],
      },
    ]);
  });

  it('is about the creation of the request when it gives no plan', () => {
    expect(run({ given: { plan: null }, expect: { rules: ['large'] } }).missed[0]?.outcome).toBe('undecided');
    expect(run({ given: { plan: null }, expect: { effect: 'review', rules: [] } }).ok).toBe(true);
  });

  it('evaluates reviewers as the product does: nobody decides for themselves, for their agent or for whom they ask', () => {
    const may = { olga: 'yes', omar: 'yes', ada: 'self_approval', petra: 'not_eligible' } as const;
    expect(failures({ may })).toEqual([]);
    expect(failures({ given: { on_behalf_of: 'olga' }, may: { olga: 'yes' } })).toEqual([
      'may olga: yes, got self_approval',
    ]);
    expect(
      failures({ given: { requester: 'omar' }, may: { omar: 'self_approval', ada: 'not_eligible' } }),
    ).toEqual([]);
  });

  it('lets time pass for escalations and for the expiry', () => {
    const after = (minutes: number): number => minutes * 60_000;
    expect(failures({ may: { petra: 'not_eligible' }, after_ms: after(29) })).toEqual([]);
    expect(failures({ may: { petra: 'yes' }, after_ms: after(30) })).toEqual([]);
    expect(failures({ may: { olga: 'request_expired' }, after_ms: after(240) })).toEqual([]);
  });

  it('lets business time pass where a rule counts it, from the instant that is given', () => {
    const hour = 3_600_000;
    const require = LARGE.require && { ...LARGE.require, clock: 'office' };
    const policy = policyOf([{ ...LARGE, require }], { calendars: [OFFICE] });
    // A Friday, twenty minutes before the office closes; it is closed for 63 and a half hours.
    const given = { at: '2026-11-20T16:10:00.000Z' };
    const passed = 63.5 * hour + 30 * 60_000;
    expect(failures({ given, may: { petra: 'not_eligible' }, after_ms: passed - 1 }, policy)).toEqual([]);
    expect(failures({ given, may: { petra: 'yes' }, after_ms: passed }, policy)).toEqual([]);
    const expires_ms = 67.5 * hour;
    const may = { olga: 'request_expired' } as const;
    expect(failures({ given, expect: { expires_ms }, may, after_ms: expires_ms }, policy)).toEqual([]);
  });

  it('knows who is on call by a service only where it says so', () => {
    const require = reviewBy([stage(['oncall:sre'])], { rule: 'large' });
    const sre = { id: 'sre', source: 'pager', schedule: 'P1', maximum_staleness_ms: 600_000 };
    const policy = policyOf([{ ...LARGE, require }], { polled_rotations: [sre] });
    expect(failures({ may: { olga: 'on_call_unknown' } }, policy)).toEqual([]);
    const given = { on_call: { sre: ['olga', 'ada'] } };
    const may = { olga: 'yes', dmitri: 'not_eligible', ada: 'self_approval' } as const;
    expect(failures({ given, may, after_ms: 3_600_000 }, policy)).toEqual([]);
    expect(failures({ given: { on_call: { sre: [] } }, may: { olga: 'not_eligible' } }, policy)).toEqual([]);
  });

  it('evaluates reviewers after the decisions that are given, and says what these lead to', () => {
    const two = policyOf([], {
      defaults: { effect: 'review', require: reviewBy([stage(['group:dba'], 2)], { rule: 'default' }) },
    });
    const approval = (by: string, minutesAfter: number, verdict: 'approve' | 'deny' = 'approve') => ({
      by,
      verdict,
      at_ms: minutesAfter * MINUTE_MS,
    });
    const first = [approval('olga', 5)];
    const may = { olga: 'already_decided', dmitri: 'yes' } as const;
    expect(run({ given: { decisions: first }, expect: { status: 'pending' }, may }, two).failures).toEqual(
      [],
    );
    const both = [...first, approval('dmitri', 6)];
    const over = { omar: 'request_not_pending' } as const;
    expect(
      run({ given: { decisions: both }, expect: { status: 'approved' }, may: over }, two).failures,
    ).toEqual([]);
    const denied = [approval('dmitri', 1, 'deny')];
    expect(run({ given: { decisions: denied }, expect: { status: 'denied' } }, two).failures).toEqual([]);
    // An approval counts for an hour.
    const stale = { given: { decisions: first }, after_ms: 70 * MINUTE_MS };
    expect(run({ ...stale, may: { olga: 'yes' } }, two).failures).toEqual([]);
    const silent = { expect: { status: 'expired' }, after_ms: 300 * MINUTE_MS } as const;
    expect(run(silent, two).failures).toEqual([]);
  });

  it('fails when a decision that is given would not have counted', () => {
    const decisions = [
      { by: 'ada', verdict: 'approve', at_ms: 0 },
      { by: 'petra', verdict: 'approve', at_ms: 0 },
    ] as const;
    expect(run({ given: { decisions } }).failures).toEqual([
      { what: 'decision of ada', expected: 'counted', got: 'self_approval' },
      { what: 'decision of petra', expected: 'counted', got: 'not_eligible' },
    ]);
  });

  it('may be about what Keyturn does to itself, with the floor that no policy moves', () => {
    const policy = policyOf([], { operators: ['group:dba'] });
    const publish = (is_loosening: boolean): Change => ({
      given: {
        action: 'keyturn.policy.publish',
        target: 'keyturn',
        requester: 'omar',
        plan: FACTS.plan && { ...FACTS.plan, is_loosening },
        decisions: [{ by: 'olga', verdict: 'approve', at_ms: 0 }],
      },
      expect: { effect: 'review', stages: ['group:dba x1'], status: is_loosening ? 'pending' : 'approved' },
    });
    expect(run(publish(true), policy).failures).toEqual([]);
    expect(run(publish(false), policy).failures).toEqual([]);
  });

  it('knows the reviewers of the given directory only', () => {
    const people = [
      ...DIRECTORY.people.filter(({ id }) => id !== 'olga'),
      examplePerson('olga', { active: false }),
    ];
    const policy = { ...POLICY, directory: { ...DIRECTORY, people } };
    expect(failures({ may: { olga: 'reviewer_inactive', nobody: 'reviewer_unknown' } }, policy)).toEqual([]);
    const history = { ...FACTS.history, denials_24h: 3 };
    expect(failures({ given: { history }, may: { olga: 'request_not_pending' } })).toEqual([]);
  });

  it('counts a window as holding this request alone, unless it says otherwise', () => {
    const window = {
      id: 'rows',
      action: [ACTION.action],
      over_ms: 1000,
      per: ['lineage'],
      sum: 'plan.rows',
    } as const;
    const policy = policyOf([exampleRule('many', 'forbid', { when: 'windows.rows.sum > 5000' })], {
      windows: [window],
    });
    expect(failures({ expect: { effect: 'review' } }, policy)).toEqual([]);
    expect(
      failures(
        { given: { windows: { rows: { count: 2, sum: 5001 } } }, expect: { effect: 'forbid' } },
        policy,
      ),
    ).toEqual([]);
  });

  it('fails, and does not end the run, where the policy knows no such requester', () => {
    expect(failures({ given: { requester: 'nobody' } })).toEqual([
      'given: a request, got no such requester or target: nobody, shop-production',
    ]);
  });

  it('reaches a rule only when its condition is true and it acts', () => {
    const broken = exampleRule('broken', 'forbid', { when: 'windows.none.sum > 1' });
    const report = runPolicyTests(policyOf([LARGE, FREEZE, broken]), [example({})]);
    expect(report.never_hit.map(({ id }) => id)).toEqual(['freeze', 'broken']);
    expect(report.rules).toBe(3);
  });
});

it('a stage is written the same whatever order its selectors have', () => {
  expect(stageText(stage(['owners', 'group:dba'], 2))).toBe('group:dba or owners x2');
});
