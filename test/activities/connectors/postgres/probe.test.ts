import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net';

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { createPostgresConnector } from '../../../../activities/connectors/postgres/postgres-connector.ts';
import type { ApprovedCall } from '../../../../activities/connectors/connector.ts';
import type { JsonValue } from '../../../../domain/crypto/canonical-json.ts';
import { startTargetDatabase, type TargetDatabase } from './target-database.ts';

let bank: TargetDatabase;
const connector = createPostgresConnector({ probeTimeoutMs: 20_000 });
const impatient = createPostgresConnector({
  probeTimeoutMs: 200,
  lockTimeoutMs: 200,
  statementTimeoutMs: 1_000,
});

beforeAll(async () => {
  bank = await startTargetDatabase();
});

afterAll(async () => {
  await bank.stop();
});

const STATEMENT = 'update account set balance = balance + 1 where id = 1';

async function approved(
  more: Partial<ApprovedCall>,
  connection: Readonly<Record<string, JsonValue>> = {},
): Promise<ApprovedCall> {
  const outcome = await connector.plan(bank.call(STATEMENT, connection));
  if (outcome.kind === 'refused') throw new Error(outcome.detail);
  return { ...bank.approved(outcome.plan, more), target: bank.target(connection) };
}

async function balance(): Promise<number> {
  const [row] = await bank.rows<{ balance: string }>('select balance from account where id = 1');
  return Number(row?.balance);
}

/** A run that stands between its statement and its commit until it is let go. */
async function heldRun(): Promise<{ call: ApprovedCall; outcome: Promise<unknown>; letGo: () => void }> {
  let letGo = (): void => undefined;
  let arrived = (): void => undefined;
  const isHeld = new Promise<void>((resolve) => (arrived = resolve));
  const isFree = new Promise<void>((resolve) => (letGo = resolve));
  const call = await approved({
    beforeCommit: () => {
      arrived();
      return isFree;
    },
  });
  const outcome = connector.execute(call).catch((error: unknown) => error);
  await isHeld;
  return { call, outcome, letGo };
}

describe('a probe', () => {
  it('finds a committed run done', async () => {
    const call = await approved({});
    await connector.execute(call);
    expect(await connector.probe({ ...call, transactionId: null })).toBe('done');
  });

  it('closes a run that never was, so that it can never commit any more', async () => {
    const call = await approved({});
    const before = await balance();
    expect(await connector.probe({ ...call, transactionId: null })).toBe('not_done');
    expect(await connector.execute(call)).toMatchObject({ kind: 'failed', code: 'fenced' });
    expect(await connector.probe({ ...call, transactionId: null })).toBe('not_done');
    expect(await balance()).toBe(before);
  });

  it('waits for an orphaned backend that commits after all, and finds it done', async () => {
    const before = await balance();
    const { call, outcome, letGo } = await heldRun();
    const probe = connector.probe({ ...call, transactionId: null });
    await vi.waitFor(async () => expect(await waiters()).toBe(1), { timeout: 10_000 });
    letGo();
    expect(await probe).toBe('done');
    expect(await outcome).toMatchObject({ kind: 'succeeded' });
    expect(await balance()).toBe(before + 1);
  });

  it('waits for an orphaned backend that is ended, and closes its run', async () => {
    const before = await balance();
    const { call, outcome, letGo } = await heldRun();
    const probe = connector.probe({ ...call, transactionId: null });
    await vi.waitFor(async () => expect(await waiters()).toBe(1), { timeout: 10_000 });
    await bank.rows(`select pg_terminate_backend(pid) from pg_stat_activity
                      where datname = current_database() and application_name = 'keyturn req_test' and state = 'idle in transaction'`);
    expect(await probe).toBe('not_done');
    letGo();
    expect(await outcome).toMatchObject({ code: 'unavailable' });
    expect(await balance()).toBe(before);
  });

  it('does not know while an orphaned backend lives on for longer than it may wait', async () => {
    const { call, outcome, letGo } = await heldRun();
    expect(await impatient.probe({ ...call, transactionId: null })).toBe('unknown');
    // Nor is a second run of it, which has to wait as well, certain of anything.
    await expect(impatient.execute(call)).rejects.toMatchObject({ code: 'unavailable' });
    letGo();
    await outcome;
    expect(await impatient.probe({ ...call, transactionId: null })).toBe('done');
  });

  it('finds a run done whose commit was answered into a dead connection', async () => {
    const proxy = await startProxy(bank.adminUrl);
    const url = new URL(bank.loginUrl);
    url.port = String(proxy.port);
    process.env['KEYTURN_TARGET_TEST_PROXY'] = url.href;
    const before = await balance();
    const call = await approved(
      { beforeCommit: async () => proxy.swallowAnswers() },
      { url: 'env:KEYTURN_TARGET_TEST_PROXY' },
    );
    await expect(connector.execute(call)).rejects.toMatchObject({ code: 'unavailable' });
    expect(await connector.probe({ ...call, target: bank.target(), transactionId: null })).toBe('done');
    expect(await balance()).toBe(before + 1);
    await proxy.stop();
  });

  it('is thrown when the target cannot be reached', async () => {
    process.env['KEYTURN_TARGET_TEST_NOWHERE'] = 'postgres://me@127.0.0.1:1/nowhere';
    const call = { ...(await approved({})), target: bank.target({ url: 'env:KEYTURN_TARGET_TEST_NOWHERE' }) };
    await expect(connector.probe({ ...call, transactionId: null })).rejects.toMatchObject({
      code: 'unavailable',
    });
  });
});

