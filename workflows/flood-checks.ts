import { patched } from '@temporalio/workflow';

import type { SignalQueue } from './signal-queue.ts';

const FIRST_MS = 5_000;
const LONGEST_MS = 120_000;

/**
 * When a workflow that had a flood of signals looks by itself for what was decided: the server refuses it further
 * signals, so that nothing may wake it. Ever more seldom, because each look adds to a history that has an end as well.
 */
export class Looks {
  readonly #queue: Pick<SignalQueue, 'isFlooded'>;
  #count = 0;

  constructor(queue: Pick<SignalQueue, 'isFlooded'>) {
    this.#queue = queue;
  }

  /** The instant of the next look. Null where signals get through. */
  nextAt(): number | null {
    if (!this.#queue.isFlooded || !patched('looks-when-flooded')) return null;
    return Date.now() + Math.min(FIRST_MS * 2 ** this.#count, LONGEST_MS);
  }

  /** One look was due. */
  look(): void {
    this.#count += 1;
  }
}
