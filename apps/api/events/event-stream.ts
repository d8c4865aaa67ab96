import { once } from 'node:events';

import type { Response } from 'express';

import { newestEntry, readAgain, type FeedEntry } from '../../../database/feed-entries.ts';
import type { Change } from '../../../contract/changes.ts';
import { canRead, isReviewer, type Caller } from '../auth/caller.ts';
import { refreshCaller } from '../auth/authenticate.ts';
import type { ApiContext } from '../context.ts';

const HEARTBEAT_MS = 15_000;
const QUEUE_MAX = 2_000;
const REMEMBERED_MAX = 5_000;

/** How far back a stream of all changes resumes, in entries. Beyond that a reader has to list again. */
const REPLAY_MAX = 20_000;

/** Headers that keep proxies from buffering a stream. */
export const STREAM_HEADERS = {
  'Content-Type': 'text/event-stream; charset=utf-8',
  'Cache-Control': 'no-store, no-transform',
  'X-Accel-Buffering': 'no',
} as const;

/** What a reader subscribes to. */
export interface StreamOptions {
  readonly caller: Caller;
  readonly request: string | null;
  /** The position of the last event the reader saw; null to start with what comes next. */
  readonly lastId: number | null;
  /** Called once the log is not read for this stream any more. */
  readonly onReplayed: () => void;
}

/**
 * Sends the changes that a reader may know of, each once, until either side hangs up, the token ends or the reader is too
 * slow. Each event's id is the position up to which nothing is missing, the first event's included. A reader that comes
 * back with its last one misses nothing, or gets `reset` and has to list again; it may see some events again.
 */
export class EventStream {
  readonly #context: ApiContext;
  readonly #response: Response;
  readonly #options: StreamOptions;
  readonly #queue: FeedEntry[] = [];
  readonly #sent = new Set<number>();
  #caller: Caller;
  #isOpen = true;
  #wasFull = false;
  #position: number;
  #resume: () => void = () => {};

  constructor(context: ApiContext, response: Response, options: StreamOptions) {
    this.#context = context;
    this.#response = response;
    this.#options = options;
    this.#caller = options.caller;
    this.#position = Math.min(options.lastId ?? context.feed.settled, context.feed.settled);
  }

  async run(): Promise<void> {
    const { draining } = this.#context;
    const end = (): void => this.#end();
    const unsubscribe = this.#context.feed.subscribe((entry) => this.#enqueue(entry));
    const heartbeat = setInterval(() => void this.#beat(), HEARTBEAT_MS);
    const expiry = setTimeout(end, this.#msUntilExpiry());
    this.#response.once('close', end);
    draining.signal.addEventListener('abort', end);
    if (draining.signal.aborted) end();
    try {
      this.#open();
      await this.#replay();
      this.#options.onReplayed();
      while (this.#isOpen) await this.#sendNext();
    } finally {
      unsubscribe();
      clearInterval(heartbeat);
      clearTimeout(expiry);
      draining.signal.removeEventListener('abort', end);
      this.#response.end();
    }
  }

  #open(): void {
    this.#response.status(200).set(STREAM_HEADERS);
    this.#response.write(`retry: 2000\n${this.#event('open', {})}`);
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
    const { lastId, request } = this.#options;
    const { feed, source } = this.#context;
    if (lastId === null) return;
    if (request === null && feed.settled - this.#position > REPLAY_MAX) return this.#reset('too_far_behind');
    // Another process may have given out a position that this one has not reached; none is ahead of the log itself,
    // unless the log is another one by now (a restored backup).
    if (lastId > feed.settled && lastId > (await newestEntry(source.manager)))
      return this.#reset('ahead_of_log');
    // What is committed by then is read here; what is not comes by the feed, and the position waits for it.
    const settled = feed.settled;
    let after = this.#position;
    while (this.#isOpen) {
      const lineage = isReviewer(this.#caller) ? null : this.#caller.principal.identity;
      const entries = await readAgain(source.manager, { after, request, lineage });
      for (const entry of entries) {
        await this.#send(entry);
        this.#moveTo(Math.min(entry.id, settled));
      }
      const last = entries.at(-1);
      if (!last) break;
      after = last.id;
    }
    this.#moveTo(settled);
  }

  async #reset(reason: 'too_far_behind' | 'ahead_of_log'): Promise<void> {
    this.#position = this.#context.feed.settled;
    await this.#write(this.#event('reset', { reason }));
  }

  #moveTo(position: number): void {
    this.#position = Math.max(this.#position, position);
  }

  async #sendNext(): Promise<void> {
    const entry = this.#queue.shift();
    if (entry) return this.#send(entry);
    // All that the feed delivered is sent: up to here nothing is missing.
    this.#moveTo(this.#context.feed.settled);
    if (!this.#isOpen) return;
    await new Promise<void>((resolve) => {
      this.#resume = resolve;
    });
  }

  async #send(entry: FeedEntry): Promise<void> {
    const isVisible = entry.status !== null && entry.lineage !== null && canRead(this.#caller, entry.lineage);
    if (!isVisible || this.#sent.has(entry.id) || !this.#isOpen) return;
    this.#remember(entry.id);
    const change: Change = {
      entry: entry.id,
      request: entry.request,
      type: entry.type,
      at: entry.at,
      status: entry.status ?? 'planning',
    };
    await this.#write(this.#event('request.changed', change));
  }

  #event(type: string, data: object): string {
    return `event: ${type}\nid: ${this.#position}\ndata: ${JSON.stringify(data)}\n\n`;
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

  /**
   * Keeps proxies from closing a quiet stream, and lets the end of a session and a change of the directory take effect on it. A reader that has
   * not read since the last beat is cut off; the position lets it come back.
   */
  async #beat(): Promise<void> {
    if (this.#wasFull && this.#response.writableNeedDrain) {
      this.#response.destroy();
      return this.#end();
    }
    this.#wasFull = this.#response.writableNeedDrain;
    try {
      this.#caller = await refreshCaller(this.#context, this.#caller);
      // One line end, not two: some readers take the blank line for the end of an (empty) event.
      if (!this.#wasFull) this.#response.write(': still here\n');
    } catch {
      this.#end();
    }
  }
}
