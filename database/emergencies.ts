import type { EntityManager } from 'typeorm';

import type { Lineage } from '../domain/identity/identity.ts';
import { HAPPENED } from '../domain/request/request.ts';
import { sqlList } from './status-sql.ts';

/** A request that took a break-glass path, and was performed or may have been. */
export interface Emergency {
  readonly id: string;
  readonly lineage: Lineage;
}

/** A page of emergencies, oldest end first. */
export interface EmergencyPage {
  /** Null for the first page. */
  readonly after: string | null;
  /** How far back their end may lie, in days. */
  readonly days: number;
  readonly limit: number;
}

/** Emergencies that are over and did something, or may have. */
export async function endedEmergencies(
  manager: EntityManager,
  { after, days, limit }: EmergencyPage,
): Promise<readonly Emergency[]> {
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
  const rows: { id: string }[] = await manager.query('select id from keyturn.request where id = any($1)', [
    [...ids],
  ]);
  return new Set(rows.map(({ id }) => id));
}
