import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';

import { formatProblem, loadPolicyFolder } from '../../policy-files/compile.ts';
import { loadPolicyTests } from '../../policy-files/tests.ts';
import { checkDecision, type DecisionCheck } from '../../domain/approval/decision.ts';
import { evaluate, type Evaluation } from '../../domain/policy/evaluation.ts';
import { targetOf, type PolicySet } from '../../domain/policy/policy.ts';
import { runPolicyTests, type PolicyTest } from '../../policy-authoring/policy-test.ts';
import { tally, type CountedDecision } from '../../domain/approval/quorum.ts';
import type { Requirement } from '../../domain/request/requirement.ts';
import { FACTS, minutes, START } from '../domain/examples.ts';

const FOLDER = path.join(import.meta.dirname, '../../policies');
const ISSUER = 'http://127.0.0.1:9099';
const DIGEST = `sha256:${'d'.repeat(64)}`;

let policy: PolicySet;
let tests: readonly PolicyTest[];

beforeAll(async () => {
  const result = await loadPolicyFolder(FOLDER, { KEYTURN_IDP_ISSUER: ISSUER });
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join('\n'));
  policy = result.policy;
  const read = await loadPolicyTests(FOLDER, policy);
  if (!read.ok) throw new Error(read.problems.map(formatProblem).join('\n'));
  tests = read.tests;
});

function evaluated(target: string): Evaluation {
  const found = targetOf(policy, target);
  if (!found) throw new Error(`no target ${target}`);
  const windows = { changed_rows_24h: { count: 1, sum: 1 } };
  return evaluate(policy, { ...FACTS, args: { statement: 'select 1' }, target: found, windows }, 'planned');
}

function requirementFor(target: string): Requirement {
  const { requirement } = evaluated(target);
  if (!requirement) throw new Error(`${target} is not reviewed`);
  return requirement;
}

interface Attempt {
  readonly target: string;
  readonly decisions?: readonly CountedDecision[];
  readonly at?: string;
}

/** What an approval by this person of a request of the billing agent comes to. */
function approve(person: string, { target, decisions = [], at = minutes(5) }: Attempt): DecisionCheck {
  return checkDecision({
    request: {
      status: 'pending',
      decision_digest: DIGEST,
      lineage: [{ role: 'requester', issuer: ISSUER, subject: 'agent-billing' }],
      requirement: requirementFor(target),
      pending_since: START,
      expires_at: minutes(240),
      owners: targetOf(policy, target)?.owners ?? [],
      decisions,
    },
    attempt: {
      decision_digest: DIGEST,
      verdict: 'approve',
      reviewer: { issuer: ISSUER, subject: person },
      is_human: true,
      grade: 'C',
      has_reason: true,
      defer: null,
      at,
    },
    directories: {
      now: policy.directory,
      at_creation: policy.directory,
      rotations: { now: policy.rotations, at_creation: policy.rotations },
      owners_at_creation: targetOf(policy, target)?.owners ?? [],
    },
  });
}

/** The standing after these people approved one after the other; who may not is an error. */
function standingAfter(target: string, people: readonly string[]): string {
  const decisions: CountedDecision[] = [];
  for (const [index, person] of people.entries()) {
    const at = minutes(index + 1);
    const check = approve(person, { target, decisions, at });
    if (!check.ok) return check.code;
    decisions.push({ id: person, person: check.person, verdict: 'approve', at, grade: 'C', seats: check.seats });
  }
  const now = minutes(people.length + 1);
  return tally({ requirement: requirementFor(target), pending_since: START, decisions, now }).standing;
}

