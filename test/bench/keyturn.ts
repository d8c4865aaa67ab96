import { randomUUID } from 'node:crypto';

import { Client, Pool } from 'pg';

import type { Stack } from '../stack/stack.ts';
import type { Subject } from './subject.ts';

/** The product as a subject of measurement: its real API and worker, a real plan and execution at a real target. */
export async function startKeyturn(stack: Stack): Promise<Subject> {
  const agent = await stack.issuer.agentToken('agent-billing');
  const reviewer = await stack.issuer.humanToken('olga');
  const changes = await listen(stack);
  let created = 0;
  return {
    name: 'Keyturn',
    pids: [...stack.apis, ...stack.workers].map((program) => program.pid()),
    workerPid: stack.workers[0]?.pid() ?? 0,
    create: async () => {
      created += 1;
      // Rows of its own, so that no request drifts because of another one.
      const statement = `insert into purchase (account_id, placed_at, item, total, status)
        values (${(created % 100) + 1_001}, '2026-11-01', 'bench ${created}', 1, 'placed')`;
      const body = { action: 'postgres.execute', target: 'shop', arguments: { statement } };
      const headers = { 'idempotency-key': randomUUID(), prefer: 'wait=0' };
      const { status, body: answer } = await stack.request<{ id: string }>(agent, body, headers);
      if (status !== 201 && status !== 202)
        throw new Error(`Create answered ${status}: ${JSON.stringify(answer)}`);
      return answer.id;
    },
    waitPending: (id) => changes.wait(id, ['pending']),
    decide: async (id) => {
      const { status, body } = await stack.decide(reviewer, id);
      if (status !== 200 && status !== 202)
        throw new Error(`Decide answered ${status}: ${JSON.stringify(body)}`);
    },
    waitExecuted: (id) => changes.wait(id, ['succeeded']),
    stop: () => changes.stop(),
  };
}

interface Changes {
  wait(id: string, statuses: readonly string[]): Promise<void>;
  stop(): Promise<void>;
}

/** Waits on the product's own notifications, as its API does. */
async function listen(stack: Stack): Promise<Changes> {
  const client = new Client({ connectionString: stack.databases.keyturn.admin });
  await client.connect();
  const waiters = new Map<string, () => void>();
  client.on('notification', ({ payload }) => waiters.get(payload ?? '')?.());
  await client.query('listen keyturn_change');
  const pool = new Pool({ connectionString: stack.databases.keyturn.admin, max: 8 });
  const rowOf = async (id: string): Promise<{ status: string; failure: unknown } | undefined> => {
    const { rows } = await pool.query<{ status: string; failure: unknown }>(
      'select status, failure from keyturn.request where id = $1',
      [id],
    );
    return rows[0];
  };
  return {
    wait: async (id, statuses) => {
      for (;;) {
        const changed = new Promise<void>((resolve) => {
          waiters.set(id, resolve);
          // A lost notification must not hold the measurement for ever.
          setTimeout(resolve, 500).unref();
        });
        const row = await rowOf(id);
        if (row && statuses.includes(row.status)) break;
        if (row?.status === 'failed') throw new Error(`${id} failed: ${JSON.stringify(row.failure)}`);
        await changed;
      }
      waiters.delete(id);
    },
    stop: async () => {
      await pool.end();
      await client.end();
    },
  };
}
