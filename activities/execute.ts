import { Context } from '@temporalio/activity';

import { KeyturnError } from '../domain/errors.ts';
import { isFinal } from '../domain/request.ts';
import type { ExecutionRow } from '../database/tables.ts';
import { claim, type Claim } from './claim.ts';
import type { ConnectorCall, ExecutionOutcome } from './connectors/connector.ts';
import type { Dependencies } from './dependencies.ts';
import { withHeartbeat } from './heartbeat.ts';
import { placeOf } from './place.ts';
import { ownRow } from './plan.ts';
import { recordStep, type StepPlace, type StepTransaction } from './record.ts';
import { hold } from './hold.ts';
import { openClaim, resolveClaim } from './resolve-claim.ts';
import { refuseExecution, returnToReview, settle, type Executed } from './settle.ts';
import { closeSwitchedOff } from './switches.ts';

/** A fenced-off claim may be followed by another, but not for ever. */
const CLAIMS_MAX = 5;

interface Progress {
  readonly dependencies: Dependencies;
  readonly place: StepPlace;
  readonly isLastProbe: boolean;
}

/** Attempts of the activity after which an unreachable target leaves the outcome unknown. */
const PROBE_ATTEMPTS_MAX = 8;

/**
 * Performs an approved action, at most once. Safe to repeat: whoever finds an open claim does not act, but asks the
 * target what became of it, and acts anew only when the target has fenced the earlier claim off for good.
 */
export async function execute(
  dependencies: Dependencies,
  input: { readonly step: number; readonly hold?: number; readonly at: string },
): Promise<Executed> {
  const progress: Progress = {
    dependencies,
    // Asked again after a hold, it is another step of the same round.
    place: placeOf(`execute/${input.step}${input.hold ? `.${input.hold}` : ''}`, input.at),
    isLastProbe: Context.current().info.attempt >= PROBE_ATTEMPTS_MAX,
  };
  return withHeartbeat(() => perform(progress));
}

async function perform(progress: Progress): Promise<Executed> {
  for (;;) {
    const row = await ownRow(progress.dependencies, progress.place);
    if (isFinal(row.status)) return { kind: 'closed', status: row.status };
    const open = await openClaim(progress.dependencies, row.id);
    const settled = open ? await resolveClaim(progress, row, open) : await claimAndAct(progress);
    if (settled) return settled;
  }
}

/** Claims and acts. Null when the outcome is unknown or the claim was fenced off: look again. */
async function claimAndAct(progress: Progress): Promise<Executed | null> {
  const { dependencies, place } = progress;
  let claimed: Claim | null = null;
  // A claim is its own record: the step's name carries the attempt, so that a repeat sees the open claim instead.
  const count = await claimCount(dependencies, place.request);
  const refusal = await recordStep(
    dependencies,
    { ...place, step: `${place.step}/claim/${count}` },
    async (transaction) => {
      if (count >= CLAIMS_MAX) return refuseExecution(transaction, 'target_keeps_changing');
      claimed = await claim(dependencies, transaction);
      if (claimed.kind === 'held') return hold(transaction, claimed);
      if (claimed.kind === 'denied') return refuseClaim(transaction, claimed);
      return claimed.kind === 'again' ? returnToReview(transaction, claimed.why) : null;
    },
  );
  if (refusal) return refusal;
  const held = claimed as Claim | null;
  return held?.kind === 'claimed' ? act(progress, held) : null;
}

async function refuseClaim(
  transaction: StepTransaction,
  { code, thrown }: Claim & { kind: 'denied' },
): Promise<Executed> {
  return thrown ? closeSwitchedOff(transaction, thrown) : refuseExecution(transaction, code);
}

async function claimCount(dependencies: Dependencies, request: string): Promise<number> {
  const rows: { count: string }[] = await dependencies.source.query(
    'select count(*) as count from keyturn.execution where request = $1',
    [request],
  );
  return Number(rows[0]?.count ?? 0);
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
      beforeCommit: ({ transactionId }) => noteTransaction(dependencies, held.execution, transactionId),
    })
    .catch((error: unknown) => unknownOutcome(dependencies, call, error));
  if (outcome?.kind === 'failed') logFailed(dependencies, call, outcome);
  return outcome === null ? null : settleOutcome(progress, held.execution, outcome);
}

/** An error says nothing about what happened at the target: the claim stays open, and the next look probes. */
function unknownOutcome({ log }: Dependencies, call: ConnectorCall, error: unknown): null {
  const err = error instanceof Error ? error.name : 'unknown';
  log.warn({ request: call.requestId, target: call.target.id, err }, 'execution ended without an answer');
  return null;
}

/** Names where to look, and no value: messages of a server quote rows. */
function logFailed(
  { log }: Dependencies,
  { requestId, target }: ConnectorCall,
  { code, sqlState }: ExecutionOutcome & { kind: 'failed' },
): void {
  log.warn({ request: requestId, target: target.id, code, sql_state: sqlState }, 'the action failed');
}

/**
 * Notes what a probe needs, and with it whether the claim still stands: a run that was paused until somebody else had
 * settled its claim must not commit any more.
 */
async function noteTransaction(
  { source }: Dependencies,
  execution: ExecutionRow,
  transactionId: string,
): Promise<void> {
  const noted: unknown[] = await source.query(
    `with noted as (
       update keyturn.execution set transaction_id = $3
       where request = $1 and attempt = $2 and state = 'claimed' returning 1)
     select * from noted`,
    [execution.request, execution.attempt, transactionId],
  );
  if (noted.length === 0)
    throw new KeyturnError('illegal_move', 'The claim of this run was settled already.');
}

async function settleOutcome(
  { dependencies, place }: Progress,
  execution: ExecutionRow,
  outcome: ExecutionOutcome,
): Promise<Executed | null> {
  const step = { ...place, step: `${place.step}/settle/${execution.attempt}` };
  return recordStep(dependencies, step, async (transaction): Promise<Executed | null> => {
    switch (outcome.kind) {
      case 'succeeded':
        return settle(transaction, execution, {
          state: 'succeeded',
          facts: { fingerprint: outcome.fingerprint },
          result: outcome.result,
        });
      case 'failed':
        return settle(transaction, execution, {
          state: 'failed',
          facts: { code: outcome.code },
          code: outcome.code,
          detail: outcome.detail,
        });
      case 'drifted':
        return settle(transaction, execution, {
          state: 'released',
          facts: { why: 'drifted' },
          detail: outcome.detail,
        });
    }
  });
}
