import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startStack, type Stack } from '../stack/stack.ts';
import { courseOf, executionsOf, verdictsOf, waitForLeaves, waitForVerdicts } from './facts.ts';
import { startLocalWorker, type LocalWorker } from './local-worker.ts';
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

const CROWD = Array.from({ length: 16 }, (_, index) => `reviewer-${String(index + 1).padStart(2, '0')}`);

describe('approvals are counted by distinct people', () => {
  it('counts sixteen approvals that arrive at once, each once, and performs the action once', async () => {
    const id = await desk.ask({ target: 'shop-crowd' });
    await Promise.all(CROWD.map((subject) => desk.decide(id, subject)));
    await stack.waitForStatus(id, 'succeeded');
    expect((await verdictsOf(stack, id)).sort()).toEqual(CROWD.map((subject) => `${subject}: approve`));
    expect(worker.target.effects.filter((effect) => effect === id)).toHaveLength(1);
    expect(await executionsOf(stack, id)).toHaveLength(1);
  });

  it('stays pending with fifteen of sixteen approvals, however often they are sent again', async () => {
    const id = await desk.ask({ target: 'shop-crowd' });
    const fifteen = CROWD.slice(0, 15);
    await Promise.all(
      fifteen.map(async (subject) => {
        const envelope = await desk.decide(id, subject);
        await desk.signal(id, envelope);
      }),
    );
    await Promise.all(fifteen.map((subject) => desk.decide(id, subject)));
    const verdicts = await waitForVerdicts(stack, id, 30);
    expect(verdicts.filter((verdict) => verdict.endsWith(': approve'))).toHaveLength(15);
    expect(verdicts.filter((verdict) => verdict.endsWith(': already_decided'))).toHaveLength(15);
    expect((await desk.row(id))['status']).toBe('pending');
  });

  it('performs once when one approval is enough and sixteen qualify at once', async () => {
    const id = await desk.ask();
    await Promise.all(['olga', 'dmitri'].flatMap((who) => Array.from({ length: 8 }, () => desk.decide(id, who))));
    await stack.waitForStatus(id, 'succeeded');
    const verdicts = await waitForVerdicts(stack, id, 16);
    expect(verdicts.filter((verdict) => verdict.endsWith(': approve'))).toHaveLength(1);
    expect(worker.target.effects.filter((effect) => effect === id)).toHaveLength(1);
  });
});
