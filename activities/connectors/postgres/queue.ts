import type { Client } from 'pg';

import type { Plan } from '../../../domain/request/plan.ts';
import { answersTo, question } from './questions.ts';
import { beginningIn, endTransaction, type SessionRequest } from './session.ts';
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
  const start = beginningIn(client, { isolation: 'read committed' }, patient);
  try {
    await answersTo(client, [{ ...question(LOCKS, [resources]), after: start }]);
  } catch (error) {
    if (!isSurvivedError(error)) throw error;
    await endTransaction(client);
  }
}

/** In their order. */
const LOCKS = `
  select pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('keyturn ' || resource, 0))::text
    from pg_catalog.unnest($1::text[]) resource`;
