import type { DecisionBody } from '../../../contract/decisions.ts';
import type { RequestView } from '../../../contract/requests.ts';
import { nameText } from './names.ts';
import { leftOut } from './plan.ts';
import { titleOf } from './request.ts';
import { factLines } from './table.ts';
import { duration } from '../../../domain/cards/words.ts';
import { toned, tonedWord } from './tone.ts';
import { visible } from '../../../domain/cards/visible.ts';

type Verdict = DecisionBody['verdict'];

const VERBS: Readonly<Record<Verdict, string>> = {
  approve: 'Approve',
  deny: 'Deny',
  defer: 'Defer',
  take_back: 'Take back your approval of',
};

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

/** Says that a hand-over reaches nobody yet, and when it will; null if those people may decide now. */
export function handOverNote(view: RequestView, to: string): string | null {
  const open = (view.progress?.rules ?? []).flatMap(({ stages }) =>
    stages.filter(({ opened_at: at }) => at !== null).flatMap(({ selectors }) => selectors),
  );
  if (view.progress === null || open.includes(to)) return null;
  const stages = (view.requirement?.rules ?? []).flatMap((rule) => rule.stages);
  const steps = stages.flatMap(({ escalate }) => escalate).filter((step) => step.to === to);
  const after = steps.map(({ after_ms: ms }) => ms);
  const when =
    after.length > 0 ? `after ${duration(Math.min(...after))} without an answer` : 'later, if at all';
  return `${visible(to)} may not decide yet, only ${when}: nobody there is notified by this. The request still leaves your inbox. Who may decide now: ${[...new Set(open)].map(visible).join(', ')}.`;
}
