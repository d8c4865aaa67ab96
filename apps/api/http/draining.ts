import { once } from 'node:events';
import type { Server, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

const LOOK_MS = 50;

/** Whether this process is about to end, for the handlers that must act before it does. */
export class Draining {
  readonly #ending = new AbortController();
  /** Aborted when no new calls are accepted: streams end, and waiting calls are answered at once. */
  readonly signal = this.#ending.signal;
  readonly #answering = new Set<ServerResponse>();
  #isBegun = false;

  /** No new calls are wanted: readiness says so, and no connection is kept alive for another one. */
  get isBegun(): boolean {
    return this.#isBegun;
  }

  begin(): void {
    this.#isBegun = true;
    for (const response of this.#answering) closeAfter(response);
  }

  end(): void {
    this.#ending.abort();
  }

  /** Tracks an answer until it is sent. */
  follow(response: ServerResponse): void {
    if (this.#isBegun) closeAfter(response);
    this.#answering.add(response);
    response.once('close', () => this.#answering.delete(response));
  }
}

/** A caller that keeps the connection for another call would meet one that just closes. */
function closeAfter(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('Connection', 'close');
}

/** How long ending may take. */
export interface DrainLimits {
  /** Calls are still accepted while readiness says no: load balancers take this long to look elsewhere. */
  readonly unreadyMs: number;
  /** Then calls may take this long to end. */
  readonly endMs: number;
}

/** Accepts no more calls, and waits for those in progress. False when some were cut off at the end. */
export async function drain(server: Server, draining: Draining, limits: DrainLimits): Promise<boolean> {
  draining.begin();
  await delay(limits.unreadyMs);
  const closed = once(server, 'close').then(() => true);
  server.close();
  draining.end();
  // A connection that falls idle from now on would be kept for a next call.
  const sweeping = setInterval(() => server.closeIdleConnections(), LOOK_MS);
  const isClosed = await Promise.race([closed, delay(limits.endMs, false, { ref: false })]);
  clearInterval(sweeping);
  server.closeAllConnections();
  return isClosed;
}
