import { Socket } from 'node:net';

import { Query, type Client } from 'pg';

import { noteOwnersCode } from './kept-sessions.ts';
import type { PreparedCall } from './prepared-call.ts';
import { notPreviewable, StatementRefused } from './refusal.ts';
import { asOurselves, asStatement, commentOf, extended, together } from './session.ts';
import type { TargetSettings } from './settings.ts';

/**
 * Runs a prepared statement inside an open transaction that acts `asStatement`, then everything deferred, then goes back to
 * the login role. Rows are never kept. Returns how many rows the statement itself reports.
 */
export async function runStatement(
  { call, statement, analysis, settings, limits }: PreparedCall,
  client: Client,
): Promise<number> {
  if (analysis.setsOffOwnerCode) noteOwnersCode(client);
  const text = `${commentOf(call.requestId, call.requester)} ${statement.text}`;
  // Nothing in a pure read can write, so it need not run to its end.
  const isPureRead = statement.isRead && !analysis.callsOwnerFunctions;
  const count = isPureRead
    ? await startReading(client, text)
    : await discardRows(client, text, limits.resultBytesMax);
  await runDeferred(client, settings);
  return count;
}

/** Rounds of triggers that defer each other; more of them are no design but an endless loop. */
const ROUNDS_MAX = 8;

/** Whether triggers exist that may defer what they set off. */
const MAY_DEFER =
  'select exists (select from pg_catalog.pg_trigger where tgdeferrable and not tgisinternal) as may_defer';

/** Rows written so far. */
const WRITTEN = `
  select sum(pg_catalog.pg_stat_get_xact_tuples_inserted(oid)
             + pg_catalog.pg_stat_get_xact_tuples_updated(oid)
             + pg_catalog.pg_stat_get_xact_tuples_deleted(oid))::text as written
    from pg_catalog.pg_class where relkind in ('r', 'p')`;

/**
 * Runs deferred constraints and triggers, which would else act at COMMIT, after the effect was read. A trigger may defer
 * again what it sets off, but only by writing: when a round writes nothing, nothing is left.
 */
async function runDeferred(client: Client, settings: TargetSettings): Promise<void> {
  const round = ['set constraints all immediate', ...asOurselves()];
  const [found] = await together<{ may_defer: boolean }>(client, [...round, MAY_DEFER]);
  if (found?.may_defer === false) return;
  const written = async (statements: readonly string[]): Promise<string | undefined> => {
    const [row] = await together<{ written: string }>(client, [...statements, WRITTEN]);
    return row?.written;
  };
  let earlier = await written([]);
  for (let rounds = 1; ; rounds += 1) {
    const later = await written([...asStatement(settings), ...round]);
    if (later === earlier) return;
    if (rounds === ROUNDS_MAX) throw notPreviewable(ENDLESS);
    earlier = later;
  }
}

const ENDLESS =
  'Its deferred triggers set each other off again and again, so its whole effect cannot be seen. Let the owner of the target mend them.';

/** A read has no effect: opening it checks names and rights, and no row is computed or sent. */
async function startReading(client: Client, text: string): Promise<number> {
  await client.query(extended(`declare keyturn_read no scroll cursor for ${text}`));
  await client.query('close keyturn_read');
  return 0;
}

/** Rows that the statement returns are dropped as they come, and too many bytes of them end the connection. */
function discardRows(client: Client, text: string, resultBytesMax: number): Promise<number> {
  const { stream } = client.connection;
  const bytesRead = (): number => (stream instanceof Socket ? stream.bytesRead : 0);
  const bytesMax = bytesRead() + resultBytesMax;
  return new Promise((resolve, reject) => {
    const watch = (): void => {
      if (bytesRead() <= bytesMax) return;
      stream.off('data', watch);
      reject(
        new StatementRefused(
          'target_error',
          'The statement returns too much data. Return less, or leave RETURNING out.',
        ),
      );
      stream.destroy();
    };
    stream.on('data', watch);
    const query = new RowlessQuery(extended(text), (error, result) => {
      stream.off('data', watch);
      if (error) reject(error);
      else resolve(result.rowCount ?? 0);
    });
    client.query(query);
  });
}

/** Drops rows as they come. (With a client-side time-out set, a query with a 'row' listener would keep them all.) */
class RowlessQuery extends Query {
  handleDataRow(): void {
    // Nobody is shown rows: reading data is another action.
  }
}
