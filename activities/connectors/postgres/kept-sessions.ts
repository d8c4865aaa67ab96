import { randomInt } from 'node:crypto';
import { Socket } from 'node:net';

import type { Client } from 'pg';

import { answersTo, distrustQuestions, forgetQuestions, type Answers, type Question } from './questions.ts';
import {
  closeSession,
  ending,
  isOpen,
  openSession,
  sessionUrl,
  together,
  type SessionRequest,
} from './session.ts';
import { roleSettingsIn, ROLE_SETTINGS, SET_AT_LOGIN } from './value-settings.ts';

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
  'close all',
  'set session authorization default',
  'reset all',
  'unlisten *',
  'select pg_catalog.pg_advisory_unlock_all()',
  'discard temp',
  'discard sequences',
];

/** With these it is `DISCARD ALL`, which no other statement may stand beside. */
const RESET_QUESTIONS = ['deallocate all', 'discard plans'];

interface Idle {
  readonly key: string;
  /** False when it could not be reset. */
  readonly isReset: Promise<boolean>;
}

/** Which session is lent, and what is done in it in the round trip that it takes to see whether it may be. */
interface Lending<Questions extends readonly Question[]> {
  readonly use?: SessionUse;
  readonly except?: Client | undefined;
  readonly start?: Start<Questions>;
}

interface Start<Questions extends readonly Question[]> {
  /** Single statements that begin a transaction. */
  readonly beginning: readonly string[];
  /** Questions about the catalogue that it answers. */
  readonly questions: Questions;
  /** Single statements behind that. */
  readonly last?: readonly string[];
}

/**
 * Sessions of targets, kept for the next work. All their settings are those of a transaction, and in between they are
 * reset. They have the settings that a new session would have: one that broke unnoticed does not answer, and is closed.
 */
export class KeptSessions {
  readonly #idle = new Map<Client, Idle>();

