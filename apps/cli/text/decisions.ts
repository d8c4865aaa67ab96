import { viewText } from '../../../domain/cards/words.ts';
import type { RequestView } from '../../../contract/requests.ts';
import { nameText } from './names.ts';
import { CELL } from './table.ts';
import { instant } from './times.ts';
import { toned, tonedWord } from './tone.ts';
import { visible, visibleLines } from '../../../domain/cards/visible.ts';

type Decision = NonNullable<RequestView['decisions']>[number];

/** What people decided so far, each with its reason below it. */
export function decisionLines(decisions: readonly Decision[], now: number): string[] {
  if (decisions.length === 0) return [];
  return ['', toned('heading', 'Decisions'), ...decisions.flatMap((decision) => linesOf(decision, now))];
}

function linesOf(decision: Decision, now: number): string[] {
  const {
    verdict,
    taken_back_by: takenBackBy,
    reviewer,
    person,
    person_name: name,
    outcome,
    refusal,
    reason,
  } = decision;
  const who = reviewer === null ? 'a person' : nameText({ id: person ?? reviewer.subject, name });
  const refused = outcome === 'counted' ? '' : `, ${toned('bad', `refused (${visible(refusal ?? '')})`)}`;
  const takenBack = takenBackBy === null ? '' : `, ${toned('warning', 'taken back')}`;
  const how = `round ${decision.round}, by ${decision.channel}, evidence grade ${decision.grade}, ${visible(viewText(decision.view))}`;
  const deferral = deferralText(decision, now);
  return [
    `  ${tonedWord(verdict)}${CELL}${who}${refused}${takenBack}${deferral}, ${instant(decision.at, now)} (${how})`,
    ...(reason === null ? [] : visibleLines(reason, '  | ')),
  ];
}

function deferralText({ defer_to: to, defer_until: until }: Decision, now: number): string {
  if (to !== null) return `, handed over to ${visible(to)}`;
  return until === null ? '' : `, until ${instant(until, now)}`;
}
