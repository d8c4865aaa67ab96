import { setTimeout } from 'node:timers/promises';

import { ChecksBusy, FairPool, type FairPoolLimits } from '../../domain/execution/fair-pool.ts';

/** Each may take four sessions of the target. More would only wait there, in sessions that know nothing of it yet. */
const LIMITS: FairPoolLimits = { slots: 8, waitingMax: 100 };

/** Whose turn has not come by then tries again: the step has a minute for the wait and the work. */
const WAIT_MS_MAX = 30_000;

/** Lets those who want to do something at a target take turns, each target for itself. */
export class TargetTurns {
  readonly #pools = new Map<string, FairPool>();
  readonly #waitMsMax: number;

  constructor(waitMsMax = WAIT_MS_MAX) {
    this.#waitMsMax = waitMsMax;
  }

  /** Does the work when it is the requester's turn. Throws `ChecksBusy` where that takes too long; nothing was done then. */
  async run<Result>(
    { target, requester }: { readonly target: string; readonly requester: string },
    work: () => Promise<Result>,
  ): Promise<Result> {
    const pool = this.#pools.get(target) ?? new FairPool(LIMITS);
    this.#pools.set(target, pool);
    const wait = new AbortController();
    const turn = pool.run(requester, () => {
      // It leaves the line: the next one begins.
      if (isLate) throw new ChecksBusy('overload');
      wait.abort();
      return work();
    });
    let isLate = false;
    const limit = setTimeout(this.#waitMsMax, undefined, { signal: wait.signal, ref: false }).then(
      () => {
        isLate = true;
        throw new ChecksBusy('overload');
      },
      () => turn,
    );
    return Promise.race([turn, limit]);
  }
}
