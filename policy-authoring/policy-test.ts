import type { JsonValue } from '../domain/crypto/canonical-json.ts';
import type { Directory } from '../domain/identity/directory.ts';
import type { ErrorCode } from '../domain/errors.ts';
import { evaluate, evaluateRules, type EvaluatedRule } from '../domain/policy/evaluation.ts';
import type { ValueRead } from '../domain/conditions/values-read.ts';
import type { Identity, Lineage, LineageMember } from '../domain/identity/identity.ts';
import { actionOf, targetOf, type PolicySet, type Rule } from '../domain/policy/policy.ts';
import type {
  HistoryFacts,
  Phase,
  PlanFacts,
  PolicyFacts,
  WindowFacts,
} from '../domain/policy/built-in-facts.ts';
import { unexpected, type PolicyTestExpectation, type PolicyTestFailure } from './policy-test-expectation.ts';
import { amountOf } from '../domain/policy/counting-windows.ts';
import { factsOf } from '../domain/policy/policy-query.ts';
import {
  accountOf,
  answerTo,
  reviewAfter,
  type EvaluatedRequest,
  type PolicyTestDecision,
} from './policy-test-review.ts';
import type { RequestMode } from '../domain/request/status.ts';

/** The request of a test. Everything a person could not know by heart has a harmless default. */
export interface PolicyTestGiven {
  readonly action: string;
  readonly target: string;
  /** Id of an agent or of a person. */
  readonly requester: string;
  readonly on_behalf_of: string | null;
  /** The same, where only the body of the call names the person. */
  readonly declared_on_behalf_of: string | null;
  readonly arguments: Readonly<Record<string, JsonValue>>;
  /** Null: the request is not planned yet. */
  readonly plan: PlanFacts | null;
  readonly mode: RequestMode;
  readonly break_glass: boolean;
  /** RFC 3339 UTC. */
  readonly at: string;
  readonly history: HistoryFacts;
  /** By id. A window that is left out holds this request only. */
  readonly windows: Readonly<Record<string, WindowFacts>>;
  /** Who is on call by rotations of paging services, by id: ids of people. Unknown for rotations that are left out. */
  readonly on_call?: Readonly<Record<string, readonly string[]>>;
  /** Earlier decisions, in chronological order. */
  readonly decisions: readonly PolicyTestDecision[];
}

/** The possible results of a reviewer's approval in a test. */
export const REVIEW_ANSWERS = [
  'yes',
  'self_approval',
  'not_eligible',
  'on_call_unknown',
  'reviewer_inactive',
  'reviewer_unknown',
  'request_not_pending',
  'request_expired',
  'already_decided',
] as const satisfies readonly ('yes' | ErrorCode)[];

export interface PolicyTest {
  readonly name: string;
  /** `tests/sql.yaml:3` */
  readonly source: string;
  readonly given: PolicyTestGiven;
  readonly expect: PolicyTestExpectation;
  /** By id of the reviewer: `yes`, or the code of the refusal. */
  readonly may: Readonly<Record<string, (typeof REVIEW_ANSWERS)[number]>>;
  /** How long after the request became pending the reviewers decide. */
  readonly after_ms: number;
}

/** A rule that was expected to act and did not, with what its condition read. */
export interface MissedRule {
  readonly id: string;
  readonly source: string;
  readonly outcome: EvaluatedRule['outcome'];
  readonly read: readonly ValueRead[];
}

export interface PolicyTestResult {
  readonly name: string;
  readonly source: string;
  readonly ok: boolean;
  readonly failures: readonly PolicyTestFailure[];
  readonly missed: readonly MissedRule[];
}

/** The results of all tests, and the rules that none of them reached. */
export interface PolicyTestReport {
  readonly results: readonly PolicyTestResult[];
  readonly rules: number;
  readonly never_hit: readonly Pick<Rule, 'id' | 'source'>[];
}

/** Runs tests against a policy and its own directory. A rule counts as reached when its condition was true and it acted. */
export function runPolicyTests(policy: PolicySet, tests: readonly PolicyTest[]): PolicyTestReport {
  const hit = new Set<string>();
  const results = tests.map((test) => {
    const evaluated = evaluateTest(policy, test);
    for (const rule of evaluated?.evaluation.rules ?? []) if (rule.is_error !== true) hit.add(rule.id);
    return evaluated ? checkTest(test, evaluated) : impossible(test);
  });
  const neverHit = policy.rules.filter(({ id }) => !hit.has(id)).map(({ id, source }) => ({ id, source }));
  return { results, rules: policy.rules.length, never_hit: neverHit };
}

