import { AllowHistory, type AllowSuggestion } from './allow-suggestions.ts';
import { digestOf, type Digest } from '../domain/crypto/digest.ts';
import { requirementDigest, ruleRequirementDigest } from '../domain/request/digests.ts';
import { unchangedDirectories } from '../domain/approval/decision.ts';
import { evaluate, type Evaluation } from '../domain/policy/evaluation.ts';
import { identityKey, type Lineage } from '../domain/identity/identity.ts';
import { ownersByArguments } from '../domain/approval/owners.ts';
import type { PolicySet, RuleEffect } from '../domain/policy/policy.ts';
import { recalledFacts, type StoredFacts } from '../domain/policy/facts.ts';
import type { CountedDecision } from '../domain/approval/quorum.ts';
import { wouldSuffice } from '../domain/approval/recount.ts';
import type { Requirement, Selector } from '../domain/request/requirement.ts';
import { Reviewers } from '../domain/approval/reviewers.ts';
import { shortagesOf, type Shortage } from '../domain/approval/satisfiable.ts';
import { isLooser } from './strictness.ts';

/** A recorded evaluation of a planned request: the last one of its round. */
export interface BacktestRecord {
  readonly request: string;
  readonly round: number;
  /** Null when they were erased. */
  readonly facts: StoredFacts | null;
  readonly lineage: Lineage;
  /** What people said in that round, as far as it was known at the watermark. */
  readonly outcome: 'approved' | 'denied' | 'open';
  /** At some time up to the watermark the request expired, was denied, or failed. Absent: not as far as is known. */
  readonly has_failed?: boolean;
  readonly pending_since: string | null;
  /** Counted decisions of the round up to the watermark, in the order of recording. */
  readonly decisions: readonly CountedDecision[];
}

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

/** How many entries lists hold. */
const LIMIT = 20;

/** Evaluates every record by both policies. Never throws for what records hold. */
export function backtest(
  records: Iterable<BacktestRecord>,
  base: PolicySet,
  candidate: PolicySet,
): BacktestReport {
  const run = new Backtest(base, candidate);
  for (const record of records) run.add(record);
  return run.report();
}

/** Each policy is evaluated with its own directory: what one holds says nothing about the other. */
type Side = 'base' | 'candidate';

