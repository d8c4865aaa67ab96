import { ApplicationFailure, Context } from '@temporalio/activity';

import { KeyturnError } from '../../domain/errors.ts';
import { identityKey, rootOf } from '../../domain/identity/identity.ts';
import { isFinal } from '../../domain/request/status.ts';
import { databaseNow } from '../../database/clock.ts';
import { countClaims, executionState, noteTransaction, openClaim } from '../../database/executions.ts';
import { recordedStep } from '../../database/steps.ts';
import type { ExecutionRow, RequestRow } from '../../database/tables.ts';
import { noteTrouble, readTrouble } from '../../database/target-troubles.ts';
import { closeSwitchedOff, refuseExecution, returnToReview } from '../close-request.ts';
import { claim, type Claim } from './claim-execution.ts';
import { ChecksBusy } from '../../domain/execution/fair-pool.ts';
import type { CommitEvidence, ConnectorCall, ExecutionOutcome } from '../connectors/connector.ts';
import { troubleOf } from '../connectors/trouble.ts';
import type { Dependencies } from '../dependencies.ts';
import { withHeartbeat } from '../heartbeat.ts';
import { stepReference } from '../caller.ts';
import { ownRow } from '../load-request.ts';
import { recordStep } from '../record.ts';
import type { StepReference, StepTransaction } from '../step.ts';
import { hold } from './hold.ts';
import { consumeKept } from './kept-messages.ts';
import { closeUnsent, resolveClaim } from './resolve-claim.ts';
import { settle, type Executed, type Settlement } from './settle.ts';
import { TargetTurns } from './target-turns.ts';

/** A claim that the target fenced off may be followed by another, but not for ever. */
const SENT_CLAIMS_MAX = 5;

/** Claims in all: while the target is away, one for each attempt of the activity, which are ten seconds apart at last. */
const CLAIMS_MAX = 20;

interface Progress {
  readonly dependencies: Dependencies;
  readonly reference: StepReference;
  /** How often the activity was tried, by the retry policy of its schedule. */
  readonly attempt: number;
}

/** Attempts of the activity after which an unreachable target leaves the outcome unknown. */
const PROBE_ATTEMPTS_MAX = 8;

/** And not before a claim is so old: who schedules the activity chooses how fast attempts follow each other. */
const PROBED_FOR_MS = 40_000;

/**
 * Executes an approved action, at most once. Safe to repeat: a run that finds an open claim does not act, but probes it
 * at the target, and acts anew only when the target has fenced the earlier claim off for good.
 */
export async function execute(
  dependencies: Dependencies,
  input: { readonly step: number; readonly hold?: number; readonly at: string },
): Promise<Executed> {
  const progress: Progress = {
    dependencies,
    // Asked again after a hold, it is another step of the same round.
    reference: stepReference(`execute/${input.step}${input.hold ? `.${input.hold}` : ''}`, input.at),
    attempt: Context.current().info.attempt,
  };
  return withHeartbeat(() => claimAndRun(progress));
}

async function claimAndRun(progress: Progress): Promise<Executed> {
  for (;;) {
    const row = await ownRow(progress.dependencies, progress.reference);
    if (isFinal(row.status)) return { kind: 'closed', status: row.status };
    const open = await openClaim(progress.dependencies.source.manager, row.id);
    const settled = open ? await lookAfter(progress, row, open) : await claimInTurn(progress, row);
    if (settled) return settled;
    if (!open) await refuseUnsent(progress);
  }
}

/** Probes an open claim, which may be that of a run that is still at it. */
async function lookAfter(progress: Progress, row: RequestRow, open: ExecutionRow): Promise<Executed | null> {
  const { dependencies, reference, attempt } = progress;
  const now = await databaseNow(dependencies.source.manager);
  const isOld = now.getTime() - open.claimed_at.getTime() >= PROBED_FOR_MS;
  const isLastProbe = async (): Promise<boolean> => isOld && attempt >= PROBE_ATTEMPTS_MAX;
  return resolveClaim({ dependencies, reference, isLastProbe }, row, open);
}

