import { setTimeout } from 'node:timers/promises';

import type { Client } from 'pg';

import { misstatement, type Stated } from '../approved-plan.ts';
import type { ApprovedCall, ExecutionOutcome } from '../connector.ts';
import { isKeyturnError } from '../../../domain/errors.ts';
import type { Plan, ResourceEffect } from '../../../domain/request/plan.ts';
import {
  countsOf,
  countUnpreviewed,
  runOnFound,
  unpreviewedFingerprint,
  untriedBecause,
  type Untried,
} from './unpreviewed.ts';
import { BEGUN, begunWriting, effectOf, type BegunWriting } from './rehearsal.ts';
import type { TableEffect } from './images.ts';
import { claiming, isTaken, readLedger } from './ledger.ts';
import { statedUntried } from './plan-untried.ts';
import { projectWithUnbound } from './comparison.ts';
import { fingerprintOf } from './fingerprint.ts';
import { keptIn } from './moved-rows.ts';
import type { ProjectedEffect } from './projection.ts';
import { answersTo, question } from './questions.ts';
import { queueBehindRivals } from './queue.ts';
import { notPreviewable, StatementRefused } from './refusal.ts';
import { runStatement } from './run-statement.ts';
import { shownOf, statedOf } from './plan-body.ts';
import { asStatement, beginning, endTransaction, lostSession } from './session.ts';
import { classOf, failureOf, isSurvivedError, isTransient } from './sql-error.ts';
import { readerUse } from './written-tables.ts';
import type { PreparedCall } from './prepared-call.ts';

/** An approved call that was read and analysed again. */
export interface PreparedExecution extends PreparedCall {
  readonly call: ApprovedCall;
}

const TRIES_MAX = 3;
const PAUSE_MS_MAX = 200;

/** A statement refused at execution was not refused when it was approved: something changed since. */
export function refusedRun(error: StatementRefused): ExecutionOutcome {
  if (error.code === 'target_error') return { kind: 'failed', code: 'target_error', detail: error.message };
  return { kind: 'drifted', detail: error.message };
}

/**
 * Runs the statement and commits only the approved effect. An outcome means that it is certain what happened; an
 * error after `beforeCommit` was called means that it is not. `idle` is a session that has nothing to do; what is open in it
 * and in the writer ends when they come back.
 */
export async function executeApproved(prepared: PreparedExecution, idle: Client): Promise<ExecutionOutcome> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await prepared.kept.lend(prepared, (writer) => tryOnce(prepared, writer, idle), {
        use: 'statement',
      });
    } catch (error) {
      if (error instanceof StatementRefused) return refusedRun(error);
      // What the session did not survive is the caller's: raised again, and probed if need be.
      if (!isSurvivedError(error)) throw error;
      if (!isTransient(error) || tries === TRIES_MAX) {
        return { kind: 'failed', code: classOf(error), ...failureOf(error) };
      }
      // Nobody waits for who waits; at once, it would meet the same rivals again.
      await endTransaction(idle);
      await setTimeout(Math.random() * PAUSE_MS_MAX);
    }
  }
}

/** Once the writing session is there: nobody stands in the queue without one. */
async function tryOnce(prepared: PreparedExecution, writer: Client, idle: Client): Promise<ExecutionOutcome> {
  await queueBehindRivals(idle, prepared.call.approvedPlan, prepared);
  const begun = await beginClaimed(prepared, writer);
  if (begun === null) return outcomeOfOther(prepared, writer);
  const found = await runAndRead(prepared, writer, begun);
  const detail = differenceFrom(prepared.call.approvedPlan, found);
  if (detail !== null) return { kind: 'drifted', detail };
  return commit(prepared, writer, { effects: found.stated.effects, transactionId: begun.transactionId });
}

const WAITED_TOO_LONG: ReadonlySet<string> = new Set(['55P03', '57014']);

interface BegunRun extends BegunWriting {
  readonly transactionId: string;
}

const TRANSACTION = question<{ id: string }>('select pg_catalog.pg_current_xact_id()::text as id');

/** Begins as the statement, with the key claimed. Null where another run has it. */
async function beginClaimed(prepared: PreparedExecution, writer: Client): Promise<BegunRun | null> {
  const { call, settings } = prepared;
  const { idempotencyKey: key, requestId, approvedPlan } = call;
  const claim = claiming({ key, requestId, fingerprint: approvedPlan.fingerprint });
  const start = { ...BEGUN, after: beginning({ isolation: 'serializable' }, prepared) };
  const claimed = { ...TRANSACTION, after: settings.hasLedger ? [claim] : [] };
  try {
    const [begun, [transaction]] = await answersTo(writer, [start, claimed], asStatement(settings));
    return { ...begunWriting(writer, begun), transactionId: transaction?.id ?? '' };
  } catch (error) {
    if (isTaken(error)) return null;
    // The other run may still commit, so this is no failure of the request.
    if (isSurvivedError(error) && WAITED_TOO_LONG.has(error.code)) throw lostSession(error);
    throw error;
  }
}

/** What the other run with this key did. */
async function outcomeOfOther({ call }: PreparedExecution, writer: Client): Promise<ExecutionOutcome> {
  await writer.query('rollback');
  const found = await readLedger(writer, call.idempotencyKey);
  if (found?.fenced === false)
    return { kind: 'succeeded', fingerprint: found.fingerprint ?? '', result: { is_repeat: true } };
  const detail = 'A probe has closed this run: it can no longer commit.';
  return { kind: 'failed', code: 'fenced', detail };
}

