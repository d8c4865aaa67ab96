import { denyingRules, SWITCHED_OFF } from '../../../domain/execution/denial.ts';
import { REVIEW } from '../../../domain/policy/policy.ts';
import { isStartWindowEnd } from '../../../domain/execution/start.ts';
import { UNDECIDED } from '../../../domain/request/status.ts';
import type { CardAnswer } from '../../../contract/cards.ts';
import type { RequestSummary, RequestView } from '../../../contract/requests.ts';
import { questionAndAnswerLines } from './questions-and-answers.ts';
import { decisionLines } from './decisions.ts';
import { nameText } from './names.ts';
import { planLines, type PlanDetail } from './plan.ts';
import { requirementLines } from './requirement.ts';
import { resultText } from './result.ts';
import { reviewedLines, ROLES, ruleText } from './review.ts';
import { factLines } from './table.ts';
import { instant } from './times.ts';
import { toned, tonedWord } from './tone.ts';
import { visible, visibleJson, visibleLines } from '../../../domain/cards/visible.ts';

/**
 * A request for somebody who decides on it: facts that the server made first, then the plan, the requester's words last.
 * Foreign text is made visible. Of a long plan the first rows are shown, and how many more there are.
 */
export function requestLines(
  view: RequestView,
  now: number,
  detail: RequestDetail = { isWhole: false, id: view.id },
): string[] {
  const { reviewed = null } = detail;
  return [
    `${toned('heading', visible(view.id))}  ${titleOf(view)}`,
    ...factLines(headFacts(view, now)),
    ...requirementLines(view),
    ...ruleLines(detail.rules ?? []),
    ...(reviewed ? ['', ...reviewedLines(reviewed, now)] : planned(view, detail)),
    ...decisionLines(view.decisions ?? [], now),
    ...questionAndAnswerLines(view.questions ?? [], now),
    ...requesterLines(view),
  ];
}

export interface RequestDetail extends PlanDetail {
  /** The break-glass request that it reviews: what was done there is shown in place of its plan. */
  readonly reviewed?: RequestView | null;
  /** The rules that acted, where they stand in the policy and what they say. */
  readonly rules?: readonly CardRule[];
}

type CardRule = NonNullable<CardAnswer['card']['rules']>[number];

function ruleLines(rules: readonly CardRule[]): string[] {
  if (rules.length === 0) return [];
  const lines = rules.map(({ id, source, words, because }) => {
    const location = source ? ` (${visible(source)})` : '';
    return [visible(id), `${visible(words ?? because ?? '')}${location}`] as const;
  });
  return ['', toned('heading', 'Rules that acted'), ...factLines(lines)];
}

function planned(view: RequestView, detail: PlanDetail): string[] {
  return view.plan ? ['', ...planLines(view.plan, detail)] : hiddenPlan(view);
}

/** `postgres.execute on shop-production (prod)` */
export function titleOf({ action, target, environment }: RequestSummary): string {
  return `${visible(action)} on ${visible(target)} (${visible(environment)})`;
}

/** What, where and by whom, as cells of a table. Our word comes before all foreign text. */
export function summaryCells(view: RequestSummary): readonly string[] {
  const { action, summary, target, environment, is_break_glass: isBreakGlass } = view;
  const [requester] = view.lineage;
  return [
    `${isBreakGlass ? `${tonedWord('BREAK-GLASS')} ` : ''}${visible(action)}${summary === null ? '' : `: ${visible(summary)}`}`,
    `${visible(target)} (${visible(environment)})`,
    visibleJson(requester?.name ?? requester?.subject ?? ''),
  ];
}

/** `denied by policy`, `failed (target_error)`. What Keyturn does not execute is never called done. */
export function statusText(view: RequestSummary): string {
  const { status, denied_by: deniedBy, failure, mode } = view;
  const given = mode === 'gate' ? GATE_STATUS[status] : undefined;
  if (given !== undefined) return tonedWord(status, `${status} (${given})`);
  if (status === 'denied' && deniedBy !== null) {
    const isStopped = deniedBy === 'policy' && failure?.code === SWITCHED_OFF;
    const by = deniedBy === 'person' ? 'a person' : deniedBy;
    return tonedWord(status, `denied by ${isStopped ? 'a kill switch' : by}`);
  }
  return tonedWord(status, failure === null ? status : `${status} (${visible(failure.code)})`);
}

