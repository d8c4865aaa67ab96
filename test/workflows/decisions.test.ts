import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { pseudonymOf } from '../../domain/identity/ids.ts';
import { startStack, type Stack } from '../stack/stack.ts';
import { waitFor } from '../stack/wait.ts';
import {
  courseOf,
  decisionsOf,
  executionsOf,
  leavesOf,
  verdictsOf,
  waitForVerdicts,
  waitUntilIdle,
} from './facts.ts';
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

function effectsOf(id: string): number {
  return worker.target.effects.filter((effect) => effect === id).length;
}

/** What is done while no worker is up; there is one again however that ends. */
async function withoutWorker(work: () => Promise<void>): Promise<void> {
  await worker.stop();
  try {
    await work();
  } finally {
    worker = await startLocalWorker(stack, { target: worker.target });
  }
}

const CROWD = Array.from({ length: 16 }, (_, index) => `reviewer-${String(index + 1).padStart(2, '0')}`);

describe('approvals are counted by distinct people', () => {
  it('counts sixteen approvals that arrive at once, each once, and executes the action once', async () => {
    const id = await desk.ask({ target: 'shop-crowd' });
    await desk.decideAtOnce(id, CROWD);
    await stack.waitForStatus(id, 'succeeded');
    expect((await verdictsOf(stack, id)).sort()).toEqual(CROWD.map((subject) => `${subject}: approve`));
    expect(effectsOf(id)).toBe(1);
    expect(await executionsOf(stack, id)).toHaveLength(1);
  });

  it('stays pending with fifteen of sixteen approvals, however often they decide again', async () => {
    const id = await desk.ask({ target: 'shop-crowd' });
    const fifteen = CROWD.slice(0, 15);
    await desk.decideAtOnce(id, [...fifteen, ...fifteen]);
    const verdicts = await waitForVerdicts(stack, id, 30);
    expect(verdicts.filter((verdict) => verdict.endsWith(': approve'))).toHaveLength(15);
    expect(verdicts.filter((verdict) => verdict.endsWith(': already_decided'))).toHaveLength(15);
    expect((await desk.row(id))['status']).toBe('pending');
  });

  it('executes once when one approval is enough and sixteen arrive at once', async () => {
    const id = await desk.ask();
    await desk.decideAtOnce(id, [...Array(8).fill('olga'), ...Array(8).fill('dmitri')]);
    await stack.waitForStatus(id, 'succeeded');
    const verdicts = await waitForVerdicts(stack, id, 16);
    expect(verdicts.filter((verdict) => verdict.endsWith(': approve'))).toHaveLength(1);
    expect(verdicts.filter((verdict) => verdict.endsWith(': request_not_pending'))).toHaveLength(15);
    expect(effectsOf(id)).toBe(1);
  });

  it('counts a decision that is signalled twice once', async () => {
    const id = await desk.ask({ target: 'shop-two-people' });
    const envelope = await desk.decide(id, 'olga');
    await desk.signal(id, envelope);
    await desk.signal(id, { ticket: envelope });
    await desk.decide(id, 'petra');
    expect((await waitForVerdicts(stack, id, 2)).sort()).toEqual(['olga: approve', 'petra: not_eligible']);
    const counted = (await leavesOf(stack, id)).filter((leaf) => leaf.type === 'decision.counted');
    expect(counted).toHaveLength(1);
    expect((await desk.row(id))['status']).toBe('pending');
  });

  it('counts one person with two linked accounts once: a quorum of two needs two people', async () => {
    const id = await desk.ask({ target: 'shop-two-people' });
    await desk.decide(id, 'olga');
    await desk.decide(id, 'olga.petrenko', { isSecondIssuer: true });
    expect(await waitForVerdicts(stack, id, 2)).toEqual(['olga: approve', 'olga.petrenko: already_decided']);
    expect((await desk.row(id))['status']).toBe('pending');
    await desk.decide(id, 'dmitri');
    await stack.waitForStatus(id, 'succeeded');
    expect(effectsOf(id)).toBe(1);
  });

  it('does not take an account of the same name at another issuer for the reviewer', async () => {
    const id = await desk.ask();
    await desk.decide(id, 'olga', { isSecondIssuer: true });
    await desk.decide(id, 'ines');
    expect(await waitForVerdicts(stack, id, 2)).toEqual(['olga: not_eligible', 'ines: reviewer_inactive']);
    expect(effectsOf(id)).toBe(0);
  });
});

