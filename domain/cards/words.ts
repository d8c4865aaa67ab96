import type { Stage } from '../request/requirement.ts';

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

const EFFECTS = { allow: 'Allows', review: 'Asks people about', forbid: 'Forbids' } as const;

/** `Asks people about postgres.execute in prod, when plan.rows > 10`; null where the policy does not say. */
export function ruleWords({ effect, on, when }: RuleInPolicy): string | null {
  if (effect === undefined || on === undefined) return null;
  const { action, env, target = null } = on;
  return [
    `${EFFECTS[effect]} ${action.length === 0 ? 'every action' : anyOf(action)}`,
    ...(target === null ? [] : [` on ${anyOf(target)}`]),
    ...(env === null ? [] : [` in ${anyOf(env)}`]),
    ...(when === undefined ? [] : [`, when ${when}`]),
  ].join('');
}

/** `2 people of group:dba or owners` */
export function seatsText({ any, quorum }: Pick<Stage, 'any' | 'quorum'>): string {
  return `${quorum === 1 ? '1 person' : `${quorum} different people`} of ${anyOf(any)}`;
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
