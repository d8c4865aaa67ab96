import { Client } from 'pg';

import { CHANGE_CHANNEL } from './changes.ts';

const RECONNECT_MS = 1_000;

/** What a session needs. */
export interface ChangeSessionOptions {
  readonly url: string;
  /** Called with the request that a notification names, if it names one. */
  readonly onChange: (request: string | undefined) => void;
  readonly onProblem: (error: unknown) => void;
}

/** A session that is notified of what changed, and is opened again when it is lost. */
export class ChangeSession {
  readonly #options: ChangeSessionOptions;
  #client: Client | null = null;
  #isStopped = false;
  #reconnectTimer: NodeJS.Timeout | undefined;

  constructor(options: ChangeSessionOptions) {
    this.#options = options;
  }

  /** Throws when the database cannot be reached. */
  async open(): Promise<void> {
    const client = new Client({
      connectionString: this.#options.url,
      application_name: 'keyturn-feed',
      connectionTimeoutMillis: 5_000,
      keepAlive: true,
    });
    client.on('error', (error) => this.#reconnect(client, error));
    client.on('end', () => this.#reconnect(client, null));
    client.on('notification', ({ payload }) => this.#options.onChange(payload));
    this.#client = client;
    await client.connect();
    await client.query(`listen ${CHANGE_CHANNEL}`);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#reconnectTimer);
    await this.#client?.end().catch(() => {});
  }

  #reconnect(client: Client, error: unknown): void {
    if (this.#isStopped || this.#client !== client) return;
    this.#client = null;
    if (error) this.#options.onProblem(error);
    client.end().catch(() => {});
    this.#reconnectTimer = setTimeout(() => {
      this.open().catch((failure: unknown) => {
        if (this.#client) this.#reconnect(this.#client, failure);
      });
    }, RECONNECT_MS);
  }
}
