import { patched } from '@temporalio/workflow';

import type { Message } from '../activities/index.ts';
import { envelopeIn } from './envelope-in.ts';

/** Junk that is recorded as it comes: a person who pasted a ticket badly looks for it in the timeline. */
const JUNK_AT_ONCE = 10;

/** What comes after that does not wake the workflow one by one: it is recorded with the next step, or in such heaps. */
const JUNK_HEAP = 100;

/** How many messages one transaction takes. */
const BATCH_MAX = 50;

/**
 * How many messages may wait. Each costs the check of a signature, which a flood must not buy: what comes on top is
 * dropped, as junk is. A decision of the API that is dropped so is kept in the database, and counts from there.
 */
const WAITING_MAX = 500;

/** So many signals are no people any more. A server refuses all further ones after ten thousand. */
const FLOOD = 1_000;

/** What one step consumes. */
export interface Batch {
  /** Numbers the batches of a workflow: the name of the step that records it. */
  readonly step: number;
  readonly messages: readonly Message[];
  readonly junk: number;
  /** All junk of this run up to here, this batch's included. */
  readonly junk_total?: number;
}

/** Messages in order of arrival. What cannot be an envelope is counted and dropped at the door. */
export class SignalQueue {
  readonly #messages: Message[] = [];
  #junk = 0;
  #junkTaken = 0;
  #dropped = 0;
  #announced = 0;
  #listener: () => void = () => {};
  #taken = 0;
  #reminded = 0;
  #reconsidered = 0;
  #arrived = 0;

  /** Counts a signal, whatever it holds. */
  arrive(): void {
    this.#arrived += 1;
  }

  /** True when the server may refuse what else is sent: the workflow must then look for itself. */
  get isFlooded(): boolean {
    return this.#arrived >= FLOOD;
  }

  put(kind: Message['kind'], body: unknown): void {
    const envelope = envelopeIn(body);
    if (envelope === null || this.#isFull()) this.#drop();
    else this.#messages.push({ kind, body: envelope });
  }

  /** How many messages were ignored so far because they hold no envelope of ours: their senders want to know. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Some looked like envelopes, and were found to be none when they were verified. */
  ignore(count: number): void {
    this.#dropped += count;
  }

  /** Calls back, at most once a workflow task, when messages were dropped in it. */
  whenDropped(listener: () => void): void {
    this.#listener = listener;
  }

  /** The task's messages are all in. */
  endTask(): void {
    if (this.#dropped > this.#announced) this.#listener();
    this.#announced = this.#dropped;
  }

  /** Older histories may exceed this limit. */
  #isFull(): boolean {
    return this.#messages.length >= WAITING_MAX && patched('so-many-messages-wait');
  }

  #drop(): void {
    this.#junk += 1;
    this.#dropped += 1;
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
    return this.#messages.length > 0 || this.#junk >= JUNK_HEAP || this.#isJunkForNow();
  }

  /** Older histories wait for the next step. */
  #isJunkForNow(): boolean {
    return this.#junk > 0 && this.#junkTaken < JUNK_AT_ONCE && patched('records-the-first-junk-at-once');
  }

  /** True when nothing at all is left, junk included. */
  get isEmpty(): boolean {
    return this.#messages.length === 0 && this.#junk === 0;
  }

  take(): Batch {
    const junk = this.#junk;
    this.#junk = 0;
    this.#junkTaken += junk;
    this.#taken += 1;
    const batch = { step: this.#taken, messages: this.#messages.splice(0, BATCH_MAX), junk };
    return this.#isTotalled(batch) ? { ...batch, junk_total: this.#dropped } : batch;
  }

  /**
   * A task that is lost may divide its messages into other batches the second time: junk is recorded once by its total.
   * The first message alone is always the same batch. Older histories tell no total.
   */
  #isTotalled({ messages }: Batch): boolean {
    const isFirstAlone = this.#dropped === 0 && messages.length === 1;
    return !isFirstAlone && patched('totals-junk');
  }
}
