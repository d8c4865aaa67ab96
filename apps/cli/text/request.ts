import type { RequestSummary, RequestView } from '../../../domain/wire.ts';
import { planLines, type PlanDetail } from './plan.ts';
import { factLines } from './table.ts';
import { duration, instant } from './times.ts';
import { visible, visibleJson, visibleLines } from './visible.ts';

/**
 * A request for somebody who decides on it: facts that the server made first, then the plan, the agent's words last.
 * Foreign text is made visible. Of a long plan the first rows are shown, and how many more there are.
 */
export function requestLines(
  view: RequestView,
  now: number,
  detail: PlanDetail = { isWhole: false },
): string[] {
  return [
    `${visible(view.id)}  ${visible(view.action)} on ${visible(view.target)}`,
    ...factLines(headFacts(view, now)),
    ...requirementLines(view),
    ...(view.plan ? ['', ...planLines(view.plan, detail)] : hiddenPlan(view)),
    ...(view.decisions ?? []).flatMap((decision) => decisionLines(decision, now)),
    ...agentLines(view),
  ];
}

/** `denied by policy`, `failed (target_error)`. Of what others perform nothing is called done. */
export function statusText(view: RequestSummary): string {
  if (view.mode === 'gate' && GATE_STATUS[view.status] !== undefined)
    return `${view.status} (${GATE_STATUS[view.status]})`;
  if (view.status === 'denied' && view.denied_by !== null) return `denied by ${view.denied_by}`;
  return view.failure === null ? view.status : `${view.status} (${visible(view.failure.code)})`;
}

const GATE_STATUS: Partial<Record<RequestSummary['status'], string>> = {
  executing: 'the decision is being given out',
  succeeded: 'the decision was given out; Keyturn does not perform the action',
};

type Facts = (readonly [name: string, value: string])[];

function headFacts(view: RequestView, now: number): Facts {
  const reasons = view.risk_reasons?.length ? `: ${view.risk_reasons.map(visible).join('; ')}` : '';
  return [
    ...(view.is_break_glass ? [['BREAK-GLASS', emergencyText(view)] as const] : []),
    ['status', `${statusText(view)}, round ${view.round}`],
    ...optional('why', view.failure?.detail),
    ['where', visible(view.environment)],
    ...(view.risk === null ? [] : [['risk', `${view.risk}${reasons}`] as const]),
    ...view.lineage.map((member) => [ROLES[member.role], memberText(member)] as const),
    ['asked', instant(view.created_at, now)],
    ...startFacts(view, now),
    ...(view.earlier_refusals ? [['ASKED BEFORE', earlierText(view.earlier_refusals, now)] as const] : []),
    ...(view.expires_at === null ? [] : [['expires', instant(view.expires_at, now)] as const]),
    ...(view.result === null ? [] : [['result', visibleJson(view.result)] as const]),
    ['intent', view.intent_digest],
    ...(view.decision_digest === null ? [] : [['decide on', view.decision_digest] as const]),
    ...optional('Temporal UI', view.temporal_ui_url),
  ];
}

/** Names are in quotes, behind what the server says of them: no name can pass for words of the server. */
function memberText({ subject, issuer, is_declared: isDeclared }: RequestView['lineage'][number]): string {
  const account = `${visibleJson(subject)} at ${visibleJson(issuer)}`;
  return isDeclared ? `not proven: by the word of the caller or of another issuer: ${account}` : account;
}

function emergencyText({ review }: RequestView): string {
  const told = 'an emergency: it takes the short way, and everybody on the ladder is told';
  return review ? `${told}; reviewed by ${visible(review.id)} (${review.status})` : told;
}

/** Who approves must know that it does not run when they do. */
function startFacts({ start }: RequestView, now: number): Facts {
  if (start === undefined) return [];
  const { not_before, not_after } = start;
  const ends = [
    ...(not_before === null ? [] : [`not before ${instant(not_before, now)}`]),
    ...(not_after === null ? [] : [`not after ${instant(not_after, now)}`]),
  ];
  return [['STARTS', `${ends.join(', ')}, as whoever asked set it`]];
}

function earlierText(
  { count, withdrawn, latest }: NonNullable<RequestView['earlier_refusals']>,
  now: number,
): string {
  const shown = latest.map(({ id, status, created_at }) => {
    const end = status === 'cancelled' ? 'withdrawn' : status;
    return `${visible(id)} ${end}, asked ${instant(created_at, now)}`;
  });
  const times = count === 1 ? 'once' : `${count} times`;
  const undecided = withdrawn === 0 ? '' : ` (${withdrawn} withdrawn before anybody decided)`;
  return `the same, ${times}, and nobody agreed${undecided}: ${shown.join('; ')}`;
}

