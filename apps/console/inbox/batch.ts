import type { CardAnswer } from '../../../contract/cards.ts';
import type { DecideManyAnswer, DecideManyBody } from '../../../contract/decisions.ts';

/** What many requests can be decided by at once. */
export type BatchVerdict = 'approve' | 'deny';

type Card = CardAnswer['card'];

/** One of the decisions of POST /v1/decisions. */
export type BatchDecision = DecideManyBody['items'][number];

/** Its outcome. */
export type BatchResult = DecideManyAnswer['items'][number];

/** What calls for a look at one request alone, and in which words. The server holds to the same. */
const ALONE: readonly (readonly [is: (card: Card) => boolean, why: (card: Card) => string])[] = [
  [({ risk, requirement, plan }) => !risk || !requirement || !plan, () => 'You may not see all of it'],
  [
    ({ risk }) => risk?.tier === 'high' || risk?.tier === 'critical',
    ({ risk }) => `Its risk is ${risk?.tier ?? ''}`,
  ],
  [
    ({ requirement }) => requirement?.minimum_grade === 'A' || requirement?.minimum_grade === 'B',
    ({ requirement }) =>
      `It takes evidence of grade ${requirement?.minimum_grade ?? ''}, and a signed-in browser gives C`,
  ],
  [({ cut }) => (cut?.rows ?? 0) + (cut?.values ?? 0) > 0, () => 'Part of what changes is not shown'],
  [({ preview }) => !(preview?.is_whole ?? false), () => 'Not all that would happen could be previewed'],
];

/** Why this card is not approved together with others; null where it may be. */
export function whyAlone({ card }: Pick<CardAnswer, 'card'>): string | null {
  return ALONE.find(([is]) => is(card))?.[1](card) ?? null;
}

/** True where a reason must be given. */
export function needsReason({ card }: Pick<CardAnswer, 'card'>): boolean {
  return card.requirement?.rules.some((rule) => rule.is_reason_required) ?? false;
}

/** The decision on one card, as it was shown. */
export function decisionOn(answer: CardAnswer, verdict: BatchVerdict, reason: string): BatchDecision {
  const { card, view_digest } = answer;
  return {
    id: card.request.id,
    decision_digest: card.decision_digest ?? '',
    view_digest,
    // A line of the batch says what a card is about, and shows no part of it whole.
    opened: [],
    verdict,
    ...(reason.trim() !== '' && { reason }),
  };
}
