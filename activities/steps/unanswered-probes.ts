import type { ExecutionRow } from '../../database/tables.ts';
import type { Dependencies } from '../dependencies.ts';

/** A target that cannot tell is queried again for so long; then the outcome is unknown. */
const ASKED_FOR_MS = 45 * 60_000;

/** After a pause as long as this, Keyturn was away itself: earlier queries without an answer say nothing of the target. */
const PAUSE_MAX_MS = 30 * 60_000;

/**
 * Notes that a target could not tell the outcome of a claim. True when it was queried several times over three quarters of
 * an hour without a long pause, so that one unanswered query after an outage is never the last. `everyMs` is how often it
 * is queried.
 */
export async function noteUnanswered(
  { source }: Pick<Dependencies, 'source'>,
  { request, attempt }: Pick<ExecutionRow, 'request' | 'attempt'>,
  everyMs: number,
): Promise<boolean> {
  const rows: { is_long: boolean }[] = await source.query(
    `with noted as (
       update keyturn.execution set unanswered_at = clock_timestamp(), unanswered_since =
         case when unanswered_at > clock_timestamp() - $3 * interval '1 millisecond' then unanswered_since
           else clock_timestamp() end
       where request = $1 and attempt = $2 and state = 'claimed' returning unanswered_since)
     select unanswered_since < clock_timestamp() - $4 * interval '1 millisecond' as is_long from noted`,
    [request, attempt, Math.max(PAUSE_MAX_MS, 3 * everyMs), ASKED_FOR_MS],
  );
  return rows[0]?.is_long ?? false;
}
