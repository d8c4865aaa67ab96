import type { Client } from 'pg';

import { closeSession, openSession, type SessionRequest } from './session.ts';

/**
 * Fresh sessions that are being opened while something else still runs. Each is handed out once: what a transaction
 * changed is read from counters that a used session would have added earlier work to.
 */
export class SessionsAhead {
  readonly #request: SessionRequest;
  readonly #opening: Promise<Client>[];

  constructor(request: SessionRequest, count: number) {
    this.#request = request;
    this.#opening = Array.from({ length: count }, () => openSession(request));
    // `next` reports a failure; one of a session that nobody takes is of no interest.
    for (const opening of this.#opening) opening.catch(() => undefined);
  }

  /** A session in which nothing ran yet. The caller closes it. */
  next(): Promise<Client> {
    return this.#opening.shift() ?? openSession(this.#request);
  }

  /** Closes those that nobody took. */
  close(): void {
    for (const opening of this.#opening.splice(0)) opening.then(closeSession, () => undefined);
  }
}