const GATE_STATUS: Partial<Record<RequestSummary['status'], string>> = {
  executing: 'the decision is being handed out',
  succeeded: 'the decision was handed out; Keyturn does not execute the action',
};

type Facts = readonly (readonly [name: string, value: string])[];

function headFacts(view: RequestView, now: number): Facts {
  return [
    ...(view.is_break_glass ? [[tonedWord('BREAK-GLASS'), breakGlassText(view)] as const] : []),
    ['status', `${statusText(view)}, round ${view.round}`],
    ...causeFacts(view),
    ...denialFacts(view),
    ...riskFacts(view),
    ...view.lineage.map((member) => [roleText(view, member), memberText(member)] as const),
    ['requested', instant(view.created_at, now)],
    ...startFacts(view, now),
    ...holdFacts(view, now),
    ...repeatFacts(view, now),
    ...expiryFacts(view, now),
    ...(view.result === null ? [] : [['result', resultText(view.result)] as const]),
    ['intent digest', view.intent_digest],
    ...(view.decision_digest === null ? [] : [['decision digest', view.decision_digest] as const]),
    ...(view.temporal_ui_url ? [['Temporal UI', visible(view.temporal_ui_url)] as const] : []),
  ];
}

/** Requesters who try again should leave more time, and reviewers should know why the time is short. */
function expiryFacts(view: RequestView, now: number): Facts {
  const { status, expires_at: at } = view;
  const isWindow = isStartWindowEnd(view, at);
  if (status === 'expired' && isWindow)
    return [['cause', 'its start window ended before it was approved and started']];
  // What has come to an end expires no more; what is approved is held by the age of its approvals.
  if (!UNDECIDED.includes(status) || at === null) return [];
  return [['expires', `${instant(at, now)}${isWindow ? ', when its start window ends' : ''}`]];
}

/** A cause may have a line for each mistake. Lines beyond the first have no name, so that none passes for a fact. */
function causeFacts({ failure }: RequestView): Facts {
  if (failure === null) return [];
  const stop = STOPS.get(failure.code);
  if (stop !== undefined) return [['cause', stop]];
  if (failure.detail)
    return visibleLines(failure.detail).map((line, index) => [index === 0 ? 'cause' : '', line]);
  return failure.code === 'target_error'
    ? [['cause', 'not shown to you. Reviewers and operators see the cause.']]
    : [];
}

/** What ends a request without any rule of policy. */
const STOPS: ReadonlyMap<string, string> = new Map([
  [
    SWITCHED_OFF,
    'a kill switch was engaged. `keyturn switch list` shows those that still are; ask again after its release',
  ],
  ['target_removed', 'its target was removed from the catalogue'],
  ['requester_inactive', 'its requester, or somebody who stands behind it, is no longer active'],
]);

function riskFacts({ risk, risk_reasons: reasons }: RequestView): Facts {
  if (risk === null) return [];
  const why = reasons?.length ? `: ${reasons.map(visible).join('; ')}` : '';
  return [['risk', `${tonedWord(risk)}${why}`]];
}

/** A denial without its rule helps nobody to make a better request. */
function denialFacts({ denied_by: deniedBy, matched_rules: rules, failure }: RequestView): Facts {
  if (deniedBy !== 'policy' || (failure !== null && STOPS.has(failure.code))) return [];
  if (rules === null)
    return [
      ['rule', 'not shown to you: it may follow from data of the target. Reviewers and operators see it.'],
    ];
  if (rules.length === 0) return [['rule', 'no rule allows this action or sends it to review']];
  return denyingRules(rules).map((rule) => ['rule', ruleText(rule)]);
}

