import { KeyturnError } from '../../../domain/errors.ts';

/** What holds memory and a connection for long, or makes much work at once: one caller cannot take all places. */
export class Places {
  readonly #perCaller: number;
  readonly #taken = new Map<string, number>();
  count = 0;

  constructor(perCaller: number) {
    this.#perCaller = perCaller;
  }

  /** Takes a place, or null when there is none. What it answers gives the place back, once. */
  tryTake(caller: string, most: number): (() => void) | null {
    const own = this.#taken.get(caller) ?? 0;
    if (this.count >= most || own >= this.#perCaller) return null;
    this.#change(caller, 1);
    let isGivenBack = false;
    return () => {
      if (isGivenBack) return;
      isGivenBack = true;
      this.#change(caller, -1);
    };
  }

  /** Takes a place, or refuses (`rate_limited`) with this message. */
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
