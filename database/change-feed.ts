import { Client } from 'pg';
import type { EntityManager } from 'typeorm';

import type { Identity, Lineage } from '../domain/identity/identity.ts';
import type { RequestStatus } from '../domain/request/request.ts';
import { CHANGE_CHANNEL } from './changes.ts';

/** One recorded change of one request. */
export interface FeedEntry {
  /** The id of the audit entry: grows, but is assigned before the commit, so entries arrive out of order. */
  readonly id: number;
  readonly request: string;
  readonly type: string;
  readonly at: string;
  /** Null when the entry is about no request, e.g. about a policy. */
  readonly status: RequestStatus | null;
  readonly lineage: Lineage | null;
}

/** What the feed needs. */
export interface ChangeFeedOptions {
  readonly url: string;
  readonly manager: EntityManager;
  readonly onProblem: (error: unknown) => void;
  /** Called with the seconds between an entry's time and its arrival here. */
  readonly onLag: (lagSeconds: number) => void;
  readonly pollMs?: number;
}

const POLL_MS = 1_000;
const RECONNECT_MS = 1_000;
const BATCH = 500;

/**
 * An id that is missing below the highest one seen belongs to a transaction that is still open or was rolled back. It is
 * asked for again until every transaction has ended that was open when it was missed, however long that takes, and then
 * for this long: a transaction has its number a moment after it takes an id.
 */
const SETTLE_MS = 1_000;
const GAPS_MAX = 10_000;

/** How far behind the newest entry a process looks when it starts, for transactions that were open just then. */
const START_WINDOW = 5_000;

type Listener = (entry: FeedEntry) => void;

/** Why an id may still come. */
interface Gap {
  /** The first transaction number that was not given out when the id was missed. */
  readonly before: bigint;
  readonly sinceMs: number;
}

/** Transactions: all below `oldestOpen` have ended; `next` was not given out yet. */
interface Horizon {
  readonly oldestOpen: bigint;
  readonly next: bigint;
}

/** Entries to read again: after an id, of one request or of all, that a reader may know of. */
export interface ReadOptions {
  readonly after: number;
  readonly request: string | null;
  /** Only of requests with this identity in their lineage; null: of all. */
  readonly lineage: Identity | null;
}

/**
 * The changes of all requests as one stream, one a process. LISTEN is only a hint to look at once; a slow poll finds what
 * a lost notification would have told. Every entry is given to each listener exactly once.
 */
export class ChangeFeed {
  readonly #options: ChangeFeedOptions;
  readonly #listeners = new Set<Listener>();
  readonly #waiters = new Map<string, Set<() => void>>();
  /** Missing ids, the lowest first or nearly so. */
  readonly #gaps = new Map<number, Gap>();
  #newest = 0;
  #settled = 0;
  #client: Client | null = null;
  #isStopped = false;
  #isReleased = false;
  #isReading = false;
  #isReadWanted = false;
  #pollTimer: NodeJS.Timeout | undefined;
  #reconnectTimer: NodeJS.Timeout | undefined;

  constructor(options: ChangeFeedOptions) {
    this.#options = options;
  }

  /** Starts at the newest entry. Throws when the database cannot be reached. */
  async start(): Promise<void> {
    await this.#findStart();
    await this.#listen();
    this.#pollTimer = setInterval(() => void this.#readNew(), this.#options.pollMs ?? POLL_MS);
  }

