import { describe, expect, it } from 'vitest';

import { ChecksBusy, FairPool } from '../../../domain/execution/fair-pool.ts';
import { SqlParsers } from '../../../activities/connectors/postgres/parser-thread.ts';

const later = (): PromiseWithResolvers<void> => Promise.withResolvers<void>();

describe('a fair pool', () => {
  it('keeps a place free for others, however much one requester sends', async () => {
    const pool = new FairPool({ slots: 2, waitingMax: 10 });
    const hold = later();
    const mallorys = [1, 2, 3].map(() => pool.run('mallory', () => hold.promise));
    expect(await pool.run('ann', () => Promise.resolve('checked'))).toBe('checked');
    hold.resolve();
    await Promise.all(mallorys);
  });

  it('lets requesters take turns', async () => {
    const pool = new FairPool({ slots: 1, waitingMax: 10 });
    const order: string[] = [];
    const work = (name: string) => (): Promise<void> => Promise.resolve(void order.push(name));
    await Promise.all([
      ...['m1', 'm2', 'm3'].map((name) => pool.run('mallory', work(name))),
      pool.run('ann', work('a1')),
    ]);
    expect(order).toEqual(['m1', 'm2', 'a1', 'm3']);
  });

  it('says at once when too much of one requester waits, to that requester only', async () => {
    const pool = new FairPool({ slots: 2, waitingMax: 1 });
    const hold = later();
    const held = [1, 2].map(() => pool.run('mallory', () => hold.promise));
    await expect(pool.run('mallory', () => hold.promise)).rejects.toMatchObject({ reason: 'overload' });
    expect(await pool.run('ann', () => Promise.resolve('checked'))).toBe('checked');
    hold.resolve();
    await Promise.all(held);
  });

  it('gives a place back when the work fails', async () => {
    const pool = new FairPool({ slots: 1, waitingMax: 1 });
    await expect(pool.run('ann', () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(await pool.run('ann', () => Promise.resolve('checked'))).toBe('checked');
  });
});

describe('reading statements for many requesters', () => {
  const deep = `select ${'(select '.repeat(6_000)}1${')'.repeat(6_000)}`;

  it('reads what one requester sends while another sends hostile texts', async () => {
    const parsers = new SqlParsers(30_000);
    const hostile = Array.from({ length: 4 }, () => parsers.of('mallory').parse(deep));
    expect(await parsers.of('ann').parse('select 1')).toMatchObject({ kind: 'parsed' });
    for (const outcome of await Promise.all(hostile))
      expect(outcome).toMatchObject({ kind: 'unreadable', reason: expect.stringContaining('too deeply') });
  });

  it('blames no statement for the time that it did not get', async () => {
    const parsers = new SqlParsers(0);
    const long = `select ${'1 + '.repeat(3_000)}1`;
    await expect(parsers.of('ann').parse(long)).rejects.toThrow(ChecksBusy);
  });
});
