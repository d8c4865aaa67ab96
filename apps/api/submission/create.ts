import { refuseWrongClock } from '../../../database/clock.ts';
import { isGateKey } from '../../../database/gate-answers.ts';
import { readSwitches } from '../../../database/kill-switches.ts';
import { readRequest } from '../../../database/readers.ts';
import { signEnvelope } from '../../../domain/crypto/envelope.ts';
import { isKeyturnError, KeyturnError, type ErrorCode } from '../../../domain/errors.ts';
import type { Lineage } from '../../../domain/identity/identity.ts';
import type { RequestRow } from '../../../database/tables.ts';
import type { ApiContext } from '../context.ts';
import { keyReused } from '../http/idempotency.ts';
import { answerAtOnce } from './answer.ts';
import { refuseOverBudget } from './budget.ts';
import { checkSubmission, type Checked } from './check.ts';
import { idOf, otherIdOf, type CreateCall, type Created } from './create-call.ts';
import { editorsOfAttempt } from './editors.ts';
import { explain } from './explain.ts';
import { lineageOf } from './lineage.ts';
import { startedRow } from '../requests/load.ts';
import { refuseOtherCall, refuseUnusable, type Repetition } from './repeat.ts';
import { signedRequest } from './sign.ts';
import { readStart, type StartedRequest } from '../requests/started.ts';
import { startWorkflow } from './start.ts';

/**
 * Takes a request. Its workflow is started first, and everything recorded follows from there, so nothing can be half
 * done; the id is derived from caller and key, so a repeat finds the same request, also long after it ended.
 */
export async function createRequest(context: ApiContext, call: CreateCall): Promise<Created> {
  // Here, and not when it is signed: that may be inside a transaction, which must not wait for a second connection.
  await refuseWrongClock(context.source);
  const answered = call.body.mode === 'gate' ? await answerAtOnce(context, call) : 'workflow';
  if (typeof answered === 'object') return answered;
  const lineage = lineageOf(call.caller, call.body, await editorsOfAttempt(context, call));
  const id = idOf(context, call);
  const known = await readRequest(context.source.manager, id);
  if (known) {
    await refuseOtherCall(context, { call, lineage }, known.envelope);
    return settled(context, call, { id, outcome: 'repeated', started: null });
  }
  if (call.body.mode !== 'gate') await refuseGateKey(context, call);
  const isBudgeted = answered === 'within_budget';
  const checked = await checkedOrRepeated(context, call, { id, lineage, isBudgeted });
  if ('outcome' in checked) return checked;
  const { action, target, start } = checked;
  const signed = await signedRequest(context, call, { id, lineage, action, start });
  const envelope = await signEnvelope(signed, context.keys.signing);
  const publicUrl = context.settings.publicUrl ?? '';
  const explanation = explain({ signed, action, target, caller: call.caller, publicUrl });
  const isNew = await startWorkflow(context, {
    signed,
    envelope,
    environment: target.environment,
    explanation,
  });
  const started = isNew
    ? { signed, envelope, isOpen: true }
    : await earlierStart(context, { call, lineage }, id);
  return settled(context, call, { id, outcome: isNew ? 'created' : 'repeated', started });
}

/** What is not asked for anew any more, under a kill switch for instance, is found by a key whose request exists. */
async function checkedOrRepeated(
  context: ApiContext,
  call: CreateCall,
  asked: { readonly id: string; readonly lineage: Lineage; readonly isBudgeted: boolean },
): Promise<Checked | Created> {
  const { id, lineage, isBudgeted } = asked;
  const switches = await readSwitches(context.source.manager);
  try {
    const checked = await checkSubmission(context, { ...call, id, lineage, switches });
    const isBreakGlass = call.body.break_glass === true;
    if (!isBudgeted) await refuseOverBudget(context, call.caller, { ...checked, lineage, isBreakGlass });
    return checked;
  } catch (refusal) {
    // Started, and not recorded yet.
    const started = isOfToday(refusal) ? await knownStart(context, id) : null;
    if (!started) throw refusal;
    await refuseOtherCall(context, { call, lineage }, started.envelope);
    return settled(context, call, { id, outcome: 'repeated', started });
  }
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
async function knownStart(context: ApiContext, id: string): Promise<StartedRequest | null> {
  try {
    return await readStart(context, id);
  } catch (error) {
    if (isKeyturnError(error) && error.code === 'unavailable') return null;
    throw error;
  }
}

/** One key, one request: also where the ids are apart. */
async function refuseGateKey(context: ApiContext, call: CreateCall): Promise<void> {
  if (await isGateKey(context.source.manager, otherIdOf(context, call))) throw keyReused();
}

/** The workflow existed: an earlier call with this key, or the same one at the same time. */
async function earlierStart(
  context: ApiContext,
  repetition: Repetition,
  id: string,
): Promise<StartedRequest> {
  const started = await readStart(context, id);
  if (!started)
    throw new KeyturnError('unavailable', 'Temporal gave contradicting answers: repeat with the same key.');
  await refuseOtherCall(context, repetition, started.envelope);
  return started;
}

interface Settling {
  readonly id: string;
  readonly outcome: Created['outcome'];
  readonly started: StartedRequest | null;
}

/** Waits, as long as the caller wants to, for the request to be planned and evaluated. */
async function settled(
  context: ApiContext,
  call: CreateCall,
  { id, outcome, started }: Settling,
): Promise<Created> {
  const { manager } = context.source;
  const latest: { row: RequestRow | null } = { row: null };
  await context.feed.waitFor({
    request: id,
    timeoutMs: call.waitMs,
    signal: call.signal,
    check: async () => {
      latest.row = await readRequest(manager, id);
      return latest.row?.status === 'planning' ? null : latest.row;
    },
  });
  const { row } = latest;
  if (row && outcome === 'repeated') await refuseUnusableAnswer(context, call, row);
  if (row) return { outcome, isRecorded: true, row };
  if (!started)
    throw new KeyturnError('unavailable', 'The request cannot be read now: repeat with the same key.');
  return { outcome, isRecorded: false, row: await startedRow(context, started) };
}

/** What people agreed to is an answer like one on the spot: the request can be looked at, and acted on while it holds. */
async function refuseUnusableAnswer(
  { source }: ApiContext,
  { caller, body }: CreateCall,
  row: RequestRow,
): Promise<void> {
  if (body.mode !== 'gate' || row.status !== 'succeeded') return;
  refuseUnusable(caller.directory, await readSwitches(source.manager), row);
}