  /** Nobody waits any more: each waiter looks once more, and whoever comes looks once. */
  release(): void {
    this.#isReleased = true;
    for (const waiters of this.#waiters.values()) for (const wake of waiters) wake();
  }

  /** Ends everything; waiters are woken. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#pollTimer);
    clearTimeout(this.#reconnectTimer);
    this.release();
    await this.#client?.end().catch(() => {});
  }

  /** Gives every new entry to the listener until the returned function is called. */
  subscribe(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Calls `check` now and after every change of the request, until it answers something or the time is over; then the
   * answer is null. Registered before the first call, so no change falls between.
   */
  async waitFor<Answer>(wait: {
    readonly request: string;
    readonly timeoutMs: number;
    readonly signal: AbortSignal;
    readonly check: () => Promise<Answer | null>;
  }): Promise<Answer | null> {
    const deadline = performance.now() + wait.timeoutMs;
    const watch = this.#watch(wait.request, wait.signal);
    try {
      for (;;) {
        const answer = await wait.check();
        const leftMs = deadline - performance.now();
        if (answer !== null || leftMs <= 0 || wait.signal.aborted || this.#isReleased) return answer;
        await watch.changed(leftMs);
      }
    } finally {
      watch.end();
    }
  }

  /**
   * The highest id up to which nothing can come any more: whoever was told of everything up to it has missed nothing.
   * Never moves back.
   */
  get settled(): number {
    const lowest = Math.min(...this.#gaps.keys());
    this.#settled = Math.max(this.#settled, Math.min(lowest - 1, this.#newest));
    return this.#settled;
  }

  /** Entries that are already committed, oldest first, at most a batch. */
  async readAfter({ after, request, lineage }: ReadOptions): Promise<readonly FeedEntry[]> {
    const known = lineage && JSON.stringify([{ issuer: lineage.issuer, subject: lineage.subject }]);
    return this.#query(
      `entry.id > $1 and ($2::text is null or entry.request = $2) and request.id is not null
       and ($3::jsonb is null or request.lineage @> $3)`,
      [after, request, known],
    );
  }

  #watch(request: string, signal: AbortSignal): { changed(timeoutMs: number): Promise<void>; end(): void } {
    let hasChanged = false;
    let resume: (() => void) | null = null;
    const wake = (): void => {
      hasChanged = true;
      resume?.();
    };
    const waiters = this.#waiters.get(request) ?? new Set();
    this.#waiters.set(request, waiters.add(wake));
    signal.addEventListener('abort', wake);
    const changed = async (timeoutMs: number): Promise<void> => {
      if (!hasChanged) {
        let timer: NodeJS.Timeout | undefined;
        await new Promise<void>((resolve) => {
          resume = resolve;
          timer = setTimeout(resolve, timeoutMs);
        });
        clearTimeout(timer);
      }
      hasChanged = false;
    };
    const end = (): void => {
      signal.removeEventListener('abort', wake);
      waiters.delete(wake);
      if (waiters.size === 0 && this.#waiters.get(request) === waiters) this.#waiters.delete(request);
    };
    return { changed, end };
  }

  #wake(request: string): void {
    for (const wake of this.#waiters.get(request) ?? []) wake();
  }

  async #listen(): Promise<void> {
    const client = new Client({
      connectionString: this.#options.url,
      application_name: 'keyturn-feed',
      connectionTimeoutMillis: 5_000,
      keepAlive: true,
    });
    client.on('error', (error) => this.#reconnect(client, error));
    client.on('end', () => this.#reconnect(client, null));
    client.on('notification', (message) => {
      if (message.payload) this.#wake(message.payload);
      if (this.#listeners.size > 0) void this.#readNew();
    });
    this.#client = client;
    await client.connect();
    await client.query(`listen ${CHANGE_CHANNEL}`);
  }

  #reconnect(client: Client, error: unknown): void {
    if (this.#isStopped || this.#client !== client) return;
    this.#client = null;
    if (error) this.#options.onProblem(error);
    client.end().catch(() => {});
    this.#reconnectTimer = setTimeout(() => {
      this.#listen().catch((failure: unknown) => {
        if (this.#client) this.#reconnect(this.#client, failure);
      });
    }, RECONNECT_MS);
  }

  /** The number of the newest entry that is committed, whether this process has read it or not; 0 without any. */
  async newestCommitted(): Promise<number> {
    const newest: { id: string | null }[] = await this.#options.manager.query(
      'select max(id) as id from audit.entry',
    );
    return Number(newest[0]?.id ?? 0);
  }

  async #findStart(): Promise<void> {
    const { manager } = this.#options;
    this.#newest = await this.newestCommitted();
    const from = Math.max(1, this.#newest - START_WINDOW);
    const known: { id: string }[] = await manager.query(
      'select id from audit.entry where id between $1 and $2',
      [from, this.#newest],
    );
    // Read after the entries: whatever misses one of them has its number by then.
    const horizon = await this.#horizon();
    const ids = new Set(known.map((row) => Number(row.id)));
    for (let id = from; id < this.#newest; id += 1) if (!ids.has(id)) this.#addGap(id, horizon);
  }

  /** Reads new entries; one reading at a time, and one more when something was announced meanwhile. */
  async #readNew(): Promise<void> {
    if (this.#isReading) {
      this.#isReadWanted = true;
      return;
    }
    this.#isReading = true;
    try {
      do {
        this.#isReadWanted = false;
        await this.#readBatch();
      } while (this.#isReadWanted && !this.#isStopped);
    } catch (error) {
      if (!this.#isStopped) this.#options.onProblem(error);
    } finally {
      this.#isReading = false;
    }
  }

  async #readBatch(): Promise<void> {
    // Read before the entries: what has ended by then is seen, or will never be.
    const horizon = await this.#horizon();
    const missing = [...this.#gaps.keys()];
    const late = missing.length === 0 ? [] : await this.#query('entry.id = any($1)', [missing]);
    const fresh = await this.#query('entry.id > $1', [this.#newest]);
    const afterwards = fresh.length === 0 ? horizon : await this.#horizon();
    if (fresh.length === BATCH || late.length === BATCH) this.#isReadWanted = true;
    // From here on nothing waits: nobody sees a position beyond what is delivered.
    for (const entry of late) this.#gaps.delete(entry.id);
    // A full batch may leave out some of the missing.
    if (late.length < BATCH) this.#settle(missing, horizon);
    for (const { id } of fresh) {
      for (let gap = Math.max(this.#newest + 1, id - GAPS_MAX); gap < id; gap += 1)
        this.#addGap(gap, afterwards);
      this.#newest = Math.max(this.#newest, id);
    }
    for (const entry of [...late, ...fresh]) this.#deliver(entry);
  }

  #addGap(id: number, { next }: Horizon): void {
    const [oldest] = this.#gaps.keys();
    if (this.#gaps.size >= GAPS_MAX && oldest !== undefined) this.#gaps.delete(oldest);
    this.#gaps.set(id, { before: next, sinceMs: performance.now() });
  }

  #settle(missing: readonly number[], { oldestOpen }: Horizon): void {
    const now = performance.now();
    for (const id of missing) {
      const gap = this.#gaps.get(id);
      if (gap && gap.before <= oldestOpen && gap.sinceMs + SETTLE_MS <= now) this.#gaps.delete(id);
    }
  }

  async #horizon(): Promise<Horizon> {
    const rows: { oldest_open: string; next: string }[] = await this.#options.manager.query(
      `select pg_snapshot_xmin(now)::text as oldest_open, pg_snapshot_xmax(now)::text as next
       from pg_current_snapshot() now`,
    );
    return { oldestOpen: BigInt(rows[0]?.oldest_open ?? 0), next: BigInt(rows[0]?.next ?? 0) };
  }

  #deliver(entry: FeedEntry): void {
    const lagMs = Date.now() - Date.parse(entry.at);
    // A time that cannot be read is no reason to keep an entry from whoever waits for it.
    if (Number.isFinite(lagMs)) this.#options.onLag(Math.max(0, lagMs / 1_000));
    this.#wake(entry.request);
    for (const listener of this.#listeners) listener(entry);
  }

  async #query(condition: string, values: unknown[]): Promise<readonly FeedEntry[]> {
    const rows: (Omit<FeedEntry, 'id'> & { id: string })[] = await this.#options.manager.query(
      `select entry.id, entry.request, entry.type, entry.leaf::jsonb ->> 'at' as at, request.status, request.lineage
       from audit.entry left join keyturn.request on request.id = entry.request
       where ${condition} order by entry.id limit ${BATCH}`,
      values,
    );
    return rows.map((row) => ({ ...row, id: Number(row.id) }));
  }
}
