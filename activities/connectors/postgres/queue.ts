import type { Client } from 'pg';

import type { Plan } from '../../../domain/request/plan.ts';
import { begin, rowsOf, type SessionRequest } from './session.ts';
import { isSurvivedError } from './sql-error.ts';

/**
 * Lets executions that change the same tables run one after another. Looking for changed rows reads whole tables, and
 * two serialisable transactions that read and write one table cannot both commit: rivals would abort each other all
 * the time. Held until the transaction of `client` ends. Only a courtesy: who has waited long enough goes on without it.
 */
export async function queueBehindRivals(client: Client, plan: Plan, request: SessionRequest): Promise<void> {
  // One order for all, so that nobody waits in a circle.
  const resources = plan.effects.map(({ resource }) => resource).sort();
  if (resources.length === 0) return;
  const { statementTimeoutMs } = request.limits;
  const patient = { ...request, limits: { ...request.limits, lockTimeoutMs: statementTimeoutMs } };
  await begin(client, { isolation: 'read committed' }, patient);
  try {
    for (const resource of resources) await rowsOf(client, LOCK, [resource]);
  } catch (error) {
    if (!isSurvivedError(error)) throw error;
    await client.query('rollback');
  }
}

const LOCK = `select pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('keyturn ' || $1, 0))::text`;
