import { CARD_SECTIONS } from '../../domain/cards/card.ts';
import { digestOf } from '../../domain/crypto/digest.ts';
import { cardAnswerSchema, type CardAnswer } from '../../contract/cards.ts';
import type { DecisionBody } from '../../contract/decisions.ts';
import type { RequestView } from '../../contract/requests.ts';
import { KeyturnProblem, type KeyturnClient } from '../../sdk/client.ts';
import { leftOut } from './text/plan.ts';

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

/** What is printed before a decision. */
export interface Shown {
  readonly view: RequestView;
  readonly card: CardAnswer | null;
  /** The break-glass request that it reviews. */
  readonly reviewed: RequestView | null;
}

/** What was printed of a card, for the record; nothing where there is none. */
export function shownOf(
  { view, card, reviewed }: Shown,
  isWhole: boolean,
): Pick<DecisionBody, 'view_digest' | 'opened'> {
  if (card === null) return {};
  const isCut = !isWhole && view.plan !== undefined && leftOut(view.plan) !== null;
  const opened = CARD_SECTIONS.filter(
    (section) => !(reviewed !== null && OF_PLAN.has(section)) && !(isCut && CUT.has(section)),
  );
  return { view_digest: card.view_digest, opened };
}

type Section = (typeof CARD_SECTIONS)[number];

/** What a long plan is cut in. */
const CUT: ReadonlySet<Section> = new Set(['effects', 'files', 'reversal']);
/** In its place stands the request that is reviewed. */
const OF_PLAN: ReadonlySet<Section> = new Set([...CUT, 'plan', 'preview']);