describe('a denial ends the request', () => {
  it('ends at the first denial, also after an approval', async () => {
    const id = await desk.ask({ target: 'shop-two-people' });
    await desk.decide(id, 'olga');
    await waitForVerdicts(stack, id, 1);
    await desk.decide(id, 'dmitri', { verdict: 'deny' });
    const row = await stack.waitForStatus(id, 'denied');
    expect(row['denied_by']).toBe('person');
    expect(effectsOf(id)).toBe(0);
    expect((await courseOf(stack, id)).at(-1)).toBe('request.denied');
  });

  it('counts one of two denials that arrive at once', async () => {
    const id = await desk.ask({ target: 'shop-two-people' });
    await desk.decideAtOnce(id, ['olga', 'dmitri'], { verdict: 'deny' });
    await stack.waitForStatus(id, 'denied');
    const verdicts = await waitForVerdicts(stack, id, 2);
    expect(verdicts.filter((verdict) => verdict.endsWith(': deny'))).toHaveLength(1);
    expect(verdicts.filter((verdict) => verdict.endsWith(': request_not_pending'))).toHaveLength(1);
    expect((await courseOf(stack, id)).filter((type) => type === 'request.denied')).toHaveLength(1);
  });

  it('refuses a denial by the lineage, who withdraw instead', async () => {
    const id = await desk.ask();
    await desk.decide(id, 'ada', { verdict: 'deny' });
    expect(await waitForVerdicts(stack, id, 1)).toEqual(['ada: use_withdraw']);
    expect((await desk.row(id))['status']).toBe('pending');
    const foreign = await desk.withdrawal(id, 'olga');
    await desk.signal(id, foreign, 'withdraw');
    await desk.signal(id, foreign, 'withdraw');
    await desk.signal(id, await desk.withdrawal(id, 'ada'), 'withdraw');
    await stack.waitForStatus(id, 'cancelled');
    const withdrawn = (await leavesOf(stack, id)).filter((leaf) => leaf.type === 'request.withdrawn');
    expect(withdrawn).toHaveLength(1);
    const refused = (await leavesOf(stack, id)).filter((leaf) => leaf.type === 'request.withdrawal_refused');
    expect(refused).toEqual([
      expect.objectContaining({
        actor: expect.objectContaining({ pseudonym: pseudonymOf(desk.identityKey, desk.account('olga')) }),
        facts: expect.objectContaining({ code: 'forbidden' }),
      }),
    ]);
  });
});

describe('stages in order', () => {
  it('asks the second stage only after the first is satisfied', async () => {
    const id = await desk.ask({ target: 'shop-sequential' });
    await desk.decide(id, 'omar');
    expect(await waitForVerdicts(stack, id, 1)).toEqual(['omar: not_eligible']);
    await desk.decide(id, 'olga');
    await waitForVerdicts(stack, id, 2);
    await desk.decide(id, 'omar');
    await stack.waitForStatus(id, 'succeeded');
    expect(effectsOf(id)).toBe(1);
  });

  // Several requests, because the order of rows that were recorded in one step would otherwise be right by chance.
  it('executes in the first round when both stages were decided while no worker was up', async () => {
    const ids: string[] = [];
    for (let count = 0; count < 6; count += 1) ids.push(await desk.ask({ target: 'shop-sequential' }));
    await withoutWorker(async () => {
      for (const id of ids) {
        await desk.decide(id, 'olga');
        await desk.decide(id, 'omar');
      }
    });
    for (const id of ids) {
      expect(await stack.waitForStatus(id, 'succeeded')).toMatchObject({ round: 1 });
      expect(effectsOf(id)).toBe(1);
    }
  });
});

describe('an approval past its maximum age', () => {
  it('does not execute: the request is pending again, and the same people may decide anew', async () => {
    const id = await desk.ask({ target: 'shop-stale' });
    await withoutWorker(async () => {
      await approveWithoutExecution(id);
      await waitFor({
        what: 'the approvals to be older than three seconds',
        check: async () => {
          const decisions = await decisionsOf(stack, id);
          return decisions.every((row) => row.at.getTime() + 3_000 < Date.now()) ? true : undefined;
        },
      });
    });
    expect(await stack.waitForStatus(id, 'pending')).toMatchObject({ round: 2 });
    expect(await courseOf(stack, id)).toContain('request.approval_stale');
    expect(effectsOf(id)).toBe(0);
    await approveUntilExecuted(id);
    expect(effectsOf(id)).toBe(1);
  });

  /** By a worker that counts decisions and executes nothing. On a busy machine three seconds may pass before it counts. */
  async function approveWithoutExecution(id: string): Promise<void> {
    const bookkeeper = await startLocalWorker(stack, { enableNonLocalActivities: false });
    try {
      for (let count = 2; (await desk.row(id))['status'] === 'pending'; count += 2) {
        await desk.decideAtOnce(id, ['olga', 'dmitri']);
        await waitForVerdicts(stack, id, count);
      }
      await waitUntilIdle(stack, id);
    } finally {
      await bookkeeper.stop();
    }
  }

  /** On a busy machine three seconds may pass again: then there is another round. */
  async function approveUntilExecuted(id: string): Promise<void> {
    for (let round = 2; (await desk.row(id))['status'] === 'pending'; round += 1) {
      await desk.decideAtOnce(id, ['olga', 'dmitri']);
      await waitFor({
        what: `${id} to be executed, or pending in round ${round + 1}`,
        check: async () => {
          const row = await desk.row(id);
          const isAgain = row['status'] === 'pending' && Number(row['round']) > round;
          return row['status'] === 'succeeded' || isAgain ? true : undefined;
        },
      });
    }
  }
});
