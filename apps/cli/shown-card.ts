import { digestOf } from '../../domain/crypto/digest.ts';
import { cardAnswerSchema, type CardAnswer } from '../../contract/cards.ts';
import type { RequestView } from '../../contract/requests.ts';
import { KeyturnProblem, type KeyturnClient } from '../../sdk/client.ts';

/**
 * The card of a request. Null where the server has none, or one with more in it than this program shows: then nothing is
 * said of it.
 */
export async function cardOf(client: KeyturnClient, id: string): Promise<CardAnswer | null> {
  try {
    const { data } = cardAnswerSchema.safeParse(await client.card(id));
    return data !== undefined && digestOf(data.card) === data.view_digest ? data : null;
  } catch (error) {
    if (error instanceof KeyturnProblem && error.status === 404) return null;
    throw error;
  }
}

type Card = CardAnswer['card'];

/** A request as its card has it, and how it stands beside that. */
export function withCard(view: RequestView, card: Card): RequestView {
  const { request, risk, rules } = card;
  return {
    ...view,
    ...request,
    start: request.start ?? undefined,
    decision_digest: card.decision_digest,
    lineage: card.lineage,
    risk: risk && risk.tier,
    risk_reasons: risk && risk.reasons,
    matched_rules: rules && rules.map(({ effect, ...rule }) => ({ ...rule, effect: effect ?? undefined })),
    ...requirementOf(view, card),
    arguments: card.arguments ?? undefined,
    claims: card.claims,
    plan: planOf(view, card),
  };
}

function requirementOf(view: RequestView, { requirement, risk }: Card): Partial<RequestView> {
  if (requirement === null) return { requirement };
  const { expires_at, channels, ...required } = requirement;
  const tier = risk?.tier ?? view.risk ?? 'critical';
  return { expires_at, requirement: { ...required, risk: tier, channels: channels ?? undefined } };
}

function planOf({ plan: known }: RequestView, card: Card): RequestView['plan'] {
  const { plan, effects, files, preview, reversal, risk } = card;
  if (!known || !plan || !effects || !preview || !reversal || !risk?.facts) return undefined;
  return {
    // What the dry run cost is in no card.
    ...known,
    ...plan,
    effects,
    files: files ?? [],
    warnings: preview.warnings,
    risk_facts: risk.facts,
    reversal,
  };
}
