import { randomInt } from 'node:crypto';
import { Socket } from 'node:net';

import type { Client, QueryResultRow } from 'pg';

import { closeSession, openSession, rowsOf, sessionUrl, together, type SessionRequest } from './session.ts';
import { readRoleSettings, SET_AT_LOGIN } from './value-settings.ts';

/** No session lives longer: a login that the target's owner forbids ends soon, and so does what a function left in memory. */
const AGE_MS_MAX = 60_000;

/** Sessions of each use that wait for work, of all targets: as many as work at one target at once. More are closed. */
const IDLE_MAX = 8;

/**
 * What a session is for. Rows may be read in any, but a session loses all its prepared plans after that: those that
 * surely read rows are kept apart from those that query the catalogue, whose plans take far longer to make. Statements of
 * requests run in sessions in which nothing else does.
 */
export type SessionUse = 'catalogue' | 'rows' | 'statement';

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

interface Idle {
  readonly key: string;
  /** False when it could not be reset. */
  readonly isReset: Promise<boolean>;
}

/**
 * Sessions of targets, kept for the next work. All their settings are those of a transaction, and in between they are
 * reset. They have the settings that a new session would have.
 */
export class KeptSessions {
  readonly #idle = new Map<Client, Idle>();

  /** Lends a session for some work, but not `except`. Only what went well comes back to be kept. */
  async lend<Answer>(
    request: SessionRequest,
    work: (client: Client) => Promise<Answer>,
    { use = 'catalogue', except }: { readonly use?: SessionUse; readonly except?: Client | undefined } = {},
  ): Promise<Answer> {
    // Read once: a session opened after the reference has changed would be kept by the name of another server.
    const url = await sessionUrl(request);
    const key = `${use} ${url}`;
    const client = (await this.#takeIdle(key, except)) ?? (await this.#open(request, { use, url }));
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

  async #takeIdle(key: string, except: Client | undefined): Promise<Client | null> {
    // The one that worked last has the most plans left.
    for (const [client, idle] of [...this.#idle].reverse()) {
      if (idle.key !== key || client === except || !this.#idle.delete(client)) continue;
      socketOf(client)?.ref();
      if ((await idle.isReset) && (await isAsOpened(client))) return client;
      await closeSession(client);
    }
    return null;
  }

  /** What was not committed is undone at once; for the reset waits only the next work. */
  async #takeBack(client: Client, key: string): Promise<void> {
    const kept = KEPT.get(client);
    const isOver = client.getTransactionStatus() === 'I' || (await answers(client, 'rollback'));
    const isFit = kept !== undefined && !kept.ranOwnersCode && kept.openedAt + AGE_MS_MAX > performance.now();
    if (!isOver || !isFit || this.#idleOf(kept.use) >= IDLE_MAX) return closeSession(client);
    const isReset = reset(client, kept);
    this.#idle.set(client, { key, isReset });
    // A process that has nothing else to do may end.
    void isReset.then(() => this.#idle.has(client) && socketOf(client)?.unref());
  }

  #idleOf(use: SessionUse): number {
    return [...this.#idle.keys()].filter((client) => KEPT.get(client)?.use === use).length;
  }

  async #open(
    request: SessionRequest,
    { use, url }: { readonly use: SessionUse; readonly url: string },
  ): Promise<Client> {
    const client = await openSession(request, { pipeline: use !== 'statement', url });
    try {
      const roleSettings = await readRoleSettings(client);
      const fresh = { generation: 0, hasReadRows: false, ranOwnersCode: false, hasSchema: false };
      KEPT.set(client, { use, openedAt: performance.now(), roleSettings, ...fresh });
    } catch (error) {
      await closeSession(client);
      throw error;
    }
    setTimeout(() => {
      if (this.#idle.delete(client)) void closeSession(client);
    }, AGE_MS_MAX).unref();
    return client;
  }
}

/** False also when the connection broke unnoticed, and where what runs at a login may set anything: no reset brings that back. */
async function isAsOpened(client: Client): Promise<boolean> {
  const now = await readRoleSettings(client).catch(() => null);
  return (
    now?.includes(SET_AT_LOGIN) === false && JSON.stringify(now) === JSON.stringify(roleSettingsOf(client))
  );
}

function socketOf(client: Client): Socket | null {
  const { stream } = client.connection;
  return stream instanceof Socket ? stream : null;
}

interface Kept {
  readonly use: SessionUse;
  readonly openedAt: number;
  /** What the target sets for new sessions of this role, when it was opened. */
  readonly roleSettings: readonly string[];
  /** Part of the names of prepared queries: they do not outlive a full reset. */
  generation: number;
  hasReadRows: boolean;
  ranOwnersCode: boolean;
  hasSchema: boolean;
}

const KEPT = new WeakMap<Client, Kept>();

/** What the target set for new sessions of this role when a kept session was opened. */
export function roleSettingsOf(client: Client): readonly string[] {
  return KEPT.get(client)?.roleSettings ?? [];
}

/**
 * Statements and reading of rows may call functions of the target's owner, which could leave anything behind: then
 * nothing is spared. `DISCARD ALL` leaves the state of `random()`, which the next request's values must not follow from.
 */
async function reset(client: Client, kept: Kept): Promise<boolean> {
  if (kept.use !== 'statement' && !kept.hasReadRows) return answers(client, RESET);
  kept.generation += 1;
  kept.hasReadRows = false;
  const seed = randomInt(2 ** 47) / 2 ** 47;
  for (const text of ['rollback', 'discard all', `select pg_catalog.setseed(${seed})`])
    if (!(await answers(client, text))) return false;
  return true;
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
 * Notes that functions of the target's owner ran in this session, so that it is not used again: a setting that they made up
 * and set, if only for their transaction, is known from then on as an empty text, which nothing takes back.
 */
export function noteOwnersCode(client: Client): void {
  const kept = KEPT.get(client);
  if (kept) kept.ranOwnersCode = true;
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
