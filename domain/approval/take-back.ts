import type { ErrorCode } from '../errors.ts';
import type { RequestStatus } from '../request/status.ts';
import { takenBack, type CountedDecision, type Verdict } from './quorum.ts';

/** True for what stops a request that is approved. */
export function isStop(verdict: Verdict): boolean {
  return verdict === 'deny' || verdict === 'take_back';
}

interface Refusal {
  readonly ok: false;
  readonly code: ErrorCode;
  readonly message: string;
}

/**
 * Why a person cannot take this decision back, or null: everybody takes back their own approval only, with whichever of
 * their accounts, once, and before it is claimed.
 */
export function takeBackRefusal(
  { status, decisions }: { readonly status: RequestStatus; readonly decisions: readonly CountedDecision[] },
  { verdict, takes_back: id }: { readonly verdict: Verdict; readonly takes_back?: string },
  person: string,
): Refusal | null {
  if (verdict !== 'take_back') return id === undefined ? null : OTHER_VERDICT;
  if (id === undefined) return NOT_NAMED;
  const named = decisions.find((decision) => decision.id === id);
  if (!named) return UNKNOWN;
  if (named.person !== person) return OF_ANOTHER;
  if (named.verdict !== 'approve')
    return { ok: false, code: 'take_back_invalid', message: NO_APPROVAL[named.verdict] };
  if (takenBack(decisions).has(id)) return REPEATED;
  return status === 'executing' ? TOO_LATE : null;
}

const OTHER_VERDICT: Refusal = {
  ok: false,
  code: 'take_back_invalid',
  message: 'Only the verdict take_back can have `takes_back`.',
};

const NOT_NAMED: Refusal = {
  ok: false,
  code: 'take_back_invalid',
  message: 'Name the approval that you take back, as `takes_back`.',
};

const UNKNOWN: Refusal = {
  ok: false,
  code: 'unknown_decision',
  message:
    'No decision that was counted in the current round has this id. Those of earlier rounds are void already; one that is queued can be taken back once it is counted.',
};

const OF_ANOTHER: Refusal = {
  ok: false,
  code: 'not_your_decision',
  message: 'Somebody else made this decision: only they can take it back. You can deny the request.',
};

/** Why there is nothing to take back. */
const NO_APPROVAL: Readonly<Record<Exclude<Verdict, 'approve'>, string>> = {
  deny: 'A denial cannot be taken back: it has ended the request. Let it be requested again.',
  defer: 'A deferral decides nothing, so there is nothing to take back: approve or deny the request.',
  take_back: 'This takes an approval back itself: approve the request again instead.',
};

const REPEATED: Refusal = {
  ok: false,
  code: 'already_taken_back',
  message: 'You have taken this approval back before. You can decide again.',
};

const TOO_LATE: Refusal = {
  ok: false,
  code: 'request_executing',
  message:
    'It is being executed: it is too late to take an approval back. Look at the request for its outcome.',
};