  /**
   * Lends a session for some work, but not `except`, with the answers to what `start` asks. Only what went well comes back
   * to be kept.
   */
  async lend<Answer, const Questions extends readonly Question[] = []>(
    request: SessionRequest,
    work: (client: Client, answers: Answers<Questions>) => Promise<Answer>,
    { use = 'catalogue', except, start }: Lending<Questions> = {},
  ): Promise<Answer> {
    // Read once: a session opened after the reference has changed would be kept by the name of another server.
    const url = await sessionUrl(request);
    const key = `${use} ${url}`;
    const lent =
      (await this.#takeIdle(key, except, start)) ?? (await this.#open(request, { use, url, start }));
    const { client, answers } = lent;
    let answer: Answer;
    try {
      answer = await work(client, answers);
    } catch (error) {
      await closeSession(client);
      throw error;
    }
    await this.#takeBack(client, key);
    return answer;
  }

  async #takeIdle<Questions extends readonly Question[]>(
    key: string,
    except: Client | undefined,
    start: Start<Questions> | undefined,
  ): Promise<Lent<Questions> | null> {
    // The one that worked last has the most plans left.
    for (const [client, idle] of [...this.#idle].reverse()) {
      if (idle.key !== key || client === except || !this.#idle.delete(client)) continue;
      socketOf(client)?.ref();
      const lent = (await idle.isReset) ? await startIn(client, start).catch(() => null) : null;
      if (lent !== null && isAsOpened(lent)) return lent;
      await closeSession(client);
    }
    return null;
  }

  /** What was not committed is undone at once; for the reset alone waits only the next work. */
  async #takeBack(client: Client, key: string): Promise<void> {
    const kept = KEPT.get(client);
    const isFit = kept !== undefined && !kept.ranOwnersCode && kept.openedAt + AGE_MS_MAX > performance.now();
    if (!isFit || this.#idleOf(kept.use) >= IDLE_MAX) return closeSession(client);
    const wasOpen = isOpen(client);
    const isReset = reset(client, kept);
    if (wasOpen && !(await isReset)) return closeSession(client);
    this.#idle.set(client, { key, isReset });
    // A process that has nothing else to do may end.
    void isReset.then(() => this.#idle.has(client) && socketOf(client)?.unref());
  }

  #idleOf(use: SessionUse): number {
    return [...this.#idle.keys()].filter((client) => KEPT.get(client)?.use === use).length;
  }

  async #open<Questions extends readonly Question[]>(
    request: SessionRequest,
    opening: { readonly use: SessionUse; readonly url: string; readonly start: Start<Questions> | undefined },
  ): Promise<Lent<Questions>> {
    const { use, url, start } = opening;
    const client = await openSession(request, { pipeline: use !== 'statement', url });
    setTimeout(() => {
      if (this.#idle.delete(client)) void closeSession(client);
    }, AGE_MS_MAX).unref();
    const openedAt = performance.now();
    try {
      const lent = await startIn(client, start);
      const fresh = { hasReadRows: false, ranOwnersCode: false, hasSchema: false };
      KEPT.set(client, { use, openedAt, roleSettings: lent.roleSettings, ...fresh });
      return lent;
    } catch (error) {
      await closeSession(client);
      throw error;
    }
  }
}

interface Lent<Questions extends readonly Question[]> {
  readonly client: Client;
  readonly roleSettings: readonly string[];
  readonly answers: Answers<Questions>;
}

/** Reads what the target sets now for new sessions of the login role, in the transaction that the work begins with. */
async function startIn<Questions extends readonly Question[]>(
  client: Client,
  start: Start<Questions> | undefined,
): Promise<Lent<Questions>> {
  const { beginning = [], questions = [], last = [] } = start ?? {};
  const first = { ...ROLE_SETTINGS, after: beginning };
  const [rows, ...answers] = await answersTo(client, [first, ...questions], last);
  return { client, roleSettings: roleSettingsIn(rows), answers: answers as Answers<Questions> };
}

/** False where what runs at a login may set anything: no reset brings that back. */
function isAsOpened({ client, roleSettings }: Lent<readonly Question[]>): boolean {
  return (
    !roleSettings.includes(SET_AT_LOGIN) &&
    JSON.stringify(roleSettings) === JSON.stringify(roleSettingsOf(client))
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
 * nothing is spared. Not even `DISCARD ALL` takes the state of `random()`, which the next request's values must not
 * follow from.
 */
function reset(client: Client, kept: Kept): Promise<boolean> {
  const isSpared = kept.use !== 'statement' && !kept.hasReadRows;
  const seeding = `select pg_catalog.setseed(${randomInt(2 ** 47) / 2 ** 47})`;
  if (!isSpared) forgetQuestions(client);
  kept.hasReadRows = false;
  return together(client, [
    ...ending(client),
    ...RESET,
    ...(isSpared ? [] : [...RESET_QUESTIONS, seeding]),
  ]).then(
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
 * Notes that functions of the target's owner run in this session, so that it is not used again: a setting that they made up
 * and set, if only for their transaction, is known from then on as an empty text, which nothing takes back.
 */
export function noteOwnersCode(client: Client): void {
  distrustQuestions(client);
  const kept = KEPT.get(client);
  if (kept) kept.ranOwnersCode = true;
}

/**
 * Makes the temporary schema of a kept session last as long as the session does, as the role that acts in its transaction,
 * which is followed by one that `start` begins. While the server has to make the schema for each statement that is noted,
 * it drops the plans of all our queries each time.
 */
export async function keepSchema(client: Client, start: readonly string[]): Promise<void> {
  const kept = KEPT.get(client);
  if (kept === undefined || kept.hasSchema) return;
  const making = 'create function pg_temp.keyturn_schema() returns void language sql begin atomic end';
  await together(client, [making, 'commit', ...start]);
  kept.hasSchema = true;
}
