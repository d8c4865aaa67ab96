import { readSwitches } from '../../../database/kill-switches.ts';
import { decidableRequest, type DecidedRow } from '../../../database/readers.ts';
import { checkDecision, type DecisionCheck } from '../../../domain/approval/decision.ts';
import type { Verdict } from '../../../domain/approval/quorum.ts';
import { isKeyturnError, type KeyturnError } from '../../../domain/errors.ts';
import { SESSION_GRADE, type EvidenceGrade } from '../../../domain/request/requirement.ts';
import type { CardAnswer } from '../../../contract/cards.ts';
import { reviewerOf, type Caller } from '../auth/caller.ts';
import type { ApiContext } from '../context.ts';
import { directoriesOf } from '../requests/load.ts';
import { refusalOf } from '../switches/refusal.ts';
import { notPending } from '../decisions/authorize.ts';
import { refuseWithdrawal } from '../decisions/withdraw.ts';
import { refuseAnswering } from '../questions/answer.ts';
import { asker } from '../questions/ask.ts';

type Refusals = CardAnswer['refusals'];

/**
 * What the API would refuse the caller now, and why; null where it would not. It is found by the functions that refuse the calls
 * themselves, and is only for showing: nothing is allowed by it.
 */
export async function refusalsFor(
  context: ApiContext,
  caller: Caller,
  found: DecidedRow,
): Promise<Pick<CardAnswer, 'refusals' | 'needed_grade'>> {
  const { needed_grade, refusalOfVerdict } = await decisionRefusals(context, caller, found);
  return {
    needed_grade,
    refusals: {
      approve: refusalOfVerdict('approve'),
      deny: refusalOfVerdict('deny'),
      defer: refusalOfVerdict('defer'),
      withdraw: await caught(() => refuseWithdrawal(context, caller, found.row)),
      ask: await caught(async () => void (await asker(context, caller, found))),
      answer: await caught(() => refuseAnswering(context, caller, found.row)),
    },
  };
}

type Refusal = Refusals['approve'];

interface Decidable extends Pick<CardAnswer, 'needed_grade'> {
  readonly refusalOfVerdict: (verdict: Verdict) => Refusal;
}

/** What the caller can give, the weakest first: in a session of a browser people can sign in again, and passkeys sign. */
function gradesOf({ principal }: Caller): readonly EvidenceGrade[] {
  return principal.session === null ? [SESSION_GRADE] : [SESSION_GRADE, 'B', 'A'];
}

async function decisionRefusals(
  context: ApiContext,
  caller: Caller,
  { row, decisions }: DecidedRow,
): Promise<Decidable> {
  const general = await caught(async () => void reviewerOf(caller));
  const { policy } = caller.policy;
  const request = decidableRequest(row, decisions, policy);
  if (general || !request)
    return { needed_grade: null, refusalOfVerdict: () => general ?? shown(notPending(row)) };
  const directories = await directoriesOf(context, caller, { row });
  const stopped = refusalOf(await readSwitches(context.source.manager), {
    ...row,
    agents: caller.directory.agents,
  });
  const now = Date.now();
  const check = (verdict: Verdict, grade: EvidenceGrade): DecisionCheck => {
    const attempt = {
      decision_digest: request.decision_digest ?? '',
      verdict,
      reviewer: caller.principal.identity,
      is_human: caller.principal.isHuman,
      grade,
      // Reason and instant come with the call.
      has_reason: true,
      defer: verdict === 'defer' ? { until: new Date(now + 1_000).toISOString(), to: null } : null,
      at: new Date(now).toISOString(),
    };
    return checkDecision({ request, attempt, directories, reviewers: policy.reviewers });
  };
  const grades = gradesOf(caller);
  const needed = grades.find((grade) => check('approve', grade).ok) ?? null;
  return {
    needed_grade: needed,
    refusalOfVerdict: (verdict) => {
      const checked = check(verdict, (verdict === 'approve' ? grades.at(-1) : null) ?? SESSION_GRADE);
      if (!checked.ok) return { code: checked.code, detail: checked.message };
      return verdict === 'approve' && stopped ? shown(stopped) : null;
    },
  };
}

async function caught(refuse: () => Promise<void>): Promise<Refusal> {
  try {
    await refuse();
    return null;
  } catch (error) {
    if (isKeyturnError(error)) return shown(error);
    throw error;
  }
}

function shown({ code, message }: KeyturnError): NonNullable<Refusal> {
  return { code, detail: message };
}
