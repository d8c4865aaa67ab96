import type { Message } from '../activities/index.ts';

/** Longer bodies cannot be envelopes of ours. */
const BODY_LENGTH_MAX = 600_000;

/** Junk does not wake the workflow one by one: it is recorded together with the next step, or in heaps of this size. */
const JUNK_HEAP = 100;

/** How many messages one transaction takes. */
const BATCH_MAX = 50;

/** What one step consumes. */
export interface Batch {
  /** Numbers the batches of a workflow: the name of the step that records it. */
  readonly step: number;
  readonly messages: readonly Message[];
  readonly junk: number;
}

/** Messages in order of arrival. What cannot be an envelope is counted and dropped at the door. */
export class Inbox {
  readonly #messages: Message[] = [];
  #junk = 0;
  #taken = 0;
  #reminded = 0;
  #reconsidered = 0;

  put(kind: Message['kind'], body: unknown): void {
    const envelope = envelopeIn(body);
    if (envelope === null) this.#junk += 1;
    else this.#messages.push({ kind, body: envelope });
  }

  /** Somebody says that rules or people changed. However often it is said, it is looked into once. */
  remind(): void {
    this.#reminded += 1;
  }

  get isReminded(): boolean {
    return this.#reminded > this.#reconsidered;
  }

  /** Takes the hints that came so far as one; the number names the step. */
  takeReminder(): number {
    this.#reconsidered = this.#reminded;
    return this.#reconsidered;
  }

  /** True when there is something to work on now. */
  get isWaiting(): boolean {
    return this.#messages.length > 0 || this.#junk >= JUNK_HEAP;
  }

  /** True when nothing at all is left, junk included. */
  get isEmpty(): boolean {
    return this.#messages.length === 0 && this.#junk === 0;
  }

  take(): Batch {
    const junk = this.#junk;
    this.#junk = 0;
    this.#taken += 1;
    return { step: this.#taken, messages: this.#messages.splice(0, BATCH_MAX), junk };
  }
}

/** Accepts the envelope itself or `{ "ticket": envelope }`: people paste either into the Temporal UI. */
function envelopeIn(body: unknown): string | null {
  const text = typeof body === 'object' && body !== null && 'ticket' in body ? body.ticket : body;
  if (typeof text !== 'string' || text.length > BODY_LENGTH_MAX) return null;
  const trimmed = text.trim();
  // A compact JWS: three base64url parts, the first a JSON object.
  return trimmed.startsWith('eyJ') && trimmed.split('.').length === 3 ? trimmed : null;
}