describe('the sample policy', () => {
  it('loads without any environment, for the issuer that npm start brings up', async () => {
    const result = await loadPolicyFolder(FOLDER, {});
    expect(result).toMatchObject({ ok: true });
    const [ada] = result.ok ? result.policy.directory.people : [];
    expect(ada?.accounts).toEqual([{ issuer: 'http://127.0.0.1:7082', subject: 'ada' }]);
  });

  it('asks one database administrator about SQL on production', () => {
    expect(evaluated('shop-production')).toMatchObject({
      effect: 'review',
      risk: { tier: 'low' },
      rules: [{ id: 'sql-on-production' }],
    });
    expect(requirementFor('shop-production').rules).toHaveLength(1);
    expect(standingAfter('shop-production', [])).toBe('pending');
    expect(standingAfter('shop-production', ['olga'])).toBe('approved');
    expect(standingAfter('shop-production', ['dmitri'])).toBe('approved');
  });

  it('lets the lead of the administrators decide only after half an hour', () => {
    const target = 'shop-production';
    expect(approve('petra', { target, at: minutes(29) })).toMatchObject({ ok: false, code: 'not_eligible' });
    expect(approve('petra', { target, at: minutes(30) })).toMatchObject({ ok: true, person: 'petra' });
  });

  it('asks two people about SQL on the ledger: an administrator first, then an owner', () => {
    expect(standingAfter('shop-ledger', ['olga'])).toBe('pending');
    expect(standingAfter('shop-ledger', ['olga', 'omar'])).toBe('approved');
    expect(standingAfter('shop-ledger', ['olga', 'dmitri'])).toBe('pending');
    expect(requirementFor('shop-ledger').rules.some((rule) => rule.is_reason_required)).toBe(true);
  });

  it('asks the owner about everything that no rule names', () => {
    expect(evaluated('shop-staging')).toMatchObject({ effect: 'review', rules: [] });
    expect(standingAfter('shop-staging', ['omar'])).toBe('approved');
    expect(standingAfter('shop-staging', ['olga'])).toBe('not_eligible');
  });

  it.each(['shop-production', 'shop-ledger', 'shop-staging'])('never lets the owner of the agent approve on %s', (target) => {
    expect(approve('ada', { target })).toMatchObject({ ok: false, code: 'self_approval' });
  });

  it('declares one agent as acting for people, and the others as working on their own', () => {
    const agents = policy.directory.agents.map((agent) => [agent.id, agent.owner, agent.acts_for_people]);
    expect(agents).toEqual([
      ['agent-billing', 'ada', false],
      ['agent-assistant', 'ada', true],
      ['agent-release', 'kofi', false],
      ['agent-analytics', 'hana', false],
    ]);
  });

  it('holds no secret: every database is reached by reference, everything else not at all', () => {
    const executed = policy.actions.filter(({ connector }) => connector !== null);
    const types = executed.map((action) => action.resource_type);
    for (const { resource_type, connection } of policy.targets) {
      const expected = types.includes(resource_type) ? 'env:KEYTURN_TARGET_SHOP_URL' : undefined;
      expect(connection['url']).toBe(expected);
    }
  });

  it('says why of every rule, and what each argument is', () => {
    expect(policy.rules.filter(({ because }) => because === null)).toEqual([]);
    for (const { action, arguments: schema } of policy.actions) {
      expect([action, schema['additionalProperties']]).toEqual([action, false]);
      const properties = Object.values(schema['properties'] ?? {}) as { readonly description?: string }[];
      expect(properties.map(({ description = '' }) => description)).not.toContain('');
    }
  });
});

describe('the tests of the sample policy', () => {
  it('pass, and reach every rule', () => {
    const report = runPolicyTests(policy, tests);
    expect(report.results.flatMap(({ name, failures }) => failures.map((failure) => ({ name, ...failure })))).toEqual(
      [],
    );
    expect(report.never_hit).toEqual([]);
  });

  it('notice when any limit of a rule or of the risk moves by one', () => {
    const all = withMovedLimits(policy);
    const unnoticed = all.filter(({ moved, actions }) => {
      const relevant = tests.filter(({ given }) => actions.includes(given.action));
      return runPolicyTests(moved, relevant).results.every(({ ok }) => ok);
    });
    expect(unnoticed.map(({ what }) => what)).toEqual([]);
    expect(all.length).toBeGreaterThan(40);
  });
});

interface MovedLimit {
  readonly what: string;
  readonly moved: PolicySet;
  /** The actions that it may make a difference to. */
  readonly actions: readonly string[];
}

/** Each policy that differs in one number of one condition, by one. */
function withMovedLimits(original: PolicySet): readonly MovedLimit[] {
  const { rules, risk } = original;
  const ofRules = rules.flatMap((rule, index) =>
    movedLimits(rule.when).map((when) => ({
      what: `${rule.id}: ${when}`,
      actions: rule.on.action,
      moved: { ...original, rules: rules.with(index, { ...rule, when }) },
    })),
  );
  const ofRisk = risk.lines.flatMap((line, index) =>
    movedLimits(line.when).map((when) => ({
      what: `${line.because}: ${when}`,
      actions: original.actions.map(({ action }) => action),
      moved: { ...original, risk: { ...risk, lines: risk.lines.with(index, { ...line, when }) } },
    })),
  );
  return [...ofRules, ...ofRisk];
}

function movedLimits(condition = ''): readonly string[] {
  return [...condition.matchAll(/(?<![\w."/])\d+(?!\w)/gu)].flatMap(({ 0: limit, index }) =>
    [Number(limit) - 1, Number(limit) + 1]
      .filter((moved) => moved >= 0)
      .map((moved) => condition.slice(0, index) + String(moved) + condition.slice(index + limit.length)),
  );
}