interface EvaluatedTest extends EvaluatedRequest {
  readonly phase: Phase;
}

/** Null when the policy knows no such target or requester. */
function evaluateTest(policy: PolicySet, { given }: PolicyTest): EvaluatedTest | null {
  const target = targetOf(policy, given.target);
  const lineage = lineageOf(policy.directory, given);
  if (!target || !lineage) return null;
  const { action, plan, at, history, mode, break_glass } = given;
  const isTooEarly = plan === null && actionOf(policy, action)?.connector !== null;
  const { directory } = policy;
  const known = { action, target, args: given.arguments, plan };
  const query = { policy, directory, lineage, mode, break_glass, ...known, at: new Date(at) };
  const facts = factsOf(query, { history, windows: isTooEarly ? null : windowsOf(policy, given, known) });
  const phase = isTooEarly ? 'creation' : 'planned';
  const evaluation = evaluate(policy, facts, phase);
  return { policy, facts, phase, lineage, evaluation, onCall: given.on_call ?? {} };
}

function windowsOf(
  policy: PolicySet,
  given: PolicyTestGiven,
  known: Pick<PolicyFacts, 'plan' | 'args'>,
): Readonly<Record<string, WindowFacts>> {
  const own = policy.windows
    .filter((window) => window.action.includes(given.action))
    .map((window) => [window.id, { count: 1, sum: amountOf(window, known) }] as const);
  return { ...Object.fromEntries(own), ...given.windows };
}

/** Requester, the person acted for, the owner of the agent: as the API puts it together. */
function lineageOf(directory: Directory, given: PolicyTestGiven): Lineage | null {
  const agent = directory.agents.find(({ id }) => id === given.requester);
  const requester: Identity | undefined = agent ?? accountOf(directory, given.requester);
  if (!requester) return null;
  const others: readonly (readonly [Omit<LineageMember, keyof Identity>, string | null | undefined])[] = [
    [{ role: 'on_behalf_of' }, given.on_behalf_of],
    [{ role: 'on_behalf_of', is_declared: true }, given.declared_on_behalf_of],
    [{ role: 'owner' }, agent?.owner],
  ];
  return [
    { role: 'requester', issuer: requester.issuer, subject: requester.subject },
    ...others.flatMap(([member, id]) => {
      const account = id ? accountOf(directory, id) : undefined;
      return account ? [{ ...member, issuer: account.issuer, subject: account.subject }] : [];
    }),
  ];
}

function impossible({ name, source, given }: PolicyTest): PolicyTestResult {
  const got = `no such requester or target: ${given.requester}, ${given.target}`;
  return { name, source, ok: false, failures: [{ what: 'given', expected: 'a request', got }], missed: [] };
}

function checkTest(test: PolicyTest, evaluated: EvaluatedTest): PolicyTestResult {
  const { name, source, expect, may, after_ms: afterMs } = test;
  const review = reviewAfter(evaluated, test.given.decisions, afterMs);
  const failures = [
    ...review.refused.map(({ by, code }) => ({ what: `decision of ${by}`, expected: 'counted', got: code })),
    ...unexpected(expect, evaluated, review),
    ...Object.entries(may).flatMap(([person, expected]) => {
      const got = answerTo(evaluated, review, person);
      return got === expected ? [] : [{ what: `may ${person}`, expected, got }];
    }),
  ];
  return { name, source, ok: failures.length === 0, failures, missed: missedRules(expect, evaluated) };
}

function missedRules(expect: PolicyTestExpectation, evaluated: EvaluatedTest): readonly MissedRule[] {
  const acted = new Set(evaluated.evaluation.rules.map((rule) => rule.id));
  const missing = new Set((expect.rules ?? []).filter((id) => !acted.has(id)));
  if (missing.size === 0) return [];
  const outcomes = evaluateRules(evaluated.policy, evaluated.facts, evaluated.phase);
  const found = outcomes.filter(({ rule }) => missing.has(rule.id));
  return found.map(({ rule, outcome, read }) => ({ id: rule.id, source: rule.source, outcome, read }));
}
