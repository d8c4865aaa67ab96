import { Injectable } from '@nestjs/common';

import { identityKey } from '../../../domain/identity/identity.ts';
import type { Caller } from '../auth/caller.ts';
import { ApiContext } from '../context.ts';
import { Slots } from '../http/slots.ts';

/**
 * Calls that wait for a request to change, of one caller at least and in all: when it changes, each reads all that it
 * answers, at once.
 */
const OF_ONE_MIN = 100;
const CALLERS = 5;
const TOO_MANY = 'Too many calls wait for requests to change: let some of them end.';

/** The places of calls that wait, whether for a request just made or for one that is looked at. */
@Injectable()
export class WaitingCalls {
  readonly #places: Slots;
  readonly #most: number;

  constructor({ settings }: ApiContext) {
    // Whoever may have so many requests open may wait for each of them.
    const ofOne = Math.max(OF_ONE_MIN, settings.budgets.openRequests);
    this.#places = new Slots(ofOne);
    this.#most = CALLERS * ofOne;
  }

  /** Takes a place, or null when there is none. What it answers gives the place back. */
  tryTake({ principal }: Caller): (() => void) | null {
    return this.#places.tryTake(identityKey(principal.identity), this.#most);
  }

  /** Takes a place, or refuses (`rate_limited`). */
  take({ principal }: Caller): () => void {
    return this.#places.take(identityKey(principal.identity), this.#most, TOO_MANY);
  }
}
