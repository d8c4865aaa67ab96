import { escalationSteps } from '../domain/approval/escalation.ts';
import { approversLeft, shortagesOf, type ShortageFacts } from '../domain/approval/satisfiable.ts';
import { tallyFactsOf } from '../domain/approval/seats.ts';
import { offersBreakGlass } from '../domain/policy/evaluation.ts';
import type { RuleEffect } from '../domain/policy/policy.ts';
import {
  directoriesIn,
  expiryOf,
  ownersIn,
  type EvaluatedRequest,
  type PolicyTestStatus,
  type ReviewAfter,
} from './policy-test-review.ts';
import type { ChannelLimit, Requirement, RiskTier, Selector, Stage } from '../domain/request/requirement.ts';

/** The break-glass path of this request: it takes it, could take it, or has none. */
export const BREAK_GLASS_PATHS = ['taken', 'offered', 'unavailable'] as const;

type BreakGlassPath = (typeof BREAK_GLASS_PATHS)[number];

/** What a test expects of the evaluation; what is left out may be anything. */
export interface PolicyTestExpectation {
  readonly effect?: RuleEffect;
  readonly risk?: RiskTier;
  readonly rules?: readonly string[];
  /** All stages of all rules, as `stageText` writes them, in any order. */
  readonly stages?: readonly string[];
  /** Wall-clock time since the request, also if rules count business time. */
  readonly expires_ms?: number;
  /** RFC 3339 UTC. */
  readonly expires_at?: string;
  /** Each escalation that is due or will be, as `escalationText` writes it, in any order. */
  readonly escalates?: readonly string[];
  /** Whether the request takes a break-glass path, or could. */
  readonly break_glass?: BreakGlassPath;
  /** Rules with more seats than people who may fill them, in any order; `*`: too few different people over all rules. */
  readonly shortage?: readonly string[];
  /** Ids of everybody whose approval could still count, now or once it escalates, in any order. */
  readonly approvers?: readonly string[];
  /** What the decisions that are given lead to. */
  readonly status?: PolicyTestStatus;
  /** What channels may show. */
  readonly channels?: ChannelLimit;
}

export interface PolicyTestFailure {
  /** `effect`, `stages`, `may olga`, … */
  readonly what: string;
  readonly expected: string;
  readonly got: string;
}

type Words<Word> = Readonly<Record<keyof PolicyTestExpectation, Word>>;

export function unexpected(
  expect: PolicyTestExpectation,
  evaluated: EvaluatedRequest,
  review: ReviewAfter,
): readonly PolicyTestFailure[] {
  const [got, wanted] = [foundIn(evaluated, review), wantedBy(expect)];
  return (Object.keys(got) as (keyof Words<string>)[]).flatMap((key) => {
    const expected = wanted[key];
    const what = key === 'expires_ms' ? 'expires' : key;
    return expected === undefined || expected === got[key] ? [] : [{ what, expected, got: got[key] }];
  });
}

function foundIn(evaluated: EvaluatedRequest, review: ReviewAfter): Words<string> {
  const { effect, risk, requirement, rules } = evaluated.evaluation;
  const expiresAt = requirement && expiryOf(evaluated, requirement);
  const isNever = 'nothing to decide';
  return {
    effect,
    risk: risk.tier,
    rules: listText(rules.map((rule) => rule.id)),
    stages: listText(stageTexts(requirement)),
    expires_ms: expiresAt === null ? isNever : durationText(expiresAt - Date.parse(evaluated.facts.at)),
    expires_at: expiresAt === null ? isNever : new Date(expiresAt).toISOString(),
    break_glass: breakGlassOf(evaluated),
    status: review.status,
    channels: requirement?.channels ?? 'all',
    escalates: listText(escalationsOf(review)),
    shortage: listText(shortageOf(evaluated)),
    approvers: listText(approversOf(evaluated, review)),
  };
}

function wantedBy({
  rules,
  stages,
  escalates,
  shortage,
  approvers,
  ...expect
}: PolicyTestExpectation): Partial<Words<string>> {
  const lists = Object.entries({ rules, stages, escalates, shortage, approvers });
  const { expires_ms: expires, ...words } = expect;
  return {
    ...words,
    ...(expires === undefined ? {} : { expires_ms: durationText(expires) }),
    ...Object.fromEntries(lists.flatMap(([key, list]) => (list ? [[key, listText(list)] as const] : []))),
  };
}

/** For a request without break-glass: whether the same request with it could take the path. */
function breakGlassOf({ policy, facts, evaluation }: EvaluatedRequest): BreakGlassPath {
  if (evaluation.is_break_glass) return 'taken';
  const withBreakGlass = { ...facts, request: { ...facts.request, break_glass: true } };
  return offersBreakGlass(policy, withBreakGlass) ? 'offered' : 'unavailable';
}

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const;

/** In the largest unit that leaves nothing over, as policy files write it. */
function durationText(milliseconds: number): string {
  const [unit, size] = UNITS.find(([, length]) => milliseconds % length === 0) ?? ['ms', 1];
  return `${milliseconds / size}${unit}`;
}

function listText(words: readonly string[]): string {
  return `[${words.toSorted().join(', ')}]`;
}

/** `group:dba or owners x2`: who may fill a stage, escalations left out, and how many of them it needs. */
export function stageText({ any, quorum }: Pick<Stage, 'any' | 'quorum'>): string {
  return `${any.toSorted().join(' or ')} x${quorum}`;
}

function stageTexts(requirement: Requirement | null): readonly string[] {
  return (requirement?.rules ?? []).flatMap((rule) => rule.stages.map(stageText));
}

/** `group:dba-leads at 2026-01-12T08:00:00.000Z` */
export function escalationText({ to, at }: { readonly to: Selector; readonly at: string }): string {
  return `${to} at ${at}`;
}

/** Escalations of the stages that are open after the decisions of a test, due or not: none once it is decided. */
function escalationsOf({ request, status, nowMs }: ReviewAfter): readonly string[] {
  if (request === null || status !== 'pending') return [];
  return escalationSteps(tallyFactsOf(request, new Date(nowMs).toISOString())).map(escalationText);
}

/** The rules that too few people could satisfy when the request was made. */
function shortageOf(evaluated: EvaluatedRequest): readonly string[] {
  const facts = shortageFacts(evaluated);
  return facts === null ? [] : shortagesOf(facts).map(({ rule }) => rule);
}

/** Everybody who could fill a seat while it is pending, but for those behind the request and those who decided. */
function approversOf(evaluated: EvaluatedRequest, { request, status }: ReviewAfter): readonly string[] {
  const facts = status === 'pending' ? shortageFacts(evaluated) : null;
  const decided = new Set(request?.decisions.map(({ person }) => person));
  return facts === null ? [] : approversLeft(facts).filter((person) => !decided.has(person));
}

function shortageFacts(evaluated: EvaluatedRequest): ShortageFacts | null {
  const { lineage, evaluation } = evaluated;
  const { requirement } = evaluation;
  return (
    requirement && {
      requirement,
      lineage,
      owners: ownersIn(evaluated),
      directories: directoriesIn(evaluated),
    }
  );
}
