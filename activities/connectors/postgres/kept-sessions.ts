import { Socket } from 'node:net';

import type { Client, QueryResultRow } from 'pg';

import { closeSession, openSession, rowsOf, sessionUrl, together, type SessionRequest } from './session.ts';

/** No session lives longer: what the target's owner changes for new sessions holds for all of them soon. */
const AGE_MS_MAX = 60_000;

/** Sessions that wait for work, of all targets. More than these are closed after their work. */
const IDLE_MAX = 16;

/**
 * What a session is for. Rows may be read in either, but a session loses all its prepared plans after that: those that
 * surely read rows are kept apart from those that query the catalogue, whose plans take far longer to make.
 */
export type SessionUse = 'catalogue' | 'rows';

/** Everything that a session may hold beyond its transactions, apart from our own prepared queries. */
const RESET = [
  'rollback',
  'close all',
  'set session authorization default',
  'reset all',
  'unlisten *',
  'select pg_catalog.pg_advisory_unlock_all()',
  'discard temp',
  'discard sequences',
].join(';\n');

/**
 * Sessions that query the catalogue and read rows, kept for the next work. The statement of a request never runs in
 * one: that takes a fresh session (`SessionsAhead`). Everything they do but for their empty temporary schema is rolled back,
 * all settings are those of a transaction, and in between they are reset.
 */
export class KeptSessions {
  readonly #idle = new Map<Client, string>();

  /** Lends a session for some work. Only what went well comes back to be kept. */
  async lend<Answer>(
    request: SessionRequest,
    work: (client: Client) => Promise<Answer>,
    use: SessionUse = 'catalogue',
  ): Promise<Answer> {
    const key = `${use} ${await sessionUrl(request)}`;
    const client = (await this.#takeIdle(key)) ?? (await this.#open(request));
    let answer: Answer;
    try {
      answer = await work(client);
    } catch (error) {
      await closeSession(client);
      throw error;
    }
    await this.#takeBack(client, key);
    return answer;
  }

  async #takeIdle(key: string): Promise<Client | null> {
    // The one that worked last has the most plans left.
    for (const [client, itsKey] of [...this.#idle].reverse()) {
      if (itsKey !== key) continue;
      this.#idle.delete(client);
      socketOf(client)?.ref();
      // The connection may have broken unnoticed.
      if (await answers(client, 'select 1')) return client;
      await closeSession(client);
    }
    return null;
  }

  async #takeBack(client: Client, key: string): Promise<void> {
    const kept = KEPT.get(client);
    const isFit = kept !== undefined && kept.openedAt + AGE_MS_MAX > performance.now();
    if (!isFit || this.#idle.size >= IDLE_MAX || !(await reset(client, kept))) {
      await closeSession(client);
      return;
    }
    // A process that has nothing else to do may end.
    socketOf(client)?.unref();
    this.#idle.set(client, key);
  }

  async #open(request: SessionRequest): Promise<Client> {
    const client = await openSession(request, { pipeline: true });
    KEPT.set(client, { openedAt: performance.now(), generation: 0, hasReadRows: false, hasSchema: false });
    setTimeout(() => {
      if (this.#idle.delete(client)) void closeSession(client);
    }, AGE_MS_MAX).unref();
    return client;
  }
}

function socketOf(client: Client): Socket | null {
  const { stream } = client.connection;
  return stream instanceof Socket ? stream : null;
}

interface Kept {
  readonly openedAt: number;
  /** Part of the names of prepared queries: they do not outlive a full reset. */
  generation: number;
  hasReadRows: boolean;
  hasSchema: boolean;
}

const KEPT = new WeakMap<Client, Kept>();

/** Reading rows may call functions of the target's owner, which could leave anything behind: then nothing is spared. */
async function reset(client: Client, kept: Kept): Promise<boolean> {
  if (kept.hasReadRows) {
    kept.generation += 1;
    kept.hasReadRows = false;
    if (!(await answers(client, 'rollback')) || !(await answers(client, 'discard all'))) return false;
  } else if (!(await answers(client, RESET))) return false;
  return client.getTransactionStatus() === 'I';
}

function answers(client: Client, text: string): Promise<boolean> {
  return client.query(text).then(
    () => true,
    () => false,
  );
}

/** Notes that rows of the target are read in this session. */
export function noteRowsRead(client: Client): void {
  const kept = KEPT.get(client);
  if (kept) kept.hasReadRows = true;
}

/**
 * Makes the temporary schema of a kept session, in which a transaction has begun, last as long as the session does.
 * While the server has to make it for each statement that is noted, it drops the plans of all our queries each time.
 */
export async function keepSchema(
  client: Client,
  { as, start }: { readonly as: readonly string[]; readonly start: readonly string[] },
): Promise<void> {
  const kept = KEPT.get(client);
  if (kept === undefined || kept.hasSchema) return;
  const making = 'create function pg_temp.keyturn_schema() returns void language sql begin atomic end';
  await together(client, [...as, making, 'commit', ...start]);
  kept.hasSchema = true;
}

const NAMES = new Map<string, number>();

/** Rows of a constant query of the catalogue. A kept session prepares it once. */
export async function catalogueRows<Row extends QueryResultRow>(
  client: Client,
  text: string,
  values: readonly unknown[] = [],
): Promise<readonly Row[]> {
  const kept = KEPT.get(client);
  if (kept === undefined) return rowsOf<Row>(client, text, values);
  const number = NAMES.get(text) ?? NAMES.size;
  NAMES.set(text, number);
  const name = `keyturn_${kept.generation}_${number}`;
  const result = await client.query<Row>({ name, text, values: [...values] });
  return result.rows;
}
