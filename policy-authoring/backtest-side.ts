import { unchangedDirectories } from '../domain/approval/decision.ts';
import { ownersByArguments } from '../domain/approval/owners.ts';
import type { CountedDecision } from '../domain/approval/quorum.ts';
import { wouldSuffice } from '../domain/approval/recount.ts';
import { Reviewers } from '../domain/approval/reviewers.ts';
import { shortagesOf, type Shortage } from '../domain/approval/satisfiable.ts';
import { identityKey, type Lineage } from '../domain/identity/identity.ts';
import { evaluate, type Evaluation } from '../domain/policy/evaluation.ts';
import { recalledFacts, type StoredFacts } from '../domain/policy/built-in-facts.ts';
import type { PolicySet } from '../domain/policy/policy.ts';
import { BoundedMap, remembered } from '../domain/once-per.ts';
import { ruleRequirementDigest } from '../domain/request/digests.ts';
import type { Requirement, Selector } from '../domain/request/requirement.ts';

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

/** What a policy says of the people of a request. */
interface People {
  readonly shortages: readonly Shortage[];
  /** Those who approved would have been enough. A request that was never approved lacks no approval. */
  readonly isSufficient: () => boolean;
}

const SHORTAGES_MAX = 10_000;

/** One of the two policies, with its own directory: what one holds says nothing about the other. */
export class BacktestSide {
  readonly #policy: PolicySet;
  readonly #reviewers: Reviewers;
  readonly #shortages = new BoundedMap<string, readonly Shortage[]>(SHORTAGES_MAX);

  constructor(policy: PolicySet) {
    this.#policy = policy;
    this.#reviewers = new Reviewers(policy);
  }

  /** Never throws for what records hold. */
  evaluate(stored: StoredFacts): Evaluation {
    try {
      const facts = recalledFacts(this.#policy, stored);
      return facts ? evaluate(this.#policy, facts, 'planned') : NOTHING_PASSES;
    } catch {
      return NOTHING_PASSES;
    }
  }

  /** How many people a selector has; null where the policy does not say. */
  sizeOf(selector: string): number | null {
    return selector === 'owners' ? null : (this.#reviewers.peopleOf(selector as Selector)?.size ?? null);
  }

  peopleFor(record: BacktestRecord, facts: StoredFacts, evaluation: Evaluation): People {
    const owners = ownersByArguments(this.#policy, facts);
    const { outcome, pending_since: since, lineage } = record;
    return {
      shortages: this.#shortagesOf(lineage, owners, evaluation.requirement),
      isSufficient: () =>
        outcome !== 'approved' ||
        since === null ||
        wouldSuffice(evaluation, { ...record, pending_since: since, owners }, this.#policy),
    };
  }

  /** Remembered by rules, lineage and owners: most requests are alike. */
  #shortagesOf(
    lineage: Lineage,
    owners: readonly string[],
    requirement: Requirement | null,
  ): readonly Shortage[] {
    if (requirement === null) return [];
    const rules = requirement.rules.map((rule) => [rule.rule, ruleRequirementDigest(rule)]);
    const key = JSON.stringify([requirement.distinct_people, rules, lineage.map(identityKey), owners]);
    return remembered(this.#shortages, key, () => {
      const directories = unchangedDirectories(this.#policy, owners);
      return shortagesOf({ requirement, lineage, owners, directories });
    });
  }
}
