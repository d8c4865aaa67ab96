import { AllowHistory, type AllowSuggestion } from './allow-suggestions.ts';
import { remembered } from '../domain/once-per.ts';
import { digestOf, type Digest } from '../domain/crypto/digest.ts';
import { requirementDigest } from '../domain/request/digests.ts';
import type { Evaluation } from '../domain/policy/evaluation.ts';
import type { PolicySet, RuleEffect } from '../domain/policy/policy.ts';
import type { StoredFacts } from '../domain/policy/built-in-facts.ts';
import type { Requirement } from '../domain/request/requirement.ts';
import type { Shortage } from '../domain/approval/satisfiable.ts';
import { BacktestSide, type BacktestRecord } from './backtest-side.ts';
import { isLooser } from './strictness.ts';

export type { BacktestRecord } from './backtest-side.ts';

/** One evaluation under both policies. */
export interface BacktestDifference {
  readonly request: string;
  readonly round: number;
  readonly action: string;
  readonly target: string;
  /** The candidate lets something through that the base would not; otherwise it is stricter. */
  readonly is_looser: boolean;
  readonly base: Evaluation;
  readonly candidate: Evaluation;
}

/** How many evaluations need a selector under each policy, and how many active people it has in each policy's directory. */
export interface SelectorLoad {
  readonly selector: string;
  readonly base: number;
  readonly candidate: number;
  /** Null if the policy does not list them, and for `owners`, who differ from request to request. */
  readonly people: { readonly base: number | null; readonly candidate: number | null };
}

/** A request that too few people of the candidate's directory could approve. */
export interface UnsatisfiableRequest {
  readonly request: string;
  readonly round: number;
  readonly shortages: readonly Shortage[];
}

/** How often an effect of the base became an effect of the candidate. */
export type EffectMatrix = Readonly<Record<RuleEffect, Readonly<Record<RuleEffect, number>>>>;

/** What a candidate would have done with recorded requests. Lists hold at most `limit` entries, counts count all. */
export interface BacktestReport {
  readonly evaluations: number;
  readonly matrix: EffectMatrix;
  readonly loosened: number;
  readonly loosened_first: readonly BacktestDifference[];
  readonly tightened: number;
  /** Evaluations in which a fact was missing for the candidate, and counted as stricter. */
  readonly facts_missing: number;
  /** Evaluations whose facts were erased: they are skipped. */
  readonly facts_erased: number;
  readonly load: readonly SelectorLoad[];
  readonly unsatisfiable: number;
  /**
   * Evaluations that would lack people only where not everybody is known: in groups seen in claims at sign-in, and on call
   * by a service. Absent where there are none.
   */
  readonly unknown?: number;
  /** The same for the base, by its own requirements and its own directory: what was wrong before. */
  readonly unsatisfiable_base: number;
  readonly unsatisfiable_first: readonly UnsatisfiableRequest[];
  /** Requests that were approved by people whose approvals would not have been enough. */
  readonly insufficient: number;
  readonly insufficient_first: readonly Pick<BacktestRecord, 'request' | 'round'>[];
  readonly suggestions: readonly AllowSuggestion[];
  /** Over every verdict on every record, in order: equal for equal records and policies, whatever the limit. */
  readonly digest: Digest;
}

const LIMIT = 20;

type Side = 'base' | 'candidate';

