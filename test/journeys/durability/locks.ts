import { Client } from 'pg';

import type { Stack } from '../../stack/stack.ts';
import { waitFor } from '../../stack/wait.ts';

/** A lock that a superuser's session holds, or waits for. Others who need it stand still until it is released. */
export class Lock {
  readonly #client: Client;
  readonly #granted: Promise<unknown>;

  private constructor(client: Client, granted: Promise<unknown>) {
    this.#client = client;
    this.#granted = granted;
  }

  /** Asks for the lock that the statement takes; see `isHeld`. */
  static async request(url: string, statement: string, values: readonly unknown[] = []): Promise<Lock> {
    const client = new Client({ connectionString: url, application_name: 'lock of a test' });
    client.on('error', () => undefined);
    await client.connect();
    await client.query('begin');
    const granted = client.query(statement, [...values]);
    granted.catch(() => undefined);
    return new Lock(client, granted);
  }

  static async take(url: string, statement: string, values: readonly unknown[] = []): Promise<Lock> {
    const lock = await Lock.request(url, statement, values);
    await lock.#granted;
    return lock;
  }

  /** Resolves once the lock is held. */
  async isHeld(): Promise<void> {
    await this.#granted;
  }

  /** Resolves once another session stands still because of this one. */
  async isWaitedFor(stack: Stack): Promise<void> {
    await waitFor({
      what: 'somebody to wait for the lock',
      check: () =>
        this.#found(stack, 'select 1 from pg_stat_activity where $1 = any (pg_blocking_pids(pid))'),
    });
  }

  /** Resolves once this session stands in the queue behind another. */
  async isQueued(stack: Stack): Promise<void> {
    await waitFor({
      what: 'the lock to be queued for',
      check: () => this.#found(stack, 'select 1 where cardinality(pg_blocking_pids($1)) > 0'),
    });
  }

  /** Undoes nothing that others see: the session only held locks. */
  async release(): Promise<void> {
    await this.#client.end();
  }

  /** Makes what the session changed visible, and lets go. */
  async commit(): Promise<void> {
    await this.#client.query('commit');
    await this.#client.end();
  }

  /** Every session of the server is in the same view, whichever database it is in. */
  async #found({ keyturnDb }: Stack, sql: string): Promise<true | undefined> {
    const { rowCount } = await keyturnDb.query(sql, [this.#processId()]);
    return rowCount === 0 ? undefined : true;
  }

  #processId(): number {
    const { processID } = this.#client as unknown as { readonly processID: number };
    return processID;
  }
}
