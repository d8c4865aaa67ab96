import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startStack, type Stack } from '../stack/stack.ts';
import { courseOf, leavesOf, waitForLeaves } from './facts.ts';
import { startLocalWorker, type LocalWorker } from './local-worker.ts';
import { signalRaw, type RawPayload } from './raw-signals.ts';
import { Desk } from './signed.ts';

let stack: Stack;
let desk: Desk;
let worker: LocalWorker;

beforeAll(async () => {
  stack = await startStack({ apis: 0, workers: 0 });
  worker = await startLocalWorker(stack);
  desk = await Desk.open(stack);
});

afterAll(async () => {
  await worker.stop();
  await stack.stop();
});

/** What a client of the namespace can put into a signal: also what no converter reads. */
const UNREADABLE: readonly RawPayload[] = [
  { encoding: 'json/plain', data: '"approve"' },
  { encoding: 'json/plain', data: '{"verdict":"approve","reviewer":"olga"}' },
  { encoding: 'json/plain', data: '{"ticket":' },
  { encoding: 'json/plain', data: '{"ticket":{"ticket":"eyJ.a.b"}}' },
  { encoding: 'json/plain', data: '\u0000\ufffd not json' },
  { encoding: 'json/plain', data: '{"__proto__":{"ticket":"eyJ.a.b"}}' },
  { encoding: 'json/protobuf', data: '{' },
  { encoding: 'binary/plain', data: 'approve' },
  { encoding: 'binary/null', data: 'approve' },
  { encoding: 'binary/encrypted', data: 'approve' },
  { encoding: 'application/x-of-nobody', data: 'approve' },
  { encoding: null, data: 'approve' },
];

async function junkCounts(id: string): Promise<number[]> {
  return (await leavesOf(stack, id))
    .filter((leaf) => leaf.type === 'decision.unauthenticated')
    .map((leaf) => Number(leaf.facts['count']));
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

describe('signals that no key of ours signed', () => {
  it('do not keep a valid decision from counting after a thousand of them, and are audited in aggregate', async () => {
    const id = await desk.ask();
    const payloads = [...UNREADABLE, null];
    const names = ['decide', 'withdraw'] as const;
    for (let sent = 0; sent < 1_000; sent += 100) {
      await Promise.all(
        Array.from({ length: 100 }, (_, index) =>
          signalRaw(stack, {
            id,
            name: names[index % 7 === 0 ? 1 : 0],
            payload: payloads[index % payloads.length] ?? null,
          }),
        ),
      );
    }
    await desk.decide(id, 'olga');
    await stack.waitForStatus(id, 'succeeded');
    const counts = await junkCounts(id);
    // None is lost, and none counted twice, although the server gives up tasks for which too many signals wait.
    expect(sum(counts)).toBe(1_000);
    // One entry for many: the log of a flooded request stays readable.
    expect(counts.length).toBeLessThanOrEqual(50);
    expect((await courseOf(stack, id)).filter((type) => type.startsWith('decision.counted'))).toHaveLength(1);
    expect(worker.target.effects.filter((done) => done === id)).toEqual([id]);
  });

  it('are audited as they come, while they are few: one who pasted a ticket badly finds it in the timeline', async () => {
    const id = await desk.ask();
    for (let sent = 1; sent <= 10; sent += 1) {
      await signalRaw(stack, { id, payload: { encoding: 'json/plain', data: '"garbage"' } });
      await waitForLeaves(stack, id, { type: 'decision.unauthenticated', count: sent });
    }
    expect((await desk.row(id))['status']).toBe('pending');
    // More of them come in heaps.
    for (let sent = 0; sent < 20; sent += 1) await signalRaw(stack, { id, payload: null });
    await desk.decide(id, 'olga');
    await stack.waitForStatus(id, 'succeeded');
    expect(await junkCounts(id)).toEqual([...Array.from({ length: 10 }, () => 1), 20]);
  });

  it('are audited before the request ends, however few they are', async () => {
    const id = await desk.ask({ target: 'shop-expiring' });
    await signalRaw(stack, { id, payload: { encoding: 'binary/encrypted', data: 'approve' } });
    await signalRaw(stack, { id, payload: null });
    await stack.waitForStatus(id, 'expired');
    expect(sum(await junkCounts(id))).toBe(2);
  });

  it('that look like envelopes are audited at once, and change nothing', async () => {
    const id = await desk.ask();
    await desk.signal(id, 'eyJhbGciOiJFZERTQSJ9.e30.AAAA');
    await desk.signal(id, { ticket: ' eyJhbGciOiJFZERTQSJ9.e30.AAAA\n' });
    await desk.signal(id, `eyJ${'a'.repeat(600_000)}.b.c`);
    await waitForLeaves(stack, id, { type: 'decision.unauthenticated' });
    expect((await desk.row(id))['status']).toBe('pending');
    await desk.signal(id, { ticket: `\n${await desk.decision(id, 'olga')} ` });
    await stack.waitForStatus(id, 'succeeded');
    expect(sum(await junkCounts(id))).toBe(3);
  });
});
