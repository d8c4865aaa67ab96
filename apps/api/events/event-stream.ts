import { once } from 'node:events';

import type { Response } from 'express';

import type { FeedEntry } from '../../../database/change-feed.ts';
import type { Change } from '../../../domain/wire.ts';
import { callerOf, canRead, type Caller } from '../auth/caller.ts';
import { callerGround } from '../auth/guard.ts';
import type { ApiContext } from '../context.ts';

const HEARTBEAT_MS = 15_000;
const QUEUE_MAX = 2_000;
const REMEMBERED_MAX = 5_000;

/** Ids are assigned before commits: on resume, entries this far behind the last one seen are looked at again. */
const OVERLAP = 500;

/** What a reader wants to hear of. */
export interface StreamOptions {
  readonly caller: Caller;
  readonly request: string | null;
  /** The last event the reader saw; null to start with what comes next. */
  readonly lastId: number | null;
}

/**
 * Sends the changes that a reader may know of, each once, until either side hangs up, the token ends or the reader is too
 * slow. A reader that comes back with its last event misses nothing; it may see some events again.
 */
export class EventStream {
  readonly #context: ApiContext;
  readonly #response: Response;
  readonly #options: StreamOptions;
  readonly #queue: FeedEntry[] = [];
  readonly #sent = new Set<number>();
  #caller: Caller;
  #isOpen = true;
  #resume: () => void = () => {};

  constructor(context: ApiContext, response: Response, options: StreamOptions) {
    this.#context = context;
    this.#response = response;
    this.#options = options;
    this.#caller = options.caller;
  }

  async run(): Promise<void> {
    const unsubscribe = this.#context.feed.subscribe((entry) => this.#enqueue(entry));
    const heartbeat = setInterval(() => void this.#beat(), HEARTBEAT_MS);
    const expiry = setTimeout(() => this.#end(), this.#msUntilExpiry());
    this.#response.once('close', () => this.#end());
    try {
      this.#open();
      await this.#replay();
      while (this.#isOpen) await this.#sendNext();
    } finally {
      unsubscribe();
      clearInterval(heartbeat);
      clearTimeout(expiry);
      this.#response.end();
    }
  }

  #open(): void {
    this.#response.status(200).set({
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'no-store, no-transform',
      'X-Accel-Buffering': 'no',
    });
    this.#response.write('retry: 2000\n: open\n\n');
  }

  /** Timers of Node end at about 24 days. */
  #msUntilExpiry(): number {
    return Math.min(2 ** 31 - 1, Math.max(0, this.#caller.principal.expiresAt.getTime() - Date.now()));
  }

  #enqueue(entry: FeedEntry): void {
    if (this.#options.request !== null && entry.request !== this.#options.request) return;
    if (this.#queue.length >= QUEUE_MAX) this.#end();
    else this.#queue.push(entry);
    this.#resume();
  }

  #end(): void {
    this.#isOpen = false;
    this.#resume();
  }

  async #replay(): Promise<void> {
    if (this.#options.lastId === null) return;
    let from = Math.max(0, this.#options.lastId - OVERLAP);
    while (this.#isOpen) {
      const entries = await this.#context.feed.readAfter(from, this.#options.request);
      for (const entry of entries) await this.#send(entry);
      const last = entries.at(-1);
      if (!last) return;
      from = last.id;
    }
  }

  async #sendNext(): Promise<void> {
    const entry = this.#queue.shift();
    if (entry) return this.#send(entry);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#resume = resolve;
    if (this.#isOpen && this.#queue.length === 0) await promise;
  }

  async #send(entry: FeedEntry): Promise<void> {
    const isVisible = entry.status !== null && entry.lineage !== null && canRead(this.#caller, entry.lineage);
    if (!isVisible || this.#sent.has(entry.id) || !this.#isOpen) return;
    this.#remember(entry.id);
    const change: Change = {
      request: entry.request,
      type: entry.type,
      at: entry.at,
      status: entry.status ?? 'planning',
    };
    await this.#write(`event: request.changed\nid: ${entry.id}\ndata: ${JSON.stringify(change)}\n\n`);
  }

  #remember(id: number): void {
    const [oldest] = this.#sent;
    if (this.#sent.size >= REMEMBERED_MAX && oldest !== undefined) this.#sent.delete(oldest);
    this.#sent.add(id);
  }

  async #write(text: string): Promise<void> {
    if (this.#response.write(text) || !this.#isOpen) return;
    await Promise.race([once(this.#response, 'drain'), once(this.#response, 'close')]);
  }

  /** Keeps proxies from closing a quiet stream, and lets a change of the directory take effect on it. */
  async #beat(): Promise<void> {
    try {
      this.#caller = callerOf(this.#caller.principal, await callerGround(this.#context));
      this.#response.write(': still here\n\n');
    } catch {
      this.#end();
    }
  }
}
