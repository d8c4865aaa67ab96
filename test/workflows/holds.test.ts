import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { FreezeWindow } from '../../domain/calendar/freeze.ts';
import { startStack, type Stack } from '../stack/stack.ts';
import { waitFor } from '../stack/wait.ts';
import { courseOf, waitForLeaves } from './facts.ts';
import { startLocalWorker, type LocalWorker } from './local-worker.ts';
import { changeRequirement, withPolicy, type PolicyChange } from './policies.ts';
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

const inMs = (milliseconds: number): string => new Date(Date.now() + milliseconds).toISOString();

function freezeUntil(to: string, environment = 'prod'): FreezeWindow {
  return {
    id: 'freeze',
    title: 'Freeze',
    from: inMs(-60_000),
    to,
    environments: [environment],
    actions: null,
  };
}

describe('an approved request in a freeze', () => {
  it('is held, says so, and is executed once when the freeze ends', async () => {
    const to = inMs(8_000);
    await withPolicy(
      stack.keyturnDb,
      (policy) => ({ ...policy, freezes: [freezeUntil(to)] }),
      async () => {
        const id = await desk.ask();
        await desk.decide(id, 'olga');
        const [held] = await waitForLeaves(stack, id, { type: 'request.held' });
        expect(held?.facts).toMatchObject({ why: 'freeze', until: to });
        expect(worker.target.effects).not.toContain(id);
        expect((await desk.row(id))['status']).toBe('approved');
        await stack.waitForStatus(id, 'succeeded');
        expect(new Date().toISOString() >= to).toBe(true);
        expect(worker.target.effects.filter((effect) => effect === id)).toHaveLength(1);
        expect((await desk.row(id))['held_until']).toBeNull();
      },
    );
  });

  it('goes back to people when its approval grows too old meanwhile, and says only once that it is held', async () => {
    const ageMs = 4_000;
    const briefly = changeRequirement('usual', (requirement) => ({ ...requirement, maximum_age_ms: ageMs }));
    const to = inMs(600_000);
    const change: PolicyChange = (policy) => ({ ...briefly(policy), freezes: [freezeUntil(to)] });
    await withPolicy(stack.keyturnDb, change, async () => {
      const id = await desk.ask();
      await desk.decide(id, 'olga');
      const staleMs = Date.now() + ageMs;
      await waitForLeaves(stack, id, { type: 'request.held' });
      await wake(id, 2);
      expect((await courseOf(stack, id)).filter((type) => type === 'request.held')).toHaveLength(1);
      await waitFor({
        what: 'the approval to grow old',
        check: () => Promise.resolve(Date.now() > staleMs ? true : undefined),
      });
      await wake(id, 3);
      await waitForLeaves(stack, id, { type: 'request.approval_stale' });
      expect(await stack.waitForStatus(id, 'pending')).toMatchObject({ round: 2 });
      expect(worker.target.effects).not.toContain(id);
    });
  });

  /** Junk that looks like an envelope makes a held request look whether it may start, for the nth time. */
  async function wake(id: string, looks: number): Promise<void> {
    await desk.signal(id, 'eyJ.a.b');
    await waitFor({
      what: `look ${looks} whether it may start`,
      check: async () => {
        const { rowCount } = await stack.keyturnDb.query(
          `select 1 from keyturn.evaluation where request = $1 and phase = 'execution'`,
          [id],
        );
        return (rowCount ?? 0) >= looks ? true : undefined;
      },
    });
  }

  it('can be withdrawn while it is held', async () => {
    await withPolicy(
      stack.keyturnDb,
      (policy) => ({ ...policy, freezes: [freezeUntil(inMs(600_000))] }),
      async () => {
        const id = await desk.ask();
        await desk.decide(id, 'olga');
        await waitForLeaves(stack, id, { type: 'request.held' });
        await desk.signal(id, await desk.withdrawal(id, 'ada'), 'withdraw');
        await stack.waitForStatus(id, 'cancelled');
        expect(worker.target.effects).not.toContain(id);
      },
    );
  });
});

describe('a start window', () => {
  it('holds what is approved too early', async () => {
    const not_before = inMs(6_000);
    const id = await desk.ask({ extra: { start: { not_before, not_after: null } } });
    await desk.decide(id, 'olga');
    const [held] = await waitForLeaves(stack, id, { type: 'request.held' });
    expect(held?.facts).toMatchObject({ why: 'start_window', until: not_before });
    await stack.waitForStatus(id, 'succeeded');
    expect(new Date().toISOString() >= not_before).toBe(true);
  });

  it('that ends while people are asked lets the request expire, and not earlier', async () => {
    const start = { not_before: null, not_after: inMs(5_000) };
    const id = await desk.ask({ extra: { start } }, ['pending', 'expired']);
    const row = await stack.waitForStatus(id, 'expired');
    expect(row).toMatchObject({ round: 1, expires_at: new Date(start.not_after), open_selectors: [] });
    const [expired] = await waitForLeaves(stack, id, { type: 'request.expired' });
    expect(expired?.facts).toEqual({ round: 1 });
    expect(Date.parse(expired?.at ?? '')).toBeGreaterThanOrEqual(Date.parse(start.not_after));
    await expect(stack.temporal.workflow.getHandle(id).result()).resolves.toBe('expired');
  });

  it('that ended before people could be asked lets the request expire at once', async () => {
    const not_after = inMs(1);
    const id = await desk.ask({ extra: { start: { not_before: null, not_after } } }, 'expired');
    expect((await desk.row(id))['expires_at']).toEqual(new Date(not_after));
    expect(await courseOf(stack, id)).not.toContain('execution.claimed');
  });

  it('that is over denies what policy allows too late, and nothing happens', async () => {
    const start = { not_before: null, not_after: inMs(1) };
    const id = await desk.ask({ target: 'shop-sandbox', extra: { start } }, 'denied');
    const row = await stack.waitForStatus(id, 'denied');
    expect(row).toMatchObject({ denied_by: 'policy', failure: { code: 'start_window_over' } });
    expect(worker.target.effects).not.toContain(id);
    expect(await courseOf(stack, id)).not.toContain('execution.claimed');
  });

  it('that ends during a freeze denies what is held by it, without waiting for the end of the freeze', async () => {
    const change: PolicyChange = (policy) => ({ ...policy, freezes: [freezeUntil(inMs(600_000))] });
    await withPolicy(stack.keyturnDb, change, async () => {
      const start = { not_before: null, not_after: inMs(10_000) };
      const id = await desk.ask({ extra: { start } });
      // When people were asked: in time, however slow the machine is.
      const request = (await desk.row(id))['pending_since'] as Date;
      await desk.decide(id, 'olga', { issued_at: request.toISOString() });
      const row = await stack.waitForStatus(id, 'denied');
      expect(row).toMatchObject({ denied_by: 'policy', failure: { code: 'start_window_over' } });
      expect(worker.target.effects).not.toContain(id);
    });
  });
});
