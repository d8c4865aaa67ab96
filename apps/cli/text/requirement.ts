import { isFinal } from '../../../domain/request/status.ts';
import type { RequestView } from '../../../contract/requests.ts';
import { nameText } from './names.ts';
import { factLines } from './table.ts';
import { toned } from './tone.ts';
import { escalationText, peopleText, termsOf } from '../../../domain/cards/words.ts';
import { visible } from '../../../domain/cards/visible.ts';

type Requirement = NonNullable<RequestView['requirement']>;
type Rule = Requirement['rules'][number];
type Stage = Rule['stages'][number];
type Facts = (readonly [name: string, value: string])[];

/** Who must approve, by which rule and why, how far that has got, and who can still do it. */
export function requirementLines(view: RequestView): string[] {
  const { requirement } = view;
  // For readers who may not see which rules matched.
  if (requirement === null)
    return view.may_decide ? ['', `Who may decide: ${view.may_decide.map(visible).join(', ')}`] : [];
  return [
    '',
    `${toned('heading', isFinal(view.status) ? 'Who had to approve' : 'Who must approve')} (${peopleText(requirement)})`,
    ...requirement.rules.flatMap((rule, index) => ruleLines(view, rule, index)),
    ...(view.status === 'pending' ? (view.shortage ?? []).map(shortageLine) : []),
    ...missingPeople(view, requirement),
  ];
}

/** The seats that are still open, for somebody who has just filled one. */
export function openSeatsText({ progress }: RequestView): string {
  const stages = progress?.rules.flatMap((rule) => rule.stages) ?? [];
  return stages
    .filter(({ filled, quorum }) => filled < quorum)
    .map(({ filled, quorum, selectors }) => `${quorum - filled} of ${selectors.map(visible).join(' or ')}`)
    .join(', and ');
}

/** All seats may be filled while one person fills several: then others still have to approve. */
function missingPeople(
  { status, progress }: RequestView,
  { distinct_people: distinct }: Requirement,
): string[] {
  const stages = progress?.rules.flatMap((rule) => rule.stages) ?? [];
  const isFilled = stages.length > 0 && stages.every(({ filled, quorum }) => filled >= quorum);
  if (status !== 'pending' || !isFilled || distinct < 2) return [];
  return [toned('warning', `  Still missing: other people, until ${distinct} different ones have approved.`)];
}

function ruleLines(view: RequestView, rule: Rule, index: number): string[] {
  const because = view.matched_rules?.find(({ id }) => id === rule.rule)?.because ?? null;
  const order = rule.order === 'sequential' && rule.stages.length > 1 ? ', one stage after the other' : '';
  return [
    `  ${visible(rule.rule)}${order}`,
    ...factLines(
      [
        ...(because === null ? [] : [['because', visible(because)] as const]),
        ...rule.stages.flatMap((stage, at) => stageFacts(view, stage, [index, at])),
        ['terms', visible(termsOf(rule).join('; '))],
      ],
      '    ',
    ),
  ];
}

function stageFacts(view: RequestView, stage: Stage, [rule, at]: readonly [number, number]): Facts {
  const progress = view.progress?.rules[rule]?.stages[at];
  const who = (progress?.selectors.length ? progress.selectors : stage.any).map(visible).join(' or ');
  if (progress && progress.filled >= stage.quorum)
    return [['filled', `${progress.filled} of ${stage.quorum} by ${who}`]];
  return [
    ['needs', `${stage.quorum} of ${who}${progressText(view, progress)}`],
    ...approverFacts(progress?.may_approve),
    ...escalationFacts(view, stage, rule),
  ];
}

type Progress = NonNullable<RequestView['progress']>['rules'][number]['stages'][number];

function progressText({ status }: RequestView, progress: Progress | undefined): string {
  if (!progress) return '';
  const isWaiting = progress.opened_at === null && status === 'pending';
  return isWaiting ? ' (opens after the stage before it)' : ` (${progress.filled} so far)`;
}

type Approvers = NonNullable<Progress['may_approve']>;

function approverFacts(approvers: Approvers | undefined): Facts {
  if (approvers === undefined) return [];
  const { count, people } = approvers;
  if (count === 0) return [['can approve', toned('alarm', 'nobody now')]];
  const more = count > people.length ? ` and ${count - people.length} more` : '';
  return [['can approve', `${people.map(nameText).join(', ')}${more}`]];
}

function escalationFacts(view: RequestView, { escalate }: Stage, rule: number): Facts {
  const clock = view.requirement?.rules[rule]?.clock;
  const later = escalate.map((step) => visible(escalationText(step, clock)));
  return later.length === 0 ? [] : [['escalates to', later.join(', ')]];
}

/** Otherwise it would wait unnoticed until it expires. */
function shortageLine({ rule, seats, fillable, unknown }: Shortage): string {
  const where = rule === '*' ? 'all rules together require' : `${visible(rule)} requires`;
  const doubt = unknown?.length ? ` (not all members of ${unknown.map(visible).join(', ')} are known)` : '';
  const people = fillable === 1 ? 'is 1 person' : `are ${fillable} people`;
  return toned(
    'alarm',
    `  ! Too few people can approve this: ${where} ${seats}, and there ${people}${doubt}.`,
  );
}

type Shortage = NonNullable<RequestView['shortage']>[number];
