import type { Escalation, RuleRequirement, Stage } from '../request/requirement.ts';

/** A rule that acted, with what its policy says it matches. */
export interface RuleInPolicy {
  readonly id: string;
  readonly effect?: 'allow' | 'review' | 'forbid' | undefined;
  readonly because: string | null;
  /** File and line; null where the reader reads no policy. */
  readonly source: string | null;
  /** Absent where the policy does not have the rule. */
  readonly on?:
    | {
        readonly action: readonly string[];
        readonly env: readonly string[] | null;
        readonly target?: readonly string[] | null;
      }
    | undefined;
  readonly when?: string | undefined;
}

const EFFECTS = { allow: 'Allows', review: 'Requires approval of', forbid: 'Forbids' } as const;

/** `Requires approval of postgres.execute in prod, when plan.rows > 10`; null where the policy does not say. */
export function ruleWords({ effect, on, when }: RuleInPolicy): string | null {
  if (effect === undefined || on === undefined) return null;
  return `${scopeText({ effect, on })}${when === undefined ? '' : `, when ${when}`}`;
}

/** `Requires approval of postgres.execute in prod`: the rule without its condition. */
export function scopeText({
  effect,
  on,
}: {
  readonly effect: NonNullable<RuleInPolicy['effect']>;
  readonly on: NonNullable<RuleInPolicy['on']>;
}): string {
  const { action, env, target = null } = on;
  return [
    `${EFFECTS[effect]} ${action.length === 0 ? 'every action' : anyOf(action)}`,
    ...(target === null ? [] : [` on ${anyOf(target)}`]),
    ...(env === null ? [] : [` in ${anyOf(env)}`]),
  ].join('');
}

/** `2 people of group:dba or owners` */
export function seatsText({ any, quorum }: Pick<Stage, 'any' | 'quorum'>): string {
  return `${quorum === 1 ? '1 person' : `${quorum} different people`} of ${anyOf(any)}`;
}

/** `group:leads after 15m of business time (office)` */
export function escalationText(
  { to, after_ms: after }: { readonly to: string; readonly after_ms: Escalation['after_ms'] },
  clock: string | undefined,
): string {
  return `${to} after ${duration(after)}${clockText(clock)}`;
}

/** What an approval has to meet beside its seat. */
export function termsOf({
  maximum_age_ms: age,
  minimum_grade: grade,
  is_reason_required: isReasonRequired,
  reviewer_when: reviewers,
}: Pick<RuleRequirement, 'maximum_age_ms' | 'minimum_grade' | 'is_reason_required'> & {
  readonly reviewer_when?: string | undefined;
}): string[] {
  return [
    `an approval is good for ${duration(age)}`,
    `evidence grade ${grade} or better`,
    ...(isReasonRequired ? ['a reason is required'] : []),
    ...(reviewers === undefined ? [] : [`only reviewers with ${reviewers}`]),
  ];
}

/** Whose business time a duration counts; nothing for wall-clock time. */
export function clockText(clock: string | undefined): string {
  return clock === undefined ? '' : ` of business time (${clock})`;
}

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const;

/** A length of time in its largest unit and the next one: `2h 5m`. */
export function duration(ms: number): string {
  const whole = Math.floor(Math.max(0, ms) / 1_000) * 1_000;
  const at = UNITS.findIndex(([, size]) => whole >= size);
  const [largest, next] = at < 0 ? [] : UNITS.slice(at, at + 2);
  if (!largest) return '0s';
  const rest = whole % largest[1];
  const first = `${Math.floor(whole / largest[1])}${largest[0]}`;
  return next && rest >= next[1] ? `${first} ${Math.floor(rest / next[1])}${next[0]}` : first;
}

/** How many people that is: one person may fill several seats, but never two of the same stage. */
export function peopleText({
  distinct_people: distinct,
  rules,
}: {
  readonly distinct_people: number;
  readonly rules: readonly { readonly stages: readonly { readonly quorum: number }[] }[];
}): string {
  const quorums = rules.flatMap(({ stages }) => stages.map(({ quorum }) => quorum));
  const least = Math.max(distinct, ...quorums);
  const approvals = quorums.reduce((sum, quorum) => sum + quorum, 0);
  const people = least === 1 ? '1 person' : `${least} different people`;
  return approvals > least ? `at least ${people}; one person can count for several of these lines` : people;
}

/** `card shown: sha256:…, opened: plan, effects`; null: the client did not say that it showed one. */
export function viewText(
  view: { readonly digest: string; readonly opened: readonly string[] } | null,
): string {
  if (view === null) return 'card not shown';
  return `card shown: ${view.digest}, opened: ${view.opened.join(', ') || 'nothing'}`;
}

function anyOf(names: readonly string[]): string {
  return names.join(' or ');
}
