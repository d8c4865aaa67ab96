import type { DecisionBody } from '../../../contract/decisions.ts';
import type { RequestView } from '../../../contract/requests.ts';
import { nameText } from './names.ts';
import { leftOut } from './plan.ts';
import { titleOf } from './request.ts';
import { factLines } from './table.ts';
import { toned, tonedWord } from './tone.ts';
import { visible } from './visible.ts';

type Verdict = DecisionBody['verdict'];

const VERBS: Readonly<Record<Verdict, string>> = { approve: 'Approve', deny: 'Deny', defer: 'Defer' };

/** `Approve postgres.execute on shop-production (prod)?` */
export function questionText(view: RequestView, verdict: Verdict): string {
  return `${tonedWord(verdict, VERBS[verdict])} ${toned('heading', titleOf(view))}?`;
}

/** Foreign text comes last and may be longer than a terminal's history: the title is repeated after it. */
export function questionLines(view: RequestView, reviewed: RequestView | null = null): string[] {
  const { plan, risk, lineage, is_break_glass: isBreakGlass } = view;
  const [requester] = lineage;
  const hidden = plan ? leftOut(plan) : null;
  return [
    ...(isBreakGlass ? [tonedWord('BREAK-GLASS')] : []),
    ...factLines([
      ...(requester
        ? [['requested by', nameText({ id: requester.subject, name: requester.name })] as const]
        : []),
      ...(risk === null ? [] : [['risk', tonedWord(risk)] as const]),
      ...(reviewed ? [['reviews', titleOf(reviewed)] as const] : []),
      ...(plan && !reviewed ? [['summary', visible(plan.summary)] as const] : []),
      ...(hidden === null
        ? []
        : [[toned('warning', 'not shown'), `${hidden} of the plan: answer f to see all of it`] as const]),
    ]),
  ];
}
