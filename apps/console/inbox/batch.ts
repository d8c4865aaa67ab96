import type { CardAnswer } from '../../../contract/cards.ts';
import type { DecisionBody } from '../../../contract/decisions.ts';

/** What many requests can be decided by at once. */
export type BatchVerdict = 'approve' | 'deny';

/** Why this card is not approved together with others; null where it may be. One look at each is due to these. */
export function whyAlone({ card }: Pick<CardAnswer, 'card'>): string | null {
  const { risk, cut, requirement, preview, plan } = card;
  if (!risk || !requirement || !plan) return 'Not all of it is shown to you';
  if (risk.tier === 'high' || risk.tier === 'critical') return `Its risk is ${risk.tier}`;
  if (!['C', 'D'].includes(requirement.minimum_grade))
    return `It takes evidence of grade ${requirement.minimum_grade}, and a signed-in browser gives C`;
  if (cut && cut.rows + cut.values > 0) return 'Part of what changes is only counted';
  if (!(preview?.is_whole ?? false)) return 'Not all that would happen could be previewed';
  return null;
}

/** True where a reason must be given. */
export function needsReason({ card }: Pick<CardAnswer, 'card'>): boolean {
  return card.requirement?.rules.some((rule) => rule.is_reason_required) ?? false;
}

/** One of the decisions of POST /v1/decisions. */
export interface BatchDecision extends Pick<DecisionBody, 'decision_digest' | 'verdict' | 'reason'> {
  readonly request: string;
  readonly view_digest: string;
  readonly opened: readonly string[];
}

/** What became of it. */
export interface BatchResult {
  readonly request: string;
  readonly status: number;
  readonly problem: { readonly code: string; readonly detail: string } | null;
}

/** The decision on one card, as it was shown. */
export function decisionOn(answer: CardAnswer, verdict: BatchVerdict, reason: string): BatchDecision {
  const { card, view_digest } = answer;
  return {
    request: card.request.id,
    decision_digest: card.decision_digest ?? '',
    view_digest,
    // A line of the batch shows these.
    opened: ['request', 'lineage', 'plan', 'risk'],
    verdict,
    ...(reason.trim() !== '' && { reason }),
  };
}
