import type { DecidedRow } from '../../../database/readers.ts';
import type { RequestRow } from '../../../database/tables.ts';
import { makeCard, viewDigest, type Card } from '../../../domain/cards/card.ts';
import type { RuleInPolicy } from '../../../domain/cards/words.ts';
import type { Digest } from '../../../domain/crypto/digest.ts';
import { seesPlan } from '../../../domain/policy/visibility.ts';
import type { CardAnswer } from '../../../contract/cards.ts';
import { isReviewer, type Caller } from '../auth/caller.ts';
import { directoryAtCreation } from './load.ts';
import type { ShownRule } from './shown-row.ts';
import { rowWithPlan } from './signed-rows.ts';
import { ruleView, summaryView } from './summary.ts';
import { callerVisibility, type CallerVisibility } from './visibility.ts';
import { wordsOf, type Showing } from './view.ts';

/** What people decide upon, as far as the caller may see it. */
export async function cardFor(
  context: Showing,
  caller: Caller,
  { row: known, decisions }: DecidedRow,
): Promise<Pick<CardAnswer, 'card' | 'view_digest'>> {
  const { row, plan } = await rowWithPlan(context, known);
  const people = { atCreation: await directoryAtCreation(context, caller, row) };
  const seen = await callerVisibility(context, caller, { row, decisions, people });
  const card = await cardOf(context, caller, { row, plan, ...seen });
  return { card, view_digest: viewDigest(card) } as Pick<CardAnswer, 'card' | 'view_digest'>;
}

/** The digest of the card for somebody who may decide: all of it, as everybody with a seat sees it. */
export async function reviewersViewDigest(
  context: Showing,
  caller: Caller,
  known: RequestRow,
): Promise<Digest> {
  const found = await rowWithPlan(context, known);
  return viewDigest(await cardOf(context, caller, { ...found, visibility: 'whole', isOwn: false }));
}

async function cardOf(
  context: Showing,
  caller: Caller,
  {
    row,
    plan,
    visibility,
    isOwn,
  }: Awaited<ReturnType<typeof rowWithPlan>> & Pick<CallerVisibility, 'visibility' | 'isOwn'>,
): Promise<Card> {
  // The same author of who sees what as of the request's own page.
  const summary = summaryView(context, caller, { row, standing: null, visibility });
  const words = visibility === 'whole' || isOwn ? await wordsOf(context, row) : {};
  return makeCard({
    ...summary,
    rules:
      summary.matched_rules && row.matched_rules && row.matched_rules.map((rule) => ruleFor(caller, rule)),
    requirement: summary.requirement && row.requirement,
    plan: seesPlan(visibility) ? plan : null,
    ...words,
  });
}

/** What a policy says is for people: a program learns which rules acted, and no conditions. */
function ruleFor(caller: Caller, rule: ShownRule): RuleInPolicy {
  return isReviewer(caller) ? rule : { ...ruleView(rule), source: null };
}