/** After a run without an answer: where nothing was sent, the target is tried again after a pause. */
async function refuseUnsent(progress: Progress): Promise<void> {
  const open = await openClaim(progress.dependencies.source.manager, progress.reference.request);
  if (open !== null && (await closeUnsent(progress, open)))
    throw ApplicationFailure.retryable('The target could not be reached.', 'target_unreachable');
}

const turns = new TargetTurns();

/**
 * Waits for a turn at the target before anything is claimed: what stops the action meanwhile still stops it. Break-glass
 * runs wait for none: they are few, since people agree to each, and may end what others do at the target.
 */
async function claimInTurn(progress: Progress, row: RequestRow): Promise<Executed | null> {
  if (row.is_break_glass) return claimAndAct(progress);
  return turns
    .run({ target: row.target, requester: identityKey(rootOf(row.lineage)) }, () => claimAndAct(progress))
    .catch((error: unknown) => {
      if (error instanceof ChecksBusy) throw ApplicationFailure.retryable(error.message, 'checks_busy');
      throw error;
    });
}

/** Claims and acts. Null when the outcome is unknown or the claim was fenced off: look again. */
async function claimAndAct(progress: Progress): Promise<Executed | null> {
  const { dependencies, reference } = progress;
  let claimed: Claim | null = null;
  // A claim is its own record: the step's name carries the attempt, so that a repeat sees the open claim instead.
  const { count, sent, is_missing } = await countClaims(dependencies.source.manager, reference.request);
  // While a claim is on record and not in its table nobody knows what came of it: nothing is claimed anew. It is
  // reported, and looked for after a pause: not over and over.
  if (is_missing) throw missing(progress);
  const settled =
    count > 0 && (await recordedStep(dependencies.source.manager, settleReference(reference, count)));
  if (settled) return settled as Executed;
  const refusal = await recordStep(
    dependencies,
    { ...reference, step: `${reference.step}/claim/${count}` },
    async (transaction): Promise<Executed | null> => {
      await consumeKept(dependencies, transaction);
      const { status } = transaction.row;
      if (isFinal(status)) return { kind: 'closed', status };
      // An approval was taken back, by what was kept or a moment ago.
      if (status === 'planning') return { kind: 'again' };
      if (sent >= SENT_CLAIMS_MAX) return refuseExecution(transaction, 'target_keeps_changing');
      if (count >= CLAIMS_MAX) return refuseUnreachable(transaction);
      claimed = await claim(dependencies, transaction);
      if (claimed.kind === 'held') return hold(transaction, claimed);
      if (claimed.kind === 'denied') return refuseClaim(transaction, claimed);
      return claimed.kind === 'again' ? returnToReview(transaction, claimed.why) : null;
    },
  );
  if (refusal) return refusal;
  const held = claimed as Claim | null;
  if (held?.kind === 'claimed') return act(progress, held);
  // The step was recorded by an earlier attempt: then its claim is open, or it is missing.
  const now = await countClaims(dependencies.source.manager, reference.request);
  if (now.count <= count) throw missing(progress);
  return null;
}

function missing({ dependencies, reference }: Progress): ApplicationFailure {
  dependencies.log.error({ request: reference.request }, 'the claim that is on record is not in its table');
  return ApplicationFailure.retryable('The claim of this request is missing.', 'claim_missing');
}

/** With the cause of the last attempt, for those who may know it. */
async function refuseUnreachable(transaction: StepTransaction): Promise<Executed> {
  const detail = await readTrouble(transaction.manager, transaction.row.id);
  return refuseExecution(transaction, 'target_unreachable', { detail: detail ?? '' });
}