const ROLES: Readonly<Record<RequestView['lineage'][number]['role'], string>> = {
  requester: 'asked by',
  owner: 'owned by',
  on_behalf_of: 'acting for',
  trigger: 'triggered by',
  editor: 'edited by',
};

function optional(name: string, value: string | undefined): Facts {
  return value === undefined || value === '' ? [] : [[name, visible(value)]];
}

function requirementLines(view: RequestView): string[] {
  const { requirement } = view;
  if (requirement === null) return mayDecideLines(view);
  const because = new Map(view.matched_rules?.map((rule) => [rule.id, rule.because]));
  return [
    '',
    `Who must agree (${requirement.distinct_people} or more different people in all):`,
    ...requirement.rules.flatMap((rule, index) => {
      const reason = because.get(rule.rule);
      const terms = `each approval lasts ${duration(rule.maximum_age_ms)}, evidence ${rule.minimum_grade} or better`;
      return [
        `  ${visible(rule.rule)}${reason ? `, because ${visible(reason)}` : ''} (${terms})`,
        ...rule.stages.map((stage, at) => stageLine(view, stage, { rule: index, stage: at })),
      ];
    }),
    ...(view.status === 'pending' ? (view.shortage ?? []).map(shortageLine) : []),
  ];
}

/** For readers who may not see which rules ask. */
function mayDecideLines({ may_decide: selectors }: RequestView): string[] {
  if (!selectors) return [];
  return ['', `Who may decide: ${selectors.map(visible).join(', ')}`];
}

/** Otherwise it would wait in silence until it expires. */
function shortageLine({ rule, seats, fillable, unknown }: Shortage): string {
  const where = rule === '*' ? 'all rules together ask' : `${visible(rule)} asks`;
  const doubt = unknown?.length ? ` (not everybody in ${unknown.map(visible).join(', ')} is known)` : '';
  return `  Too few people may approve this: ${where} for ${seats}, and there are ${fillable}${doubt}.`;
}

type Shortage = NonNullable<RequestView['shortage']>[number];

type Stage = NonNullable<RequestView['requirement']>['rules'][number]['stages'][number];

function stageLine(
  view: RequestView,
  stage: Stage,
  place: { readonly rule: number; readonly stage: number },
): string {
  const progress = view.progress?.rules[place.rule]?.stages[place.stage];
  const who = (progress?.selectors.length ? progress.selectors : stage.any).map(visible).join(' or ');
  const filled = progress ? `, ${progress.filled} so far` : '';
  const waits =
    progress?.opened_at === null && view.status === 'pending' ? ', opens after the stage before' : '';
  return `    ${stage.quorum} of ${who}${filled}${waits}${laterText(view, stage, place.rule)}`;
}

function laterText(view: RequestView, { escalate }: Stage, rule: number): string {
  const clock = clockText(view.requirement?.rules[rule]?.clock);
  const later = escalate.map(({ to, after_ms }) => `${visible(to)} after ${duration(after_ms)}${clock}`);
  return later.length === 0 ? '' : `; also ${later.join(', ')}`;
}

/** Whose business time a duration counts; nothing for wall time. */
export function clockText(clock: string | undefined): string {
  return clock === undefined ? '' : ` of business time (${visible(clock)})`;
}

function hiddenPlan(view: RequestView): string[] {
  return view.status === 'planning' ? ['', 'There is no plan yet.'] : ['', 'The plan is not shown to you.'];
}

function decisionLines(decision: NonNullable<RequestView['decisions']>[number], now: number): string[] {
  const who = visibleJson(decision.person ?? decision.reviewer.subject);
  const outcome = decision.outcome === 'counted' ? '' : `, refused (${visible(decision.refusal ?? '')})`;
  const how = `round ${decision.round}, ${decision.channel}, evidence ${decision.grade}`;
  return [
    `${decision.verdict} by ${who}${outcome}, ${instant(decision.at, now)} (${how})`,
    ...(decision.reason === null ? [] : visibleLines(decision.reason, '  | ')),
  ];
}

/** The agent's words stand last and are marked as such on every line: nothing in them can pass for a fact. */
function agentLines(view: RequestView): string[] {
  const claims = view.claims ?? null;
  const texts = Object.entries({ arguments: view.arguments, ...claims })
    .filter(([, value]) => value !== undefined && value !== null)
    .map(([name, value]): [string, string] => [
      name,
      typeof value === 'string' ? value : JSON.stringify(value, null, 2),
    ]);
  if (texts.length === 0) return [];
  const words = texts.flatMap(([name, text]) => [`  ${visible(name)}:`, ...visibleLines(text, '  > ')]);
  return ['', "The agent's own words (not checked by anybody):", ...words];
}
