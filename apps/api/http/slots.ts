import { KeyturnError } from '../../../domain/errors.ts';

/** How many slots there are, and what a caller without one reads. */
export interface SlotLimits {
  readonly perCaller: number;
  readonly inAll: number;
  readonly refusal: string;
}

/** Slots for work that holds memory and a connection for long, or is expensive: one caller cannot take all of them. */
export class Slots {
  readonly #limits: SlotLimits;
  readonly #taken = new Map<string, number>();
  count = 0;

  constructor(limits: SlotLimits) {
    this.#limits = limits;
  }

  /** Takes a slot, or null when none is free. The result releases the slot, once. */
  tryTake(caller: string): (() => void) | null {
    const own = this.#taken.get(caller) ?? 0;
    if (this.count >= this.#limits.inAll || own >= this.#limits.perCaller) return null;
    this.#change(caller, 1);
    let isReleased = false;
    return () => {
      if (isReleased) return;
      isReleased = true;
      this.#change(caller, -1);
    };
  }

  /** Takes a slot, or refuses (`rate_limited`). */
  take(caller: string): () => void {
    const release = this.tryTake(caller);
    if (release) return release;
    throw new KeyturnError('rate_limited', this.#limits.refusal, { retryAfterSeconds: 10 });
  }

  #change(caller: string, by: number): void {
    const own = (this.#taken.get(caller) ?? 0) + by;
    if (own > 0) this.#taken.set(caller, own);
    else this.#taken.delete(caller);
    this.count += by;
  }
}
