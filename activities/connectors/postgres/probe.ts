import type { Client } from 'pg';

import type { ProbeCall, ProbeOutcome } from '../connector.ts';
import { claimKey, readLedger } from './ledger.ts';
import { begin, closeSession, openSession, rowsOf, type SessionRequest } from './session.ts';
import { isSurvivedError } from './sql-error.ts';

/** Finds out whether a run whose outcome is unknown has committed. `not_done` closes its key for good. */
export async function probeRun(call: ProbeCall, request: SessionRequest): Promise<ProbeOutcome> {
  const limits = { ...request.limits, lockTimeoutMs: request.limits.probeTimeoutMs };
  const patient = { ...request, limits: { ...limits, statementTimeoutMs: limits.probeTimeoutMs + 1_000 } };
  const client = await openSession(patient);
  try {
    return request.settings.hasLedger
      ? await fence(call, client, patient)
      : await transactionStatus(call, client);
  } catch (error) {
    if (isSurvivedError(error)) return 'unknown';
    throw error;
  } finally {
    await closeSession(client);
  }
}

/**
 * A missing row proves nothing while the run's backend may live on. A row of our own under the same key waits for
 * that backend; then it either finds the run committed, or stands in its way for good.
 */
async function fence(call: ProbeCall, client: Client, request: SessionRequest): Promise<ProbeOutcome> {
  await begin(client, { isolation: 'read committed' }, request);
  const { idempotencyKey: key, requestId } = call;
  if (await claimKey(client, { key, requestId, fingerprint: null })) {
    const result = await client.query('commit');
    return result.command === 'COMMIT' ? 'not_done' : 'unknown';
  }
  await client.query('rollback');
  const found = await readLedger(client, key);
  if (found === undefined) return 'unknown';
  return found.fenced ? 'not_done' : 'done';
}

/** Without a ledger only the target's own memory of the transaction is left; it forgets very old ones. */
async function transactionStatus(call: ProbeCall, client: Client): Promise<ProbeOutcome> {
  if (call.transactionId === null) return 'unknown';
  const text = 'select pg_catalog.pg_xact_status($1::xid8) as status';
  const [row] = await rowsOf<{ status: string | null }>(client, text, [call.transactionId]);
  if (row?.status === 'committed') return 'done';
  return row?.status === 'aborted' ? 'not_done' : 'unknown';
}
