import { randomUUID } from 'node:crypto';

import { Client, Pool } from 'pg';

import type { Reply } from '../stack/http.ts';
import type { Stack } from '../stack/stack.ts';
import { waitFor } from '../stack/wait.ts';
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
      const statement = benchStatement(created);
      const body = { action: 'postgres.execute', target: 'shop', arguments: { statement } };
      const headers = { 'idempotency-key': randomUUID(), prefer: 'wait=0' };
      return (await answered(() => stack.request<{ id: string }>(agent, body, headers))).id;
    },
    waitPending: async (id) => void (await changes.wait(id, ['pending'])),
    decide: async (id) => {
      const digest = await changes.digest(id);
      await answered(() => stack.decide(reviewer, id, { decision_digest: digest }));
    },
    waitExecuted: async (id) => void (await changes.wait(id, ['succeeded'])),
    stop: () => changes.stop(),
  };
}

/** What a request asks for: a row of its own, so that none drifts because of another one. */
export function benchStatement(number: number): string {
  return `insert into purchase (account_id, placed_at, item, total, status)
    values (${(number % 100) + 1_001}, '2026-11-01', 'bench ${number}', 1, 'placed')`;
}

/** As a client has to: while the answer is "not now", the same call again. It counts as one call that took longer. */
function answered<T>(call: () => Promise<Reply<T>>): Promise<T> {
  let isRepeated = false;
  return waitFor({
    what: 'an answer other than "not now"',
    check: async () => {
      const { status, body } = await call();
      // The decision before counts after all, and a second one is refused.
      if (status < 300 || (isRepeated && status === 409)) return body;
      isRepeated = true;
      if (status === 503) return undefined;
      throw new Error(`Answered ${status}: ${JSON.stringify(body)}`);
    },
  });
}

/** How rows of requests change. */
export interface Changes {
  /** The decision digest that a request has now. */
  digest(id: string): Promise<string>;
  /** Resolves when a request has one of these statuses. Answers which. */
  wait(id: string, statuses: readonly string[]): Promise<string>;
  stop(): Promise<void>;
}

/** A request that does not get on within this is an answer too, and not a measurement that stands still. */
const STUCK_MS = 120_000;

interface Row {
  readonly status: string;
  readonly failure: unknown;
  readonly decision_digest: string | null;
}

/** Waits on the product's own notifications, as its API does. Gives a request up that does not get on for so long. */
export async function listen(stack: Stack, stuckMs = STUCK_MS): Promise<Changes> {
  const client = new Client({ connectionString: stack.databases.keyturn.admin });
  await client.connect();
  const waiters = new Map<string, () => void>();
  client.on('notification', ({ payload }) => waiters.get(payload ?? '')?.());
  await client.query('listen keyturn_change');
  const pool = new Pool({ connectionString: stack.databases.keyturn.admin, max: 8 });
  const rowOf = async (id: string): Promise<Row | undefined> => {
    const sql = 'select status, failure, decision_digest from keyturn.request where id = $1';
    return (await pool.query<Row>(sql, [id])).rows[0];
  };
  return {
    digest: async (id) => (await rowOf(id))?.decision_digest ?? '',
    wait: async (id, statuses) => {
      const until = Date.now() + stuckMs;
      for (;;) {
        const changed = new Promise<void>((resolve) => {
          waiters.set(id, resolve);
          // A lost notification must not hold the measurement for ever.
          setTimeout(resolve, 500).unref();
        });
        const row = await rowOf(id);
        if (row && statuses.includes(row.status)) {
          waiters.delete(id);
          return row.status;
        }
        if (row?.status === 'failed' || Date.now() > until)
          throw new Error(`${id} is not ${statuses.join(' or ')}: ${JSON.stringify(row)}`);
        await changed;
      }
    },
    stop: async () => {
      await pool.end();
      await client.end();
    },
  };
}
