import { describe, expect, it } from 'vitest';

import { OneByOne } from '../../activities/steps/one-by-one.ts';

const NEVER = new AbortController().signal;

describe('what belongs to one key', () => {
  it('is done in the order in which it came, also after work that failed', async () => {
    const line = new OneByOne();
    const done: number[] = [];
    let running = 0;
    const results = await Promise.allSettled(
      Array.from({ length: 5 }, (_, n) =>
        line.run('ann', NEVER, async () => {
          running += 1;
          expect(running).toBe(1);
          await new Promise(setImmediate);
          running -= 1;
          if (n === 1) throw new Error('failed');
          done.push(n);
        }),
      ),
    );
    expect(done).toEqual([0, 2, 3, 4]);
    expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(1);
  });

  it('does not wait for what belongs to another', async () => {
    const line = new OneByOne();
    const hold = Promise.withResolvers<void>();
    const held = line.run('ann', NEVER, () => hold.promise);
    expect(await line.run('bob', NEVER, () => Promise.resolve('done'))).toBe('done');
    hold.resolve();
    await held;
  });

  it('is not done once it is given up, and holds up nothing behind it', async () => {
    const line = new OneByOne();
    const hold = Promise.withResolvers<void>();
    const held = line.run('ann', NEVER, () => hold.promise);
    const controller = new AbortController();
    let isDone = false;
    const late = line.run('ann', controller.signal, () => {
      isDone = true;
      return Promise.resolve();
    });
    const next = line.run('ann', NEVER, () => Promise.resolve('next'));
    controller.abort(new Error('given up'));
    hold.resolve();
    await expect(late).rejects.toThrow('given up');
    expect(await next).toBe('next');
    expect(isDone).toBe(false);
    await held;
  });

  it('is waited for no longer once it is given up, also while it is done', async () => {
    const line = new OneByOne();
    const begun = Promise.withResolvers<void>();
    const hold = Promise.withResolvers<string>();
    const controller = new AbortController();
    const hanging = line.run('ann', controller.signal, () => {
      begun.resolve();
      return hold.promise;
    });
    const next = line.run('ann', NEVER, () => Promise.resolve('next'));
    await begun.promise;
    controller.abort();
    expect(await next).toBe('next');
    hold.resolve('late');
    expect(await hanging).toBe('late');
  });
});