/** How the server proved it comes first. */
function memberText(member: RequestView['lineage'][number]): string {
  const { subject, issuer, name, is_declared: isDeclared } = member;
  const account = `${visibleJson(subject)} at ${visibleJson(issuer)}`;
  const who = name === undefined ? account : `${visibleJson(name)}, account ${account}`;
  return isDeclared ? `not proven (only the caller or another issuer says so): ${who}` : who;
}

function breakGlassText({ review }: RequestView): string {
  const text = 'fewer people had to approve, and everybody who could be asked to review was notified';
  return review ? `${text}; reviewed in ${visible(review.id)} (${tonedWord(review.status)})` : text;
}

/** Approvers must know that it does not run as soon as they approve. */
function startFacts({ start }: RequestView, now: number): Facts {
  if (start === undefined) return [];
  const { not_before: from, not_after: to } = start;
  const ends = [
    ...(from === null ? [] : [`not before ${instant(from, now)}`]),
    ...(to === null ? [] : [`not after ${instant(to, now)}`]),
  ];
  return [['starts', `${ends.join(', ')}, as the requester set it`]];
}

function holdFacts(view: RequestView, now: number): Facts {
  const { status, freezes = [], held_until: until } = view;
  const held = status === 'approved' && until !== null ? [['held', heldText(view, until, now)] as const] : [];
  const named = freezes.map((freeze) => {
    const id = nameText({ id: freeze.id, name: freeze.title });
    return [
      'freeze',
      `${id} is in force until ${instant(freeze.until, now)}: what is approved starts after it`,
    ] as const;
  });
  return [...named, ...held].map(([name, value]) => [toned('warning', name), value]);
}

function heldText(view: Pick<RequestView, 'start'>, until: string, now: number): string {
  return isStartWindowEnd(view, until)
    ? `its start window ends at ${instant(until, now)}, before the freeze does: then it is denied`
    : `starts no earlier than ${instant(until, now)}`;
}

function repeatFacts({ earlier_refusals: earlier }: RequestView, now: number): Facts {
  if (!earlier) return [];
  const { count, withdrawn, latest } = earlier;
  const shown = latest.map(({ id, status, created_at: at }) => {
    const end = status === 'cancelled' ? 'withdrawn' : status;
    return `${visible(id)} ${end}, requested ${instant(at, now)}`;
  });
  const times = count === 1 ? 'once' : `${count} times`;
  const undecided = withdrawn === 0 ? '' : ` (${withdrawn} of them withdrawn before anybody decided)`;
  const text = `the same was requested ${times} before, and nobody approved it${undecided}: ${shown.join('; ')}`;
  return [[toned('warning', 'REPEATED'), text]];
}

/** Approvers of a break-glass request stand behind its review, so they cannot decide it. */
function roleText({ action }: RequestView, { role }: RequestView['lineage'][number]): string {
  return action === REVIEW.action && role === 'editor' ? 'approved by' : ROLES[role];
}

function hiddenPlan({ status, decision_digest: digest }: RequestView): string[] {
  if (status === 'planning') return ['', 'There is no plan yet.'];
  // What is decided on is bound to a plan: without the one there was none of the other.
  if (status === 'failed' && digest === null) return ['', 'No plan could be made.'];
  return ['', 'The plan is not shown to you.'];
}

/** The requester's words stand last and are marked as such on every line: nothing in them can pass for a fact. */
function requesterLines({ arguments: given, claims }: RequestView): string[] {
  const texts = [
    ...Object.entries(given ?? {}).map(([name, value]) => [`argument ${visible(name)}`, value] as const),
    ...Object.entries(claims ?? {}).map(([name, value]) => [visible(name), value] as const),
  ].filter(([, value]) => value !== undefined && value !== null);
  if (texts.length === 0) return [];
  const words = texts.flatMap(([name, value]) => {
    const text = typeof value === 'string' ? value : JSON.stringify(value, null, 2);
    return [`  ${name}:`, ...visibleLines(text, '  > ')];
  });
  return ['', toned('heading', "In the requester's own words (nobody has verified them):"), ...words];
}
