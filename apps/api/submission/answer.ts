import {
  gateToWorkflow,
  holdGround,
  readGateGround,
  type GateGround,
} from '../../../database/gate-answers.ts';
import type { JsonValue } from '../../../domain/crypto/canonical-json.ts';
import { intentDigest } from '../../../domain/request/digests.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import { isAllowedAtOnce } from '../../../domain/execution/gate.ts';
import type { Lineage } from '../../../domain/identity/identity.ts';
import { callerOf } from '../auth/caller.ts';
import { callerGround } from '../auth/guard.ts';
import type { ApiContext } from '../context.ts';
import { keyReused } from '../http/idempotency.ts';
import { refuseOverBudget } from './budget.ts';
import { checkSubmission } from './check.ts';
import { idOf, otherIdOf, type CreateCall, type Created } from './create-call.ts';
import { lineageOf } from './lineage.ts';
import { refuseOtherCall, refuseOtherIntent, refuseUnusable } from './repeat.ts';
import { answeredRow } from '../requests/answered-row.ts';
import type { GateAsked } from './gate-call.ts';
import { groundOf } from './snapshot.ts';
import { reserving } from './reserving.ts';
import { judgeGate } from './evaluate-gate.ts';
import { recordAnswer } from './record-answer.ts';

/** A policy that changes faster than this is asked again later. */
const ATTEMPTS_MAX = 5;

/** What a key stands for that got no answer on the spot. `within_budget`: from now on, and the budget has room for it. */
export type LeftToWorkflow = 'workflow' | 'within_budget';

/** One try: an answer, or a workflow has the key, or something changed meanwhile. */
type Attempt = Created | LeftToWorkflow | 'again';

/**
 * Answers a gate request on the spot when policy allows it, without a workflow. Else its key belongs to a workflow,
 * for good. Which of the two it is, is one row in the database, written before anything else happens: a key gets at most one
 * answer, and never an answer and a workflow.
 */
export async function answerAtOnce(context: ApiContext, call: CreateCall): Promise<Created | LeftToWorkflow> {
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
    const outcome = await tryAnswer(context, attempt === 1 ? call : await underPolicyOfNow(context, call));
    if (outcome !== 'again') return outcome;
  }
  throw new KeyturnError(
    'unavailable',
    'The policy kept changing while this was evaluated. Repeat the call with the same Idempotency-Key.',
  );
}

async function underPolicyOfNow(context: ApiContext, call: CreateCall): Promise<CreateCall> {
  return { ...call, caller: callerOf(call.caller.principal, await callerGround(context)) };
}

async function tryAnswer(context: ApiContext, call: CreateCall): Promise<Attempt> {
  const lineage = lineageOf(call.caller, call.body);
  const id = idOf(context, call);
  const at = new Date();
  const subject = { id, otherId: otherIdOf(context, call), lineage, at };
  const ground = await readGateGround(context.source.manager, subject);
  if (ground.key) return repeat(context, call, { ...ground, key: ground.key, lineage });
  if (ground.isUsedOtherwise) throw keyReused();
  const submission = { ...call, id, lineage, switches: ground.switches };
  const { start, ...entry } = await checkSubmission(context, submission);
  const asked: GateAsked = { ...entry, call, id, lineage, at, ground };
  // An answer on the spot is for now: what may start later only waits in a workflow.
  if (start) return leaveToWorkflow(context, asked);
  return judgeAndRecord(context, asked);
}

interface Repeat extends Pick<GateGround, 'switches'> {
  readonly key: NonNullable<GateGround['key']>;
  readonly lineage: Lineage;
}

/** The key went its way before: that is what it stands for. */
async function repeat(
  context: ApiContext,
  call: CreateCall,
  { key, switches, lineage }: Repeat,
): Promise<Attempt> {
  refuseOtherIntent(call, key.verdict === 'allowed' ? key.answer : key);
  // What was signed for a workflow is compared where its request is found.
  if (key.verdict === 'workflow') return 'workflow';
  await refuseOtherCall(context, { call, lineage }, key.answer.envelope);
  const row = await answeredRow(context, key.answer);
  refuseUnusable(call.caller.directory, switches, row);
  return { outcome: 'repeated', isRecorded: true, row };
}

/** Reservations of counting windows and the answer are one transaction: one that is not given reserves nothing. */
async function judgeAndRecord(context: ApiContext, asked: GateAsked): Promise<Attempt> {
  const { policy } = asked.call.caller.policy;
  const isCounted = policy.windows.some((window) => window.action.includes(asked.action.action));
  const outcome = await reserving(context.source, isCounted, async (manager) => {
    // The same order of locks as a claim: else the two could wait for each other.
    if (isCounted && !(await holdGround(manager, groundOf(asked))))
      return { isKept: false, result: 'again' as const };
    const judged = await judgeGate(manager, asked);
    const { directory } = asked.call.caller;
    const question = { directory, action: asked.action.action, lineage: asked.lineage };
    if (!isAllowedAtOnce(question, judged.evaluation)) return { isKept: false, result: null };
    return keep(await recordAnswer(context, manager, { ...asked, ...judged }));
  });
  return outcome ?? leaveToWorkflow(context, asked);
}

/** The key went a way, or the policy changed, between question and record: look again. */
function keep(recorded: Created | null): { readonly isKept: boolean; readonly result: Created | 'again' } {
  return { isKept: recorded !== null, result: recorded ?? 'again' };
}

/**
 * What is not allowed here is put on record by a workflow. From here on the key stands for that, and is kept for ever: so
 * whoever is beyond a budget gets none.
 */
async function leaveToWorkflow(context: ApiContext, asked: GateAsked): Promise<'within_budget' | 'again'> {
  const { call, id, action } = asked;
  await refuseOverBudget(context, call.caller, { ...asked, isBreakGlass: call.body.break_glass === true });
  const { schema_version } = action;
  const values = call.body.arguments as Readonly<Record<string, JsonValue>>;
  const intent = intentDigest({ ...call.body, arguments: values, schema_version });
  const key = await gateToWorkflow(context.source.manager, { id, schema_version, intent_digest: intent });
  if (key.verdict === 'allowed') return 'again';
  refuseOtherIntent(call, key);
  return 'within_budget';
}
