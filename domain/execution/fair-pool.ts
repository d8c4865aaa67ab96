/** There was no room or no time to check something. It says nothing about what was to be checked: trying again may help. */
export class ChecksBusy extends Error {
  readonly reason: 'overload' | 'timeout';

  constructor(reason: 'overload' | 'timeout') {
    super(`Checking was not possible (${reason}): try again.`);
    this.name = 'ChecksBusy';
    this.reason = reason;
  }
}

/** True when checking began and did not end in time. */
export function isLate(error: unknown): error is ChecksBusy {
  return error instanceof ChecksBusy && error.reason === 'timeout';
}

/** How much runs and waits. */
export interface FairPoolLimits {
  /** How much runs at once. */
  readonly slots: number;
  /** How much of one requester waits; more is `ChecksBusy` at once. */
  readonly waitingMax: number;
}

/**
 * Runs work in a few slots. Requesters take turns, and nobody holds all slots: however much one of them sends, the
 * next piece of work of another waits for one piece at most. Waiting is not part of the work, so it uses up none of the
 * time that the work may take.
 */
export class FairPool {
  readonly #limits: FairPoolLimits;
  readonly #waiting = new Map<string, (() => void)[]>();
  readonly #running = new Map<string, number>();
  #runningCount = 0;

  constructor(limits: FairPoolLimits) {
    this.#limits = limits;
  }

  /** Runs the work when it is the requester's turn. Throws `ChecksBusy` when too much of that requester waits already. */
  async run<Result>(requester: string, work: () => Promise<Result>): Promise<Result> {
    await this.#turnOf(requester);
    try {
      return await work();
    } finally {
      this.#leave(requester);
    }
  }

  async #turnOf(requester: string): Promise<void> {
    const queue = this.#waiting.get(requester) ?? [];
    if (queue.length >= this.#limits.waitingMax) throw new ChecksBusy('overload');
    await new Promise<void>((start) => {
      queue.push(start);
      this.#waiting.set(requester, queue);
      this.#startNext();
    });
  }

  #startNext(): void {
    if (this.#runningCount >= this.#limits.slots) return;
    const ownMax = Math.max(1, this.#limits.slots - 1);
    for (const [requester, queue] of this.#waiting) {
      const own = this.#running.get(requester) ?? 0;
      if (own >= ownMax) continue;
      const start = queue.shift();
      // Set again, the requester stands behind all others.
      this.#waiting.delete(requester);
      if (queue.length > 0) this.#waiting.set(requester, queue);
      this.#running.set(requester, own + 1);
      this.#runningCount += 1;
      start?.();
      return;
    }
  }

  #leave(requester: string): void {
    const own = (this.#running.get(requester) ?? 1) - 1;
    if (own === 0) this.#running.delete(requester);
    else this.#running.set(requester, own);
    this.#runningCount -= 1;
    this.#startNext();
  }
}
