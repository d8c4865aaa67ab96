import type { EntityManager } from 'typeorm';

import type { Lineage } from '../domain/identity/identity.ts';
import { HAPPENED } from '../domain/request/status.ts';
import { columnOf, sqlList } from './rows.ts';

/** A request that took a break-glass path, and was executed or may have been. */
export interface BreakGlassRequest {
  readonly id: string;
  readonly lineage: Lineage;
}

/** Those that are over and did something, or may have, by their end, which lies so many days back at most. */
export async function endedBreakGlassRequests(
  manager: EntityManager,
  { after, days, limit }: { readonly after: string | null; readonly days: number; readonly limit: number },
): Promise<readonly BreakGlassRequest[]> {
  return manager.query(
    `select id, lineage from keyturn.request
     where is_break_glass and updated_at > clock_timestamp() - make_interval(days => $1)
       and (status in ${sqlList(HAPPENED)}
         or (status = 'failed' and exists (select 1 from keyturn.execution where request = keyturn.request.id)))
       and ($2::text is null or (updated_at, id) > (select updated_at, id from keyturn.request where id = $2))
     order by updated_at, id limit $3`,
    [days, after, limit],
  );
}

/** Which of these requests have a row. */
export async function recordedOf(
  manager: EntityManager,
  ids: readonly string[],
): Promise<ReadonlySet<string>> {
  return new Set(await columnOf<string>(manager, 'select id from keyturn.request where id = any($1)', [ids]));
}
