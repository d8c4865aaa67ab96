import type { ErrorCode } from '../errors.ts';
import { isFinal, type RequestStatus } from '../request/status.ts';
import { tooLateToWithdraw } from '../request/steps.ts';

/** Longer ones belong elsewhere. Characters. */
export const QUESTION_LENGTH_MAX = 2_000;
export const ANSWER_LENGTH_MAX = 4_000;

/** On one request, by one person and by all. The database holds to the same: `database/functions/questions.sql`. */
const OF_PERSON_MAX = 5;
const IN_ALL_MAX = 20;

/** Why a question or an answer is refused. */
export interface QuestionRefusal {
  readonly code: ErrorCode;
  readonly message: string;
}

/** Why nobody can ask now; null while people decide, or what they approved is held. */
export function questionRefusal({
  status,
  held_until: heldUntil,
}: {
  readonly status: RequestStatus;
  readonly held_until: Date | null;
}): QuestionRefusal | null {
  if (status === 'pending' || (status === 'approved' && heldUntil !== null)) return null;
  const message = `Questions are asked while people decide on a request, or while it is held: it is ${status}.`;
  return { code: isFinal(status) ? 'request_finished' : 'request_not_pending', message };
}

/** Why this person can ask no more; null while they can. `asked` names who asked each question so far. */
export function limitRefusal(asked: readonly unknown[], person: string): QuestionRefusal | null {
  const own = asked.filter((one) => one === person).length;
  if (own < OF_PERSON_MAX && asked.length < IN_ALL_MAX) return null;
  const whose =
    own < OF_PERSON_MAX ? `${IN_ALL_MAX} questions were asked` : `You asked ${OF_PERSON_MAX} questions`;
  return {
    code: 'too_many_questions',
    message: `${whose} about this request: decide, or talk to the people behind it.`,
  };
}

/** Why nobody can answer now; null until the action starts or the request ends. */
export function answerRefusal(status: RequestStatus): QuestionRefusal | null {
  const code = tooLateToWithdraw(status);
  if (code === null) return null;
  const how = code === 'request_finished' ? `The request is over (${status})` : 'It is being executed';
  return { code, message: `${how}: an answer comes too late.` };
}
