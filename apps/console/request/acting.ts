import type { Decision, Refusals, RequestView } from './view.ts';

/** What a person can do to a request. */
export type Act = 'approve' | 'deny' | 'defer' | 'withdraw' | 'take_back';

/** What is offered, and what is said where nothing is. */
export interface Offer {
  /** In the order of the buttons. */
  readonly acts: readonly Act[];
  /** The decision that can be taken back. */
  readonly takesBack: string | null;
  /** Why an approval is not offered, for people; null where it is, or where nobody decides any more. */
  readonly because: string | null;
}

/** What this person is offered now. Nothing is offered that the server would refuse. */
export function offerOf(
  view: Pick<RequestView, 'status' | 'decisions' | 'round'>,
  refusals: Refusals,
  person: string,
): Offer {
  const own = ownApproval(view, person);
  const acts: Act[] = (['approve', 'deny', 'defer', 'withdraw'] as const).filter(
    (act) => refusals[act] === null,
  );
  if (own) acts.push('take_back');
  return { acts, takesBack: own?.id ?? null, because: becauseOf(view, refusals, own) };
}

/** The last counted approval of this round, as long as nothing has started. */
function ownApproval(
  { status, decisions = [], round }: Pick<RequestView, 'status' | 'decisions' | 'round'>,
  person: string,
): Decision | null {
  if (status !== 'pending' && status !== 'approved') return null;
  const own = decisions.filter(
    (decision) => decision.person === person && decision.outcome === 'counted' && decision.round === round,
  );
  const last = own.at(-1);
  return last?.verdict === 'approve' ? last : null;
}

function becauseOf(
  { status }: Pick<RequestView, 'status'>,
  { approve, withdraw }: Refusals,
  own: Decision | null,
): string | null {
  if (approve === null || status !== 'pending') return null;
  if (approve.code === 'already_decided' && own !== null)
    return 'You approved this. You can take that back until it starts, or deny it.';
  const advice = ADVICE[approve.code];
  if (advice !== undefined) return `${approve.detail} ${advice}`;
  return approve.code === 'self_approval' && withdraw === null
    ? `${approve.detail} You can withdraw it.`
    : approve.detail;
}

/** What to do about a refusal, where the server's words do not say it. */
const ADVICE: Readonly<Record<string, string>> = {
  not_eligible: 'Those who can decide it are named below.',
  reviewer_inactive: 'Ask the people who keep the directory.',
};
