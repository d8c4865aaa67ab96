import { Socket } from 'node:net';

import { Query, type Client } from 'pg';

import type { ConnectorCall } from '../connector.ts';
import { StatementRefused } from './refusal.ts';
import { commentOf, extended, takeRole } from './session.ts';
import type { PostgresLimits, TargetSettings } from './settings.ts';
import type { Statement } from './statement.ts';

/** What running a statement needs. */
export interface StatementRun {
  readonly client: Client;
  readonly call: ConnectorCall;
  readonly statement: Statement;
  readonly settings: TargetSettings;
  readonly limits: PostgresLimits;
  /** True when nothing in it can write, so that it need not run to its end. */
  readonly isPureRead: boolean;
}

/**
 * Runs the statement as the statement role, then everything deferred, then goes back to the login role. Rows are
 * never kept. Returns how many rows the statement itself reports.
 */
export async function runStatement(run: StatementRun): Promise<number> {
  const { client, call, statement } = run;
  await takeRole(client, run.settings.statementRole);
  const text = `${commentOf(call.requestId, call.requester)} ${statement.text}`;
  const count = run.isPureRead ? await startReading(client, text) : await discardRows(run, text);
  // Deferred constraints and triggers would act at COMMIT, after the effect was read.
  await client.query('set constraints all immediate');
  await takeRole(client, null);
  return count;
}

/** A read has no effect: opening it checks names and rights, and its first row is enough. Nothing is sent. */
async function startReading(client: Client, text: string): Promise<number> {
  await client.query(extended(`declare keyturn_read no scroll cursor for ${text}`));
  await client.query('move 1 from keyturn_read');
  await client.query('close keyturn_read');
  return 0;
}

/** Rows that the statement returns are dropped as they come, and too many bytes of them end the connection. */
function discardRows(run: StatementRun, text: string): Promise<number> {
  const { client, limits } = run;
  const { stream } = client.connection;
  const bytesRead = (): number => (stream instanceof Socket ? stream.bytesRead : 0);
  const bytesMax = bytesRead() + limits.resultBytesMax;
  return new Promise((resolve, reject) => {
    const watch = (): void => {
      if (bytesRead() <= bytesMax) return;
      finish(() => reject(new StatementRefused('target_error', 'The statement returns too much data.')));
      stream.destroy();
    };
    const finish = (settle: () => void): void => {
      stream.off('data', watch);
      settle();
    };
    stream.on('data', watch);
    const query = new Query(extended(text));
    query.on('row', () => undefined);
    query.on('end', (result) => finish(() => resolve(result.rowCount ?? 0)));
    query.on('error', (error) => finish(() => reject(error)));
    client.query(query);
  });
}
