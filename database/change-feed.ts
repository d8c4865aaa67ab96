import type { EntityManager } from 'typeorm';

import { ChangeSession } from './change-session.ts';
import {
  entriesAfter,
  entriesAmong,
  FEED_BATCH,
  idsBetween,
  newestEntry,
  readHorizon,
  type FeedEntry,
} from './feed-entries.ts';
import { FeedGaps } from './feed-gaps.ts';
import { RequestWaiters } from './request-waiters.ts';

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

/** How far behind the newest entry a process looks when it starts, for transactions that were open just then. */
const START_WINDOW = 5_000;

type Listener = (entry: FeedEntry) => void;

/**
 * The changes of all requests as one stream, one a process. LISTEN is only a hint to look at once; a slow poll finds what
 * a lost notification would have said. Every entry is given to each listener exactly once.
 */
export class ChangeFeed {
  readonly #options: ChangeFeedOptions;
  readonly #session: ChangeSession;
  readonly #listeners = new Set<Listener>();
  readonly #waiters = new RequestWaiters();
  readonly #gaps = new FeedGaps();
  #newest = 0;
  #settled = 0;
  #isStopped = false;
  #isReleased = false;
  #isReading = false;
  #isReadWanted = false;
  #pollTimer: NodeJS.Timeout | undefined;

  constructor(options: ChangeFeedOptions) {
    this.#options = options;
    this.#session = new ChangeSession({
      url: options.url,
      onProblem: options.onProblem,
      onChange: (request) => {
        if (request) this.#waiters.wake(request);
        if (this.#listeners.size > 0) void this.#readNew();
      },
    });
  }

  /** Starts at the newest entry. Throws when the database cannot be reached. */
  async start(): Promise<void> {
    await this.#findStart();
    await this.#session.open();
    this.#pollTimer = setInterval(() => void this.#readNew(), this.#options.pollMs ?? POLL_MS);
  }

  /** Nobody waits any more: each waiter looks once more, and each that comes looks once. */
  release(): void {
    this.#isReleased = true;
    this.#waiters.wakeAll();
  }

  /** Ends everything; waiters are woken. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#pollTimer);
    this.release();
    await this.#session.stop();
  }

  /** Gives every new entry to the listener until the returned function is called. */
  subscribe(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Calls `check` now and after every change of the request, until it answers something or the time is over; then the
   * answer is null. Registered before the first call, so no change falls between. With `begin`, that is done now instead:
   * what is waited for comes of it, so there is nothing to be found before.
   */
  async waitFor<Answer>(wait: {
    readonly request: string;
    readonly timeoutMs: number;
    readonly signal: AbortSignal;
    readonly check: () => Promise<Answer | null>;
    readonly begin?: () => Promise<Answer | null>;
  }): Promise<Answer | null> {
    const watch = this.#waiters.watch(wait.request, wait.signal);
    try {
      let answer = await (wait.begin ?? wait.check)();
      const deadline = performance.now() + wait.timeoutMs;
      for (;;) {
        const leftMs = deadline - performance.now();
        if (answer !== null || leftMs <= 0 || wait.signal.aborted || this.#isReleased) return answer;
        await watch.changed(leftMs);
        answer = await wait.check();
      }
    } finally {
      watch.end();
    }
  }

  /**
   * The highest id up to which nothing can come any more: who knows of everything up to it has missed nothing.
   * Never moves back.
   */
  get settled(): number {
    this.#settled = Math.max(this.#settled, Math.min(this.#gaps.lowest - 1, this.#newest));
    return this.#settled;
  }

  async #findStart(): Promise<void> {
    const { manager } = this.#options;
    this.#newest = await newestEntry(manager);
    const from = Math.max(1, this.#newest - START_WINDOW);
    const known = await idsBetween(manager, from, this.#newest);
    // Read after the entries: whatever misses one of them has its number by then.
    const horizon = await readHorizon(manager);
    for (let id = from; id < this.#newest; id += 1) if (!known.has(id)) this.#gaps.add(id, horizon);
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
    const { manager } = this.#options;
    // Read before the entries: what has ended by then is seen, or will never be.
    const horizon = await readHorizon(manager);
    const missing = this.#gaps.ids();
    const late = await entriesAmong(manager, missing);
    const fresh = await entriesAfter(manager, this.#newest);
    const afterwards = fresh.length === 0 ? horizon : await readHorizon(manager);
    if (fresh.length === FEED_BATCH || late.length === FEED_BATCH) this.#isReadWanted = true;
    // From here on nothing waits: nobody sees a position beyond what is delivered.
    for (const entry of late) this.#gaps.close(entry.id);
    // A full batch may leave out some of the missing.
    if (late.length < FEED_BATCH) this.#gaps.settle(missing, horizon);
    for (const { id } of fresh) {
      this.#gaps.addAll(this.#newest + 1, id, afterwards);
      this.#newest = Math.max(this.#newest, id);
    }
    for (const entry of [...late, ...fresh]) this.#deliver(entry);
  }

  #deliver(entry: FeedEntry): void {
    const lagMs = Date.now() - Date.parse(entry.at);
    // A time that cannot be read is no reason to keep an entry from those who wait for it.
    if (Number.isFinite(lagMs)) this.#options.onLag(Math.max(0, lagMs / 1_000));
    this.#waiters.wake(entry.request);
    for (const listener of this.#listeners) listener(entry);
  }
}
