import { once } from 'node:events';

/** Does what belongs to one key one after the other, in the order in which it came. Different keys never wait for each other. */
export class OneByOne {
  readonly #last = new Map<string, Promise<void>>();

  /**
   * Does the work when its turn comes, also after work that failed. Rejects, doing nothing, when it was given up
   * until then; once it is given up later, the next one waits for it no longer: work that hangs holds up nobody for ever.
   */
  async run<Result>(key: string, givenUp: AbortSignal, work: () => Promise<Result>): Promise<Result> {
    const before = this.#last.get(key) ?? Promise.resolve();
    const turn = before.then(() => {
      givenUp.throwIfAborted();
      return work();
    });
    const over = before.then(() => ended(turn, givenUp));
    this.#last.set(key, over);
    try {
      return await turn;
    } finally {
      if (this.#last.get(key) === over) this.#last.delete(key);
    }
  }
}

async function ended(turn: Promise<unknown>, givenUp: AbortSignal): Promise<void> {
  const done = new AbortController();
  const { signal } = done;
  await Promise.race([turn, givenUp.aborted || once(givenUp, 'abort', { signal })]).catch(() => undefined);
  done.abort();
}
