import { timeAfter, type Clocked, type Clocks } from '../calendar/clock.ts';
import { tally, type CountedDecision, type TallyFacts } from './quorum.ts';
import type { Selector, Stage } from '../request/requirement.ts';

/** An escalation that became due, or will. */
export interface EscalationStep {
  readonly rule: number;
  readonly stage: number;
  readonly to: Selector;
  /** Absolute instant, RFC 3339 UTC. */
  readonly at: string;
}

/** A stage, with what its rule counts time by. */
export interface ClockedStage {
  readonly stage: Stage;
  readonly rule: Clocked;
  readonly clocks: Clocks | undefined;
}

/** One step of a ladder, and its instant. */
export interface Rung {
  readonly to: Selector;
  readonly after_ms: number;
  /** RFC 3339 UTC. Null while the stage is not open, and where its clock is not known that far. */
  readonly at: string | null;
}

/** When a stage is opened to whom else. Everything that acts on a ladder or shows it reads it here. */
export function ladderOf({ stage, rule, clocks }: ClockedStage, openedAt: string | null): readonly Rung[] {
  const fromMs = openedAt === null ? Number.NaN : Date.parse(openedAt);
  return stage.escalate.map(({ to, after_ms }) => {
    const dueMs = Number.isNaN(fromMs) ? null : timeAfter(rule, { fromMs, durationMs: after_ms }, clocks);
    return { to, after_ms, at: dueMs === null ? null : new Date(dueMs).toISOString() };
  });
}

/** Who may decide a stage at an instant: its own selectors and every escalation already due. Escalation only widens. */
export function selectorsAt(clocked: ClockedStage, openedAt: string, at: string): readonly Selector[] {
  const due = ladderOf(clocked, openedAt).filter(
    (rung) => rung.at !== null && Date.parse(rung.at) <= Date.parse(at),
  );
  return [...new Set([...clocked.stage.any, ...due.map(({ to }) => to)])];
}

/** All escalation steps of stages that are open and not yet filled, as far as clocks are known, earliest first. */
export function escalationSteps(facts: TallyFacts): readonly EscalationStep[] {
  const standing = tally(facts);
  // Who approved before their turn fills the seat by the escalation: that is no reason for it not to happen.
  const without = tally({ ...facts, decisions: facts.decisions.map(withoutEscalation) });
  return facts.requirement.rules
    .flatMap((rule, ruleIndex) =>
      rule.stages.flatMap((stage, stageIndex) => {
        const openedAt = standing.rules[ruleIndex]?.[stageIndex]?.opened_at ?? null;
        const filled = without.rules[ruleIndex]?.[stageIndex]?.filled_by.length ?? 0;
        if (openedAt === null || filled >= stage.quorum) return [];
        return ladderOf({ stage, rule, clocks: facts.clocks }, openedAt).flatMap(({ to, at }) =>
          at === null ? [] : [{ rule: ruleIndex, stage: stageIndex, to, at }],
        );
      }),
    )
    .sort((left, right) => Date.parse(left.at) - Date.parse(right.at));
}

function withoutEscalation(decision: CountedDecision): CountedDecision {
  return { ...decision, seats: decision.seats.filter(({ after_ms }) => after_ms === undefined) };
}

/** The next escalation strictly after `after`, or null. */
export function nextEscalation(facts: TallyFacts, after: string): EscalationStep | null {
  return escalationSteps(facts).find((step) => Date.parse(step.at) > Date.parse(after)) ?? null;
}

/**
 * How long after `expires_at` the request is closed. A decision issued before the expiry may still be on its way;
 * one issued after it counts nothing, whenever it arrives.
 */
export const EXPIRY_GRACE_MS = 2_000;
