import { isOwnAction } from './policy.ts';
import type { StoredFacts } from './policy-facts.ts';
import type { Evaluation } from './evaluation.ts';

/** An allow rule that history would support. It is only told: nothing is ever allowed because of it. */
export interface AllowSuggestion {
  readonly action: string;
  readonly target: string;
  readonly approved: number;
  /** The most rows that any of these requests changed, or null where nothing is planned. */
  readonly rows_max: number | null;
  /** The rule, ready for a file under `rules/`. */
  readonly yaml: string;
}

/** Fewer approvals than this say nothing about the next request. */
const APPROVALS_MIN = 10;

interface Group {
  readonly action: string;
  readonly target: string;
  approved: number;
  rowsMax: number | null;
  isClean: boolean;
}

/** What people said about each action and target. One refusal, one risky request, one unknown fact spoils a group. */
export class AllowHistory {
  readonly #groups = new Map<string, Group>();

  add(facts: StoredFacts, evaluation: Evaluation, outcome: 'approved' | 'denied' | 'open'): void {
    if (isOwnAction(facts.action) || evaluation.effect === 'allow') return;
    const group = this.#groupOf(facts);
    if (!isHarmless(facts, evaluation) || outcome === 'denied') group.isClean = false;
    if (outcome === 'approved') group.approved += 1;
    if (facts.plan) group.rowsMax = Math.max(group.rowsMax ?? 0, facts.plan.rows_changed);
  }

  #groupOf({ action, target }: StoredFacts): Group {
    const key = JSON.stringify([action, target]);
    const group = this.#groups.get(key) ?? { action, target, approved: 0, rowsMax: null, isClean: true };
    this.#groups.set(key, group);
    return group;
  }

  suggestions(): readonly AllowSuggestion[] {
    return [...this.#groups.values()]
      .filter(({ isClean, approved }) => isClean && approved >= APPROVALS_MIN)
      .map(({ action, target, approved, rowsMax }) => ({
        action,
        target,
        approved,
        rows_max: rowsMax,
        yaml: ruleText({ action, target, approved, rowsMax, isClean: true }),
      }))
      .sort((left, right) => right.approved - left.approved || compare(left.yaml, right.yaml));
  }
}

function isHarmless({ plan }: StoredFacts, { risk, is_degraded: isDegraded }: Evaluation): boolean {
  return risk.tier === 'low' && !isDegraded && plan?.is_destructive !== true;
}

function compare(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

/** Names are quoted as JSON, which is YAML as well: what stands in a fact cannot become anything else. */
function ruleText({ action, target, approved, rowsMax }: Group): string {
  const condition =
    rowsMax === null
      ? 'risk.tier == "low"'
      : `risk.tier == "low" && plan.rows <= ${rowsMax} && !plan.destructive && plan.previewed`;
  const id = `allow-${action}-${target}`
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/gu, '-')
    .slice(0, 60);
  return [
    `- id: ${JSON.stringify(id.replace(/-+$/u, ''))}`,
    `  on: { action: [${JSON.stringify(action)}], target: [${JSON.stringify(target)}] }`,
    `  when: ${JSON.stringify(condition)}`,
    '  effect: allow',
    `  because: ${JSON.stringify(`${approved} requests like this were approved, none was denied`)}`,
  ].join('\n');
}