interface EffectOfRun {
  /** What a plan of it would state. */
  readonly stated: Stated;
  readonly fingerprint: string;
}

async function runAndRead(
  prepared: PreparedExecution,
  writer: Client,
  { values, ...begun }: BegunWriting,
): Promise<EffectOfRun> {
  const because = untriedBecause(prepared);
  if (because !== null) return runUnpreviewed(prepared, writer, { values, because });
  await runStatement(prepared, writer);
  const approved = new Map(prepared.call.approvedPlan.effects.map((effect) => [effect.resource, effect]));
  const blind = [...approved.values()]
    .filter((effect) => effect.is_counts_only)
    .map(({ resource }) => resource);
  const effects = await prepared.kept.lend(
    prepared,
    (reader) => effectOf(prepared, { ...begun, writer, reader, countsOnly: new Set(blind) }),
    { use: readerUse(prepared.analysis.tables) },
  );
  const projected = effects.flatMap((effect) => {
    const assignedColumns = approved.get(effect.resource)?.assigned_columns ?? [];
    const kept = keptIn(prepared.analysis, effects, effect);
    const projection = { assignedColumns, ...kept, isCountsOnly: blind.includes(effect.resource) };
    return projectWithUnbound(effect, projection, prepared.analysis) ?? [];
  });
  const { rewritten } = prepared.analysis;
  return {
    stated: statedAgain(prepared, effects, projected),
    fingerprint: fingerprintOf(projected, { valueSettings: values, rewritten }),
  };
}

/** Whole tables are not counted again, and nothing is undone on trial: that much is taken from the approved plan. */
function statedAgain(
  prepared: PreparedExecution,
  effects: readonly TableEffect[],
  projected: readonly ProjectedEffect[],
): Stated {
  const { approvedPlan } = prepared.call;
  const sizes = new Map(approvedPlan.effects.map((effect) => [effect.resource, effect.rows_before]));
  const sized = projected.map((effect) => {
    const rowsBefore = sizes.get(effect.resource);
    return rowsBefore === undefined ? effect : { ...effect, rows_before: rowsBefore };
  });
  // Why rows are only counted may be another reason now.
  const changed = effects.filter(({ rows }) => rows !== null);
  const shown = shownOf(prepared, sized);
  const reversal = shown.length === 0 ? null : approvedPlan.reversal;
  return statedOf(prepared, { effects: sized, shown, changed, reversal });
}

/** Nobody could say what the triggers do, so only the rows that the statement meets are checked, and its own count. */
async function runUnpreviewed(
  prepared: PreparedExecution,
  writer: Client,
  { values, because }: { readonly values: string; readonly because: Untried },
): Promise<EffectOfRun> {
  const met = await countUnpreviewed(prepared, writer);
  const count = await runOnFound(prepared, writer, met);
  if (met.own !== null && count !== met.own) {
    throw notPreviewable(`The statement changed ${count} rows instead of ${met.own}.`);
  }
  return {
    stated: statedUntried(prepared, met.effects, because),
    fingerprint: unpreviewedFingerprint(prepared, met, values),
  };
}

async function commit(
  prepared: PreparedExecution,
  writer: Client,
  { effects, transactionId }: { effects: readonly ResourceEffect[]; transactionId: string },
): Promise<ExecutionOutcome> {
  await prepared.call.beforeCommit({ transactionId });
  const result = await writer.query('commit').catch((error: unknown) => refusedCommit(writer, error));
  // A transaction that had failed answers COMMIT with ROLLBACK and no error.
  if (result.command !== 'COMMIT') {
    const detail = 'The target rolled the transaction back.';
    return { kind: 'failed', code: 'transaction_rollback', detail };
  }
  const rows = effects.map(countsOf);
  const { fingerprint } = prepared.call.approvedPlan;
  return { kind: 'succeeded', fingerprint, result: { rows, transaction_id: transactionId } };
}

/** Only a session that still answers has certainly refused the commit; otherwise nobody knows. */
async function refusedCommit(writer: Client, error: unknown): Promise<never> {
  const isAlive = await writer.query('rollback').then(
    () => true,
    () => false,
  );
  throw isAlive || isKeyturnError(error) ? error : lostSession(error);
}

/** Null when the approved plan states what happens, and is about nothing else. */
function differenceFrom(approved: Plan, { stated, fingerprint }: EffectOfRun): string | null {
  const isSameEffect = fingerprint === approved.fingerprint;
  const misstated = misstatement(approved, stated);
  if (isSameEffect && misstated === null) return null;
  return driftOf(approved.effects, stated.effects) ?? (isSameEffect ? misstated : OTHER_VALUES);
}

const OTHER_VALUES = 'The same number of rows would change, but other rows or other values than approved.';

/** What differs, by table and counts: enough to see why, without data. Null where these are the same. */
function driftOf(approved: readonly ResourceEffect[], actual: readonly ResourceEffect[]): string | null {
  const names = [...new Set([...approved, ...actual].map(({ resource }) => resource))].sort();
  const differences = names.flatMap((name) => {
    const was = countsText(approved.find(({ resource }) => resource === name));
    const is = countsText(actual.find(({ resource }) => resource === name));
    return was === is ? [] : [`${name}: approved ${was}, now ${is}`];
  });
  return differences.length === 0 ? null : `The effect would differ. ${differences.join('; ')}.`;
}

function countsText(effect: ResourceEffect | undefined): string {
  if (effect === undefined) return 'nothing';
  return `${effect.inserted} inserted, ${effect.updated} updated, ${effect.deleted} deleted`;
}
