import { KeyturnError } from '../../../domain/errors.ts';

/** Slots for work that holds memory and a connection for long, or is expensive: one caller cannot take all of them. */
export class Slots {
  readonly #perCaller: number;
  readonly #taken = new Map<string, number>();
  count = 0;

  constructor(perCaller: number) {
    this.#perCaller = perCaller;
  }

  /** Takes a slot, or null when none is free. The result releases the slot, once. */
  tryTake(caller: string, most: number): (() => void) | null {
    const own = this.#taken.get(caller) ?? 0;
    if (this.count >= most || own >= this.#perCaller) return null;
    this.#change(caller, 1);
    let isReleased = false;
    return () => {
      if (isReleased) return;
      isReleased = true;
      this.#change(caller, -1);
    };
  }

  /** Takes a slot, or refuses (`rate_limited`) with this message. */
  take(caller: string, most: number, message: string): () => void {
    const release = this.tryTake(caller, most);
    if (release) return release;
    throw new KeyturnError('rate_limited', message, { retryAfterSeconds: 10 });
  }

  #change(caller: string, by: number): void {
    const own = (this.#taken.get(caller) ?? 0) + by;
    if (own > 0) this.#taken.set(caller, own);
    else this.#taken.delete(caller);
    this.count += by;
  }
}
