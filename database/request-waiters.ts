import { setTimeout as pause } from 'node:timers/promises';

/** Those who wait for a change of a request. */
export class RequestWaiters {
  readonly #waiters = new Map<string, Set<() => void>>();

  /** Wakes all who wait for this request. */
  wake(request: string): void {
    for (const wake of this.#waiters.get(request) ?? []) wake();
  }

  wakeAll(): void {
    for (const request of this.#waiters.keys()) this.wake(request);
  }

  /** Registers one who waits; no change from now on is missed. The signal wakes as well. */
  watch(request: string, signal: AbortSignal): { changed(timeoutMs: number): Promise<void>; end(): void } {
    let change = new AbortController();
    const wake = (): void => change.abort();
    const waiters = this.#waiters.get(request) ?? new Set();
    this.#waiters.set(request, waiters.add(wake));
    signal.addEventListener('abort', wake);
    const changed = async (timeoutMs: number): Promise<void> => {
      await pause(timeoutMs, undefined, { signal: change.signal }).catch(() => undefined);
      change = new AbortController();
    };
    const end = (): void => {
      signal.removeEventListener('abort', wake);
      waiters.delete(wake);
      if (waiters.size === 0 && this.#waiters.get(request) === waiters) this.#waiters.delete(request);
    };
    return { changed, end };
  }
}