async function refuseClaim(
  transaction: StepTransaction,
  { code, engaged }: Claim & { kind: 'denied' },
): Promise<Executed> {
  return engaged ? closeSwitchedOff(transaction, engaged) : refuseExecution(transaction, code);
}

async function act(progress: Progress, held: Claim & { kind: 'claimed' }): Promise<Executed | null> {
  const { dependencies } = progress;
  const { connector, call } = held.prepared;
  const outcome = await connector
    .execute({
      ...call,
      approvedPlan: held.plan,
      idempotencyKey: held.execution.idempotency_key,
      ...(held.decision === null ? {} : { decision: held.decision }),
      beforeCommit: (evidence) => noteCommit(dependencies, held.execution, evidence),
    })
    .catch((error: unknown) => unknownOutcome(dependencies, call, error));
  if (outcome?.kind === 'failed') logFailed(dependencies, call, outcome);
  return outcome === null ? null : settleOutcome(progress, held.execution, outcome);
}

/** An error says nothing about what happened at the target: the claim stays open, and the next look probes. */
async function unknownOutcome(
  dependencies: Dependencies,
  { requestId, target }: ConnectorCall,
  error: unknown,
): Promise<null> {
  const trouble = troubleOf(error);
  dependencies.log.warn(
    { request: requestId, target: target.id, ...trouble },
    'execution ended without an answer',
  );
  await noteTrouble(dependencies.source.manager, requestId, trouble);
  return null;
}

/** Names where to look, and no value: messages of a server quote rows. */
function logFailed(
  { log }: Dependencies,
  { requestId, target }: ConnectorCall,
  { code, sqlState, cause }: ExecutionOutcome & { kind: 'failed' },
): void {
  log.warn({ request: requestId, target: target.id, code, sql_state: sqlState, cause }, 'the action failed');
}

/**
 * Notes what a probe needs, and with it whether the claim still stands: a run that was paused until somebody else had
 * settled its claim must not commit any more.
 */
async function noteCommit(
  { source }: Dependencies,
  execution: ExecutionRow,
  { transactionId, within = source.manager }: CommitEvidence,
): Promise<void> {
  if (!(await noteTransaction(within, execution, transactionId)))
    throw new KeyturnError('illegal_move', 'The claim of this run was settled already.');
}

async function settleOutcome(
  { dependencies, reference }: Progress,
  execution: ExecutionRow,
  outcome: ExecutionOutcome,
): Promise<Executed | null> {
  const step = settleReference(reference, execution.attempt);
  return recordStep(dependencies, step, async (transaction): Promise<Executed | null> => {
    const settlement = settlementOf(outcome);
    const executed = await settle(transaction, execution, settlement);
    // Then somebody closed the claim meanwhile: that stays, and where it is not what the run saw it must be heard.
    if (transaction.appended.length === 0)
      await reportOther(dependencies, transaction, { execution, settlement });
    return executed;
  });
}

function settleReference(reference: StepReference, attempt: number): StepReference {
  return { ...reference, step: `${reference.step}/settle/${attempt}` };
}

function settlementOf(outcome: ExecutionOutcome): Settlement {
  if (outcome.kind === 'drifted')
    return { state: 'released', facts: { why: 'drifted' }, detail: outcome.detail };
  const step = 'settle_seen';
  if (outcome.kind === 'succeeded') {
    const { fingerprint, result } = outcome;
    return { state: 'succeeded', facts: { fingerprint }, result, step };
  }
  const { code, detail } = outcome;
  return { state: 'failed', facts: { code }, code, detail, step };
}

async function reportOther(
  { log }: Dependencies,
  { manager, row }: StepTransaction,
  { execution, settlement }: { readonly execution: ExecutionRow; readonly settlement: Settlement },
): Promise<void> {
  const found = {
    request: row.id,
    attempt: execution.attempt,
    seen: settlement.state,
    recorded: await executionState(manager, execution),
  };
  if (found.recorded !== found.seen)
    log.error(found, 'an action came to something else than what is on record');
}