/** A backtest in progress, for records that arrive in batches. The order of records is part of the digest. */
export class Backtest {
  readonly #base: PolicySet;
  readonly #candidate: PolicySet;
  readonly #limit: number;
  readonly #history: AllowHistory;
  readonly #matrix = { allow: noEffects(), review: noEffects(), forbid: noEffects() };
  readonly #load = new Map<string, { base: number; candidate: number }>();
  readonly #shortages: Readonly<Record<Side, Map<string, readonly Shortage[]>>>;
  readonly #reviewers: Readonly<Record<Side, Reviewers>>;
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
    this.#base = base;
    this.#candidate = candidate;
    this.#history = new AllowHistory(base);
    this.#shortages = { base: new Map(), candidate: new Map() };
    this.#reviewers = { base: new Reviewers(base), candidate: new Reviewers(candidate) };
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
    const base = evaluated(this.#base, facts);
    const candidate = evaluated(this.#candidate, facts);
    this.#matrix[base.effect][candidate.effect] += 1;
    if (candidate.is_degraded) this.#counts.missing += 1;
    this.#countLoad('base', base.requirement);
    this.#countLoad('candidate', candidate.requirement);
    this.#history.add({ ...record, facts }, base);
    const marks = [...this.#checkPeople(record, facts, { base, candidate })];
    const difference = this.#compare(record, facts, { base, candidate });
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
    if (!isLoose) this.#counts.tightened += 1;
    else {
      this.#counts.loosened += 1;
      if (this.#looser.length < this.#limit) this.#looser.push(difference);
    }
    return difference;
  }

  #loadOf([selector, counts]: readonly [string, Record<Side, number>]): SelectorLoad {
    const peopleBy = (side: Side): number | null =>
      selector === 'owners' ? null : (this.#reviewers[side].peopleOf(selector as Selector)?.size ?? null);
    return { selector, ...counts, people: { base: peopleBy('base'), candidate: peopleBy('candidate') } };
  }

  #countLoad(which: Side, requirement: Requirement | null): void {
    if (requirement === null) return;
    for (const selector of selectorsOf(requirement)) {
      const counts = this.#load.get(selector) ?? { base: 0, candidate: 0 };
      counts[which] += 1;
      this.#load.set(selector, counts);
    }
  }

  *#checkPeople(
    record: BacktestRecord,
    facts: StoredFacts,
    both: Record<Side, Evaluation>,
  ): Generator<string> {
    const { request, round } = record;
    const [{ shortages: before, ...base }, { shortages, owners }] = [
      this.#peopleFor('base', record, { facts, evaluation: both.base }),
      this.#peopleFor('candidate', record, { facts, evaluation: both.candidate }),
    ];
    if (before.some(isCertain)) this.#counts.unsatisfiableBase += 1;
    if (shortages.length > 0) yield this.#countShort({ request, round, shortages });
    if (this.#isSufficient('candidate', record, { evaluation: both.candidate, owners })) return;
    // The requirement is the same, and the base's own people did not meet it either: the candidate is not the cause.
    const isUnchanged = requirementKey(both.base) === requirementKey(both.candidate);
    if (isUnchanged && !this.#isSufficient('base', record, { ...base, evaluation: both.base })) return;
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

  /** A request that was never approved lacks no approval. */
  #isSufficient(
    side: Side,
    record: BacktestRecord,
    { evaluation, owners }: { readonly evaluation: Evaluation; readonly owners: readonly string[] },
  ): boolean {
    const { outcome, pending_since: pendingSince } = record;
    if (outcome !== 'approved' || pendingSince === null) return true;
    const policy = side === 'base' ? this.#base : this.#candidate;
    return wouldSuffice(evaluation, { ...record, pending_since: pendingSince, owners }, policy);
  }

  #peopleFor(
    side: Side,
    record: BacktestRecord,
    { facts, evaluation }: { readonly facts: StoredFacts; readonly evaluation: Evaluation },
  ): { readonly owners: readonly string[]; readonly shortages: readonly Shortage[] } {
    const owners = ownersByArguments(side === 'base' ? this.#base : this.#candidate, facts);
    const { requirement } = evaluation;
    return { owners, shortages: this.#shortagesOf(side, record, { requirement, owners }) };
  }

  /** Remembered by rules, lineage and owners: most requests are alike. */
  #shortagesOf(
    side: Side,
    { lineage }: BacktestRecord,
    { requirement, owners }: { readonly requirement: Requirement | null; readonly owners: readonly string[] },
  ): readonly Shortage[] {
    if (requirement === null) return [];
    const memo = this.#shortages[side];
    const rules = requirement.rules.map((rule) => [rule.rule, ruleRequirementDigest(rule)]);
    const key = JSON.stringify([requirement.distinct_people, rules, lineage.map(identityKey), owners]);
    const known = memo.get(key);
    if (known) return known;
    const policy = side === 'base' ? this.#base : this.#candidate;
    const directories = unchangedDirectories(policy, owners);
    const found = shortagesOf({ requirement, lineage, owners, directories });
    if (memo.size >= SHORTAGES_MAX) memo.clear();
    memo.set(key, found);
    return found;
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

/** A policy without the target, and unreadable facts, let nothing through. */
const NOTHING_PASSES: Evaluation = {
  effect: 'forbid',
  risk: { tier: 'critical', score: 0, reasons: [] },
  requirement: null,
  rules: [],
  is_degraded: true,
  is_break_glass: false,
  undecided: [],
};

function evaluated(policy: PolicySet, stored: StoredFacts): Evaluation {
  try {
    const facts = recalledFacts(policy, stored);
    return facts ? evaluate(policy, facts, 'planned') : NOTHING_PASSES;
  } catch {
    return NOTHING_PASSES;
  }
}

const SHORTAGES_MAX = 10_000;
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
