import { tally, type TallyFacts } from './quorum.ts';
import type { Selector, Stage } from './requirement.ts';

/** An escalation that became due, or will. */
export interface EscalationStep {
  readonly rule: number;
  readonly stage: number;
  readonly to: Selector;
  /** Absolute instant, RFC 3339 UTC. */
  readonly at: string;
}

/** Who may decide a stage at an instant: its own selectors and every escalation already due. Escalation only widens. */
export function selectorsAt(stage: Stage, openedAt: string, at: string): readonly Selector[] {
  const due = stage.escalate.filter((step) => Date.parse(openedAt) + step.after_ms <= Date.parse(at));
  return [...new Set([...stage.any, ...due.map((step) => step.to)])];
}

/** All escalation steps of stages that are open and not yet filled, earliest first. */
export function escalationSteps(facts: TallyFacts): readonly EscalationStep[] {
  const standing = tally(facts);
  return facts.requirement.rules
    .flatMap((rule, ruleIndex) =>
      rule.stages.flatMap((stage, stageIndex) => {
        const now = standing.rules[ruleIndex]?.[stageIndex];
        if (!now || now.opened_at === null || now.filled_by.length >= now.quorum) return [];
        const opened = Date.parse(now.opened_at);
        return stage.escalate.map((step) => ({
          rule: ruleIndex,
          stage: stageIndex,
          to: step.to,
          at: new Date(opened + step.after_ms).toISOString(),
        }));
      }),
    )
    .sort((left, right) => Date.parse(left.at) - Date.parse(right.at));
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
