import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { PolicySet } from '../../domain/policy/policy.ts';
import { startStack, type Stack } from '../stack/stack.ts';
import { waitFor } from '../stack/wait.ts';
import { startLocalWorker, type LocalWorker } from './local-worker.ts';
import { changeRequirement, withPolicy } from './policies.ts';
import { Desk, type Ask } from './signed.ts';

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

/** Up to 1,000 rows in a day pass, for all agents of the same owner together; what is beyond is reviewed. */
function counted(policy: PolicySet, id = 'rows'): PolicySet {
  const action = ['postgres.execute'];
  return {
    ...policy,
    windows: [{ id, action, over_ms: 86_400_000, per: ['lineage', 'target'], sum: 'plan.rows' }],
    rules: policy.rules.map((rule) =>
      rule.id === 'sandbox' ? { ...rule, when: `windows.${id}.sum <= 1000` } : rule,
    ),
  };
}

const agents: readonly Ask[] = [
  { requester: 'agent-billing' },
  { requester: 'agent-assistant', lineage: [] },
];

async function statusesOf(ids: readonly string[]): Promise<Record<string, number>> {
  return waitFor({
    what: 'every request to be executed or to wait for people',
    withinMs: 100_000,
    check: async () => {
      const { rows } = await stack.keyturnDb.query<{ status: string; count: string }>(
        'select status, count(*) from keyturn.request where id = any($1) group by 1',
        [ids],
      );
      const counts = Object.fromEntries(rows.map(({ status, count }) => [status, Number(count)]));
      const settled = (counts['succeeded'] ?? 0) + (counts['pending'] ?? 0);
      return settled === ids.length ? counts : undefined;
    },
  });
}

function hence(ms: number): string {
  return new Date(Date.now() + ms).toISOString();
}

const REQUESTS = 64;

/** Breaks the connections of the worker in the middle of its work, a few times: what was under way is tried again. */
async function breakConnections(ids: readonly string[]): Promise<void> {
  for (const reserved of [5, 15, 30]) {
    await waitFor({
      what: `${reserved} requests to be counted`,
      withinMs: 60_000,
      check: async () => {
        const { rows } = await stack.keyturnDb.query<{ count: string }>(
          'select count(*) from keyturn.window_reservation where request = any($1)',
          [ids],
        );
        return Number(rows[0]?.count) >= reserved ? true : undefined;
      },
    });
    await stack.keyturnDb.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where application_name = 'local-worker' and datname = current_database()`,
    );
  }
}

describe('a counting window', () => {
  it('lets exactly as much pass as it says, however many ask at once, by however many agents, and however often a worker tries again', async () => {
    await withPolicy(stack.keyturnDb, counted, async () => {
      const asks = Array.from({ length: REQUESTS }, (_, index) => ({
        ...agents[index % 2],
        target: 'shop-sandbox',
        statement: 'rows 100',
      }));
      const signed = await Promise.all(asks.map((ask) => desk.signRequest(ask)));
      await Promise.all(signed.map((request) => desk.start(request)));
      const ids = signed.map(({ id }) => id);
      await breakConnections(ids);
      expect(await statusesOf(ids)).toEqual({ succeeded: 10, pending: REQUESTS - 10 });
      expect(worker.target.effects.filter((effect) => ids.includes(effect))).toHaveLength(10);
      await givesBack(ids);
    });
  });

  it('counts what waits however long ago it was asked for, and what was executed by when that was', async () => {
    await withPolicy(
      stack.keyturnDb,
      (policy) => counted(policy, 'waiting'),
      async () => {
        const days = 3 * 86_400_000;
        const start = { not_before: hence(3_600_000), not_after: hence(days) };
        const waiting = await desk.ask(
          { target: 'shop-sandbox', statement: 'rows 600', extra: { start } },
          'approved',
        );
        const executed = await desk.ask({ target: 'shop-sandbox', statement: 'rows 400' }, 'succeeded');
        await age([waiting, executed], days);
        // The one that waits, 600, and this one: what was executed three days ago is out of the window.
        await desk.ask({ target: 'shop-sandbox', statement: 'rows 400' }, 'succeeded');
        await desk.ask({ target: 'shop-sandbox', statement: 'rows 1' }, 'pending');
        await desk.signal(waiting, await desk.withdrawal(waiting, 'ada'), 'withdraw');
        await stack.waitForStatus(waiting, 'cancelled');
        await desk.ask({ target: 'shop-sandbox', statement: 'rows 599' }, 'succeeded');
      },
    );
  });

  /** As if these had been asked for, and executed, some time ago. */
  async function age(ids: readonly string[], ms: number): Promise<void> {
    await stack.keyturnDb.query(
      `with runs as (
         update keyturn.execution set claimed_at = claimed_at - $2 * interval '1 millisecond' where request = any($1))
       update keyturn.window_reservation set at = at - $2 * interval '1 millisecond',
         claimed_at = claimed_at - $2 * interval '1 millisecond' where request = any($1)`,
      [ids, ms],
    );
  }

  it('gives back what did nothing, however it ended, and keeps what was executed', async () => {
    const soon = changeRequirement('usual', (requirement) => ({ ...requirement, expires_ms: 3_000 }));
    await withPolicy(
      stack.keyturnDb,
      (policy) => soon(counted(policy, 'others')),
      async () => {
        const denied = await desk.ask();
        await desk.decide(denied, 'olga', { verdict: 'deny' });
        const ends = {
          denied,
          expired: await desk.ask(),
          failed: await desk.ask({ target: 'shop-sandbox', statement: 'fail' }, 'failed'),
          succeeded: await desk.ask({ target: 'shop-sandbox', statement: 'rows 2' }, 'succeeded'),
        };
        for (const [status, id] of Object.entries(ends)) await stack.waitForStatus(id, status);
        const { rows } = await stack.keyturnDb.query<{ request: string }>(
          'select request from keyturn.window_reservation where request = any($1) and released_at is null',
          [Object.values(ends)],
        );
        expect(rows.map(({ request }) => request)).toEqual([ends.succeeded]);
      },
    );
  });

  /** What is withdrawn did nothing: its amount is free for the next one. */
  async function givesBack(ids: readonly string[]): Promise<void> {
    const { rows } = await stack.keyturnDb.query<{ id: string }>(
      `select id from keyturn.request where id = any($1) and status = 'pending'`,
      [ids],
    );
    for (const { id } of rows) await desk.signal(id, await desk.withdrawal(id, 'ada'), 'withdraw');
    for (const { id } of rows) await stack.waitForStatus(id, 'cancelled');
    const { rows: held } = await stack.keyturnDb.query<{ sum: string }>(
      'select sum(amount) from keyturn.window_reservation where released_at is null and request = any($1)',
      [ids],
    );
    expect(Number(held[0]?.sum)).toBe(1_000);
    const next = await desk.ask({ target: 'shop-sandbox', statement: 'rows 1' });
    expect((await desk.row(next))['status']).toBe('pending');
  }
});
