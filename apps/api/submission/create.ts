import { refuseWrongClock } from '../../../database/clock.ts';
import { gateToWorkflow } from '../../../database/gate-answers.ts';
import { isKeyturnError, KeyturnError, type ErrorCode } from '../../../domain/errors.ts';
import { callerOf } from '../auth/caller.ts';
import { callerSnapshot } from '../auth/authenticate.ts';
import type { ApiContext } from '../context.ts';
import { readStart, type StartedRequest } from '../requests/started.ts';
import { answerAtOnce } from './answer.ts';
import { refuseOverBudget } from './budget.ts';
import { checkSubmission } from './check.ts';
import { lineageOfAttempt } from './editors.ts';
import { refuseOutOfScope } from './key-scope.ts';
import { lookUpKey, type UnusedKey } from './idempotency-key.ts';
import { refuseOtherCall, refuseOtherIntent } from './repeat.ts';
import { settled } from './settled.ts';
import { signRequest } from './sign.ts';
import { startWorkflow } from './start.ts';
import { idOf, type Checked, type CreateCall, type Created, type CreateSubmission } from './submission.ts';

/** How often a call starts again because the policy changed meanwhile. */
const ATTEMPTS_MAX = 5;

/**
 * Creates a request. Its workflow is started first and records everything, so nothing can be half done; the id is derived
 * from caller and key, so a repeat finds the same request, also long after it ended.
 */
export async function createRequest(context: ApiContext, call: CreateCall): Promise<Created> {
  refuseOutOfScope(call.caller, call.body);
  // Here and not at signing, which may be inside a transaction that must not wait for a second connection.
  await refuseWrongClock(context.source);
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
    const created = await submit(context, attempt === 1 ? call : await underCurrentPolicy(context, call));
    if (created) return created;
  }
  throw new KeyturnError(
    'unavailable',
    'The policy kept changing during this call. Repeat the call with the same Idempotency-Key.',
  );
}

async function underCurrentPolicy(
  context: Pick<ApiContext, 'source' | 'snapshots'>,
  call: CreateCall,
): Promise<CreateCall> {
  return { ...call, caller: callerOf(call.caller.principal, await callerSnapshot(context)) };
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

/** Accepts a new submission: answers it on the spot where that is possible, else starts its workflow. */
async function take(
  context: ApiContext,
  submission: CreateSubmission,
  { gate, switches }: UnusedKey,
): Promise<Created | null> {
  const checked = await checkSubmission(context, submission, switches);
  // An answer on the spot is for now: an action that starts later has to wait in a workflow.
  const answered = gate && !checked.start ? await answerAtOnce(context, checked, gate) : 'workflow';
  return answered === 'workflow' ? start(context, checked) : answered;
}

async function start(context: ApiContext, submission: CreateSubmission & Checked): Promise<Created | null> {
  const { id, action, target, caller, body } = submission;
  await refuseOverBudget(context, submission);
  const { signed, envelope } = await signRequest(context.keys, submission);
  if (body.mode === 'gate') {
    // From here on the key belongs to a workflow for ever, so budgets are checked before.
    const key = await gateToWorkflow(context.source.manager, signed);
    if (key.verdict === 'allowed') return null;
    refuseOtherIntent(submission, key);
  }
  const isNew = await startWorkflow(context, { signed, envelope, action, target, caller });
  const started = isNew ? { signed, envelope, isOpen: true } : await readStart(context, id);
  if (!started)
    throw new KeyturnError(
      'unavailable',
      'Temporal gave contradictory answers. Repeat the call with the same Idempotency-Key.',
    );
  // The workflow existed: an earlier call with this key, or the same one at the same time.
  if (!isNew) await refuseOtherCall(context, submission, started.envelope);
  return settled(context, submission, { outcome: isNew ? 'created' : 'repeated', started });
}

/**
 * A call that is refused today, by a kill switch for instance, may have started its request before, which is not recorded
 * yet: then that is the answer.
 */
async function startedBefore(
  context: ApiContext,
  submission: CreateSubmission,
  refusal: unknown,
): Promise<Created> {
  const started = isOfToday(refusal) ? await knownStart(context, submission.id) : null;
  if (!started) throw refusal;
  await refuseOtherCall(context, submission, started.envelope);
  return settled(context, submission, { outcome: 'repeated', started });
}

/**
 * Refusals that an earlier call with this key may not have met: by switches, budgets, history and the clock. What the
 * catalogue refuses is refused at once, without a query to Temporal for each wrong call.
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

/** Null also while Temporal is unavailable: then the refusal is the answer, not an outage that it does not depend on. */
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
