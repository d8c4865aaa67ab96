import type { EntityManager } from 'typeorm';

import { APPROVED } from '../domain/request/status.ts';
import { firstRow, sqlList } from './rows.ts';

/** How long people took to decide. */
export interface DecisionTimes {
  readonly decided: number;
  readonly median_ms: number | null;
  readonly p90_ms: number | null;
}

/** So many requests for the action are looked at, whatever their environment. */
const LOOKED_AT_MAX = 1_000;

/** With fewer, a time would be that of a request of somebody else. */
const DECIDED_MIN = 5;

/** Of requests of the last 30 days that people decided, from the first instant at which they were asked. */
export async function decisionTimes(
  manager: EntityManager,
  { action, environment }: { readonly action: string; readonly environment: string },
): Promise<DecisionTimes> {
  const found = await firstRow<DecisionTimes>(manager, TIMES, [action, environment]);
  const { decided, median_ms, p90_ms } = found ?? { decided: 0, median_ms: null, p90_ms: null };
  return decided < DECIDED_MIN ? { decided, median_ms: null, p90_ms: null } : { decided, median_ms, p90_ms };
}

const TIMES = `
  with newest as (
    select id, environment, status, first_pending_at from keyturn.request
     where action = $1 and created_at > now() - interval '30 days'
     order by created_at desc, id desc limit ${LOOKED_AT_MAX}),
  decided as (
    select extract(epoch from decision.at - first_pending_at) * 1000 as ms
      from newest, lateral (
        select max(at) as at from keyturn.decision
         where request = newest.id and outcome = 'counted' and verdict in ('approve', 'deny')) decision
     where environment = $2 and (status in ${sqlList(APPROVED)} or status = 'denied' or status = 'failed')
       and decision.at >= first_pending_at)
  select count(*)::int as decided,
         round(percentile_cont(0.5) within group (order by ms))::float8 as median_ms,
         round(percentile_cont(0.9) within group (order by ms))::float8 as p90_ms
    from decided`;