/** A backtest in progress, for records that arrive in batches. Never throws for what they hold. The order of records is part of the digest. */
export class Backtest {
  readonly #sides: Readonly<Record<Side, BacktestSide>>;
  readonly #limit: number;
  readonly #history: AllowHistory;
  readonly #matrix = { allow: noEffects(), review: noEffects(), forbid: noEffects() };
  readonly #load = new Map<string, { base: number; candidate: number }>();
  readonly #looser: BacktestDifference[] = [];
  readonly #unsatisfiable: UnsatisfiableRequest[] = [];
  readonly #insufficient: Pick<BacktestRecord, 'request' | 'round'>[] = [];
  readonly #counts = {
    evaluations: 0,
    loosened: 0,
    tightened: 0,
    missing: 0,
    erased: 0,
    unsatisfiable: 0,
    unknown: 0,
    unsatisfiableBase: 0,
    insufficient: 0,
  };
  #verdicts: string[] = [];
  #chain = '';

  constructor(base: PolicySet, candidate: PolicySet, { limit = LIMIT }: { readonly limit?: number } = {}) {
    this.#sides = { base: new BacktestSide(base), candidate: new BacktestSide(candidate) };
    this.#history = new AllowHistory(base);
    this.#limit = limit;
  }

  /** Adds one record. Answers the difference between the policies, or null if they agree or the facts were erased. */
  add(record: BacktestRecord): BacktestDifference | null {
    const { facts } = record;
    if (facts === null) {
      this.#counts.erased += 1;
      this.#note(record, 'erased');
      return null;
    }
    this.#counts.evaluations += 1;
    const base = this.#sides.base.evaluate(facts);
    const candidate = this.#sides.candidate.evaluate(facts);
    const both = { base, candidate };
    this.#matrix[base.effect][candidate.effect] += 1;
    if (candidate.is_degraded) this.#counts.missing += 1;
    this.#countLoad('base', base.requirement);
    this.#countLoad('candidate', candidate.requirement);
    this.#history.add({ ...record, facts }, base);
    const marks = [...this.#checkPeople(record, facts, both)];
    const difference = this.#compare(record, facts, both);
    if (difference) marks.push(difference.is_looser ? 'looser' : 'stricter');
    this.#note(record, `${base.effect} ${candidate.effect} ${marks.join(' ')}`);
    return difference;
  }

  report(): BacktestReport {
    const { evaluations, loosened, tightened, missing, erased, unknown, insufficient } = this.#counts;
    const found = {
      evaluations,
      matrix: this.#matrix,
      loosened,
      tightened,
      facts_missing: missing,
      facts_erased: erased,
      load: [...this.#load].map((entry) => this.#loadOf(entry)).sort(bySelector),
      unsatisfiable: this.#counts.unsatisfiable,
      unsatisfiable_base: this.#counts.unsatisfiableBase,
      ...(unknown > 0 ? { unknown } : {}),
      insufficient,
      suggestions: this.#history.suggestions(),
    };
    return {
      ...found,
      loosened_first: this.#looser,
      unsatisfiable_first: this.#unsatisfiable,
      insufficient_first: this.#insufficient,
      digest: digestOf({ found, verdicts: [this.#chain, this.#verdicts] }),
    };
  }

  #compare(
    { request, round }: BacktestRecord,
    { action, target }: StoredFacts,
    both: Pick<BacktestDifference, 'base' | 'candidate'>,
  ): BacktestDifference | null {
    const isLoose = isLooser(both.candidate, both.base);
    if (!isLoose && !isLooser(both.base, both.candidate)) return null;
    const difference = { request, round, action, target, is_looser: isLoose, ...both };
    this.#counts[isLoose ? 'loosened' : 'tightened'] += 1;
    if (isLoose && this.#looser.length < this.#limit) this.#looser.push(difference);
    return difference;
  }

  #loadOf([selector, counts]: readonly [string, Record<Side, number>]): SelectorLoad {
    const { base, candidate } = this.#sides;
    return {
      selector,
      ...counts,
      people: { base: base.sizeOf(selector), candidate: candidate.sizeOf(selector) },
    };
  }

  #countLoad(which: Side, requirement: Requirement | null): void {
    if (requirement === null) return;
    for (const selector of selectorsOf(requirement)) {
      remembered(this.#load, selector, () => ({ base: 0, candidate: 0 }))[which] += 1;
    }
  }

  *#checkPeople(
    record: BacktestRecord,
    facts: StoredFacts,
    both: Record<Side, Evaluation>,
  ): Generator<string> {
    const { request, round } = record;
    const { base, candidate } = this.#sides;
    const before = base.peopleFor(record, facts, both.base);
    const after = candidate.peopleFor(record, facts, both.candidate);
    if (before.shortages.some(isCertain)) this.#counts.unsatisfiableBase += 1;
    if (after.shortages.length > 0) yield this.#countShort({ request, round, shortages: after.shortages });
    if (after.isSufficient()) return;
    // The requirement is the same, and the base's own people did not meet it either: the candidate is not the cause.
    if (requirementKey(both.base) === requirementKey(both.candidate) && !before.isSufficient()) return;
    this.#counts.insufficient += 1;
    if (this.#insufficient.length < this.#limit) this.#insufficient.push({ request, round });
    yield 'insufficient';
  }

  #countShort(found: UnsatisfiableRequest): 'unknown' | 'unsatisfiable' {
    const isKnown = found.shortages.some(isCertain);
    const what = isKnown ? 'unsatisfiable' : 'unknown';
    this.#counts[what] += 1;
    if (isKnown && this.#unsatisfiable.length < this.#limit) this.#unsatisfiable.push(found);
    return what;
  }

  #note({ request, round }: BacktestRecord, verdict: string): void {
    this.#verdicts.push(`${request} ${round} ${verdict}`);
    if (this.#verdicts.length < FOLDED_AT) return;
    // Hashed as they arrive, so that memory does not grow with them.
    this.#chain = digestOf([this.#chain, this.#verdicts]);
    this.#verdicts = [];
  }
}

function requirementKey({ effect, requirement }: Evaluation): string {
  return requirement === null ? effect : requirementDigest(requirement);
}

/** Certain, because members who are not known could not make up for it. */
function isCertain({ unknown }: Shortage): boolean {
  return unknown === undefined;
}

const FOLDED_AT = 1_000;

function noEffects(): Record<RuleEffect, number> {
  return { allow: 0, review: 0, forbid: 0 };
}

function bySelector(left: SelectorLoad, right: SelectorLoad): number {
  return left.selector < right.selector ? -1 : 1;
}

/** The selectors of all stages, each once, without escalations. */
function selectorsOf(requirement: Requirement): ReadonlySet<string> {
  return new Set(requirement.rules.flatMap((rule) => rule.stages.flatMap((stage) => stage.any)));
}