describe('a probe of a target without a ledger', () => {
  it('asks the target for the transaction', async () => {
    let transactionId = '';
    const beforeCommit: ApprovedCall['beforeCommit'] = async (evidence) => {
      ({ transactionId } = evidence);
      expect(await connector.probe({ ...call, transactionId })).toBe('unknown');
    };
    const call = await approved({ beforeCommit }, { ledger: false });
    expect(await connector.execute(call)).toMatchObject({ kind: 'succeeded' });
    expect(await connector.probe({ ...call, transactionId })).toBe('done');
  });

  it('finds an aborted run not done, and does not know of one without a recorded transaction', async () => {
    let transactionId = '';
    const call = await approved(
      {
        beforeCommit: (evidence) => {
          ({ transactionId } = evidence);
          return Promise.reject(new Error('stop'));
        },
      },
      { ledger: false },
    );
    await expect(connector.execute(call)).rejects.toThrow();
    await vi.waitFor(async () => expect(await connector.probe({ ...call, transactionId })).toBe('not_done'));
    expect(await connector.probe({ ...call, transactionId: null })).toBe('unknown');
    expect(await connector.probe({ ...call, transactionId: '999999999999' })).toBe('unknown');
    expect(await connector.probe({ ...call, transactionId: 'junk' })).toBe('unknown');
  });
});

async function waiters(): Promise<number> {
  const rows = await bank.rows(
    `select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`,
  );
  return rows.length;
}

interface Proxy {
  readonly port: number;
  /** From now on the target gets everything, and what it answers is lost together with the connection. */
  swallowAnswers(): void;
  stop(): Promise<void>;
}

async function startProxy(target: string): Promise<Proxy> {
  const sockets = new Set<Socket>();
  let isSwallowing = false;
  const server: Server = createServer((near) => {
    const far = connect(Number(new URL(target).port), new URL(target).hostname);
    for (const socket of [near, far]) sockets.add(socket.on('error', () => undefined));
    near.on('data', (chunk) => far.write(chunk)).on('close', () => far.end());
    far.on('close', () => near.destroy());
    far.on('data', (chunk) => {
      if (isSwallowing && chunk.includes('COMMIT')) near.destroy();
      else near.write(chunk);
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    swallowAnswers: () => void (isSwallowing = true),
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => void server.close(resolve));
    },
  };
}
