import { describe, expect, it } from 'vitest';

import { ChecksBusy } from '../../domain/execution/fair-pool.ts';
import { TargetTurns } from '../../activities/steps/target-turns.ts';

describe('turns at one target', () => {
  it('are eight at once at most, seven of one requester, however many there are', async () => {
    const turns = new TargetTurns();
    const running = new Map<string, number>();
    const most = { ann: 0, all: 0 };
    const all = Array.from({ length: 60 }, async (_, n) => {
      const requester = n < 40 ? 'ann' : `other ${n}`;
      await turns.run({ target: 'shop', requester }, async () => {
        running.set(requester, (running.get(requester) ?? 0) + 1);
        most.ann = Math.max(most.ann, running.get('ann') ?? 0);
        most.all = Math.max(
          most.all,
          [...running.values()].reduce((sum, count) => sum + count, 0),
        );
        await new Promise(setImmediate);
        running.set(requester, (running.get(requester) ?? 0) - 1);
      });
    });
    await Promise.all(all);
    expect(most).toEqual({ ann: 7, all: 8 });
  });

  it('do not wait for those at another', async () => {
    const turns = new TargetTurns();
    const hold = Promise.withResolvers<void>();
    const held = Array.from({ length: 20 }, () =>
      turns.run({ target: 'shop', requester: 'ann' }, () => hold.promise),
    );
    expect(await turns.run({ target: 'bank', requester: 'ann' }, () => Promise.resolve('done'))).toBe('done');
    hold.resolve();
    await Promise.all(held);
  });

  it('are given up after a while in which no turn came, and not begun later', async () => {
    const turns = new TargetTurns(1);
    const hold = Promise.withResolvers<void>();
    const caller = { target: 'shop', requester: 'ann' };
    const held = Array.from({ length: 7 }, () => turns.run(caller, () => hold.promise));
    let isBegun = false;
    const late = turns.run(caller, () => {
      isBegun = true;
      return Promise.resolve();
    });
    await expect(late).rejects.toBeInstanceOf(ChecksBusy);
    hold.resolve();
    await Promise.all(held);
    expect(await turns.run(caller, () => Promise.resolve('next'))).toBe('next');
    expect(isBegun).toBe(false);
  });
});
