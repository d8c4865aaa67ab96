import type { ApiConfiguration } from '../../../configuration/programs.ts';
import { RateLimiter } from './rate-limiter.ts';
import { Slots } from './slots.ts';

/** How much of this process one caller, and all callers together, may use. */
export interface Limits {
  readonly calls: RateLimiter;
  /** Policy dry runs: each may cost a whole evaluation, and leaves no trace by which anybody would notice. */
  readonly evaluations: RateLimiter;
  /** Lists and inboxes that are being read: each holds its rows, and connections. */
  readonly pages: Slots;
  /** Calls that wait for a request to change: when it does, each reads its whole answer at once. */
  readonly waiting: Slots;
}

/** The limits of a configuration. */
export function createLimits({ ratePerSecond, evaluationsPerSecond, budgets }: ApiConfiguration): Limits {
  // A caller that may have so many requests open may wait for each of them.
  const waitingPerCaller = Math.max(100, budgets.openRequests);
  return {
    calls: new RateLimiter(ratePerSecond),
    evaluations: new RateLimiter(evaluationsPerSecond),
    pages: new Slots({
      perCaller: 4,
      inAll: 40,
      refusal: 'Too many of your lists are being read: wait for them.',
    }),
    waiting: new Slots({
      perCaller: waitingPerCaller,
      inAll: 5 * waitingPerCaller,
      refusal: 'Too many calls wait for requests to change: let some of them end.',
    }),
  };
}
