import { refuseWrongClock } from '../../../database/clock.ts';
import { gateToWorkflow } from '../../../database/gate-answers.ts';
import { isKeyturnError, KeyturnError, type ErrorCode } from '../../../domain/errors.ts';
import { callerOf } from '../auth/caller.ts';
import { callerGround } from '../auth/authenticate.ts';
import type { ApiContext } from '../context.ts';
import { readStart, type StartedRequest } from '../requests/started.ts';
import { answerAtOnce } from './answer.ts';
import { refuseOverBudget } from './budget.ts';
import { checkSubmission } from './check.ts';
import { lineageOfAttempt } from './editors.ts';
import { lookUpKey, type UnusedKey } from './idempotency-key.ts';
import { refuseOtherCall, refuseOtherIntent } from './repeat.ts';
import { settled } from './settled.ts';
import { signRequest } from './sign.ts';
import { startWorkflow } from './start.ts';
import { idOf, type Checked, type CreateCall, type Created, type CreateSubmission } from './submission.ts';

/** A policy that changes faster than this is asked again later. */
const ATTEMPTS_MAX = 5;

/**
 * Takes a request. Its workflow is started first, and everything recorded follows from there, so nothing can be half
 * done; the id is derived from caller and key, so a repeat finds the same request, also long after it ended.
 */
export async function createRequest(context: ApiContext, call: CreateCall): Promise<Created> {
  // Here, and not when it is signed: that may be inside a transaction, which must not wait for a second connection.
  await refuseWrongClock(context.source);
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
    const created = await submit(context, attempt === 1 ? call : await underPolicyOfNow(context, call));
    if (created) return created;
  }
  throw new KeyturnError(
    'unavailable',
    'The policy kept changing while this was evaluated. Repeat the call with the same Idempotency-Key.',
  );
}

async function underPolicyOfNow(context: ApiContext, call: CreateCall): Promise<CreateCall> {
  return { ...call, caller: callerOf(call.caller.principal, await callerGround(context)) };
}

/** One try: null where the key, the policy, the directory or a kill switch changed meanwhile. */
async function submit(context: ApiContext, call: CreateCall): Promise<Created | null> {
  const lineage = await lineageOfAttempt(context, call);
  const id = idOf(context.keys.identity, call, call.body.mode);
  const submission = { ...call, id, lineage, at: new Date() };
  const key = await lookUpKey(context, submission);
  if ('outcome' in key) return key;
  const taken = take(context, submission, key);
  return key.gate ? taken : taken.catch((refusal: unknown) => startedBefore(context, submission, refusal));
}

/** Takes what is asked for anew: answers it on the spot where that can be, else starts its workflow. */
async function take(
  context: ApiContext,
  submission: CreateSubmission,
  { gate, switches }: UnusedKey,
): Promise<Created | null> {
  const checked = await checkSubmission(context, submission, switches);
  // An answer on the spot is for now: what may start later only waits in a workflow.
  const answered = gate && !checked.start ? await answerAtOnce(context, checked, gate) : 'workflow';
  return answered === 'workflow' ? start(context, checked) : answered;
}

async function start(context: ApiContext, submission: CreateSubmission & Checked): Promise<Created | null> {
  const { id, action, target, caller, body } = submission;
  await refuseOverBudget(context, submission);
  const { signed, envelope } = await signRequest(context.keys, submission);
  if (body.mode === 'gate') {
    // From here on the key stands for a workflow, for ever: so whoever is beyond a budget gets none.
    const key = await gateToWorkflow(context.source.manager, signed);
    if (key.verdict === 'allowed') return null;
    refuseOtherIntent(submission, key);
  }
  const isNew = await startWorkflow(context, { signed, envelope, action, target, caller });
  const started = isNew ? { signed, envelope, isOpen: true } : await readStart(context, id);
  if (!started)
    throw new KeyturnError('unavailable', 'Temporal gave contradicting answers: repeat with the same key.');
  // The workflow existed: an earlier call with this key, or the same one at the same time.
  if (!isNew) await refuseOtherCall(context.keys, submission, started.envelope);
  return settled(context, submission, { outcome: isNew ? 'created' : 'repeated', started });
}

/**
 * What is not asked for anew any more, under a kill switch for instance, is found by a key whose request was started and
 * not recorded yet.
 */
async function startedBefore(
  context: ApiContext,
  submission: CreateSubmission,
  refusal: unknown,
): Promise<Created> {
  const started = isOfToday(refusal) ? await knownStart(context, submission.id) : null;
  if (!started) throw refusal;
  await refuseOtherCall(context.keys, submission, started.envelope);
  return settled(context, submission, { outcome: 'repeated', started });
}

/**
 * Refusals that a call may meet which was taken before: of switches, budgets, records and the clock. What the catalogue
 * refuses is refused as quickly as possible, without a question to Temporal for each wrong call.
 */
const OF_TODAY: ReadonlySet<string> = new Set<ErrorCode>([
  'switched_off',
  'over_budget',
  'break_glass_unavailable',
  'start_invalid',
]);

function isOfToday(refusal: unknown): boolean {
  return isKeyturnError(refusal) && OF_TODAY.has(refusal.code);
}

/** Null also while Temporal cannot say: then the refusal is the answer, and not an outage that has no part in it. */
async function knownStart(
  context: Parameters<typeof readStart>[0],
  id: string,
): Promise<StartedRequest | null> {
  try {
    return await readStart(context, id);
  } catch (error) {
    if (isKeyturnError(error) && error.code === 'unavailable') return null;
    throw error;
  }
}
