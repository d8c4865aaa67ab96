import { Client } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { createDatabases } from '../stack/databases.ts';
import { takeNumber } from '../stack/temporal.ts';

let admin: Client;
let worker: Client;
let api: Client;
beforeAll(async () => {
  const { keyturn } = await createDatabases(`counted_windows_${takeNumber()}`);
  admin = await connect(keyturn.admin);
  worker = await connect(keyturn.worker);
  api = await connect(keyturn.api);
});
afterAll(async () => {
  await Promise.all([admin.end(), worker.end(), api.end()]);
});
beforeEach(async () => {
  await admin.query('delete from keyturn.window_reservation');
  await admin.query('delete from keyturn.execution');
  await admin.query('delete from keyturn.request');
});

async function connect(connectionString: string): Promise<Client> {
  const client = new Client({ connectionString });
  await client.connect();
  return client;
}

const COLUMNS = {
  envelope: 'e',
  action: 'a',
  schema_version: 1,
  target: 't',
  environment: 'e',
  mode: 'execute',
  intent_digest: 'd',
  lineage: '[]',
  requester_issuer: 'i',
  requester_subject: 's',
  creation_policy_digest: 'd',
  run_id: 'run',
  created_at: '2026-01-01',
  updated_at: '2026-01-01',
};

function insertion(table: string, row: Record<string, unknown>): [string, unknown[]] {
  const names = Object.keys(row);
  const parameters = names.map((_name, index) => `$${index + 1}`).join(', ');
  return [`insert into keyturn.${table} (${names.join(', ')}) values (${parameters})`, Object.values(row)];
}

async function inTransaction(client: Client, statements: readonly string[]): Promise<void> {
  await client.query('begin');
  try {
    for (const statement of statements) await client.query(statement);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback');
    throw error;
  }
}

async function reserve(request: string, key = 'k', amount = 1): Promise<{ count: string; sum: string }> {
  const { rows } = await worker.query<{ count: string; sum: string }>(
    `select count, sum from keyturn.reserve_window('w', $2, $1, $3, '2001-01-01', '2026-01-01')`,
    [request, key, amount],
  );
  if (!rows[0]) throw new Error('nothing was counted');
  return rows[0];
}

/** A request with what it reserved, and with its claim where it has one. */
async function store(status: string, claim: 'claimed' | 'succeeded' | null = null): Promise<void> {
  await admin.query(...insertion('request', { ...COLUMNS, id: 'one', status: 'executing' }));
  await reserve('one');
  if (claim !== null) {
    const run = { request: 'one', attempt: 1, idempotency_key: 'k', decision_digest: 'd' };
    await admin.query(...insertion('execution', { ...run, state: claim, claimed_at: '2026-01-02' }));
    await worker.query(`update keyturn.window_reservation set claimed_at = '2026-01-02'`);
  }
  if (status !== 'executing') await admin.query('update keyturn.request set status = $1', [status]);
}

const WAYS = [
  "released_at = '2026-01-03'",
  "claimed_at = '2001-01-01'",
  "claimed_at = '-infinity'",
  'amount = 0',
  "key = 'other'",
  "at = '2001-01-01'",
] as const;

describe('what counts in a window, for the role of the worker', () => {
  it.each([
    ['pending', null],
    ['approved', null],
    ['executing', 'claimed'],
    ['succeeded', 'succeeded'],
    ['indeterminate', 'succeeded'],
  ] as const)('is not taken out of the count while the request is %s', async (status, claim) => {
    await store(status, claim);
    const before = await admin.query('select * from keyturn.window_reservation');
    for (const way of WAYS)
      await expect(worker.query(`update keyturn.window_reservation set ${way}`), way).rejects.toThrow(
        /^(what was executed, or may be, counts|permission denied)/,
      );
    await expect(worker.query('delete from keyturn.window_reservation')).rejects.toThrow('permission denied');
    expect((await admin.query('select * from keyturn.window_reservation')).rows).toEqual(before.rows);
  });

  it.each([
    ['executing', 'claimed'],
    ['succeeded', 'succeeded'],
    ['indeterminate', 'succeeded'],
  ] as const)('is not moved to another key, or to no date, once it is %s', async (status, claim) => {
    await store(status, claim);
    await expect(reserve('one', 'other')).rejects.toThrow('counts as it did');
    await expect(worker.query('update keyturn.window_reservation set claimed_at = null')).rejects.toThrow(
      'what was executed, or may be, counts',
    );
  });

  it('is put there by functions alone', async () => {
    const row = { window_id: 'w', key: 'k', request: 'one', amount: 1, at: '2026-01-01' };
    await expect(worker.query(...insertion('window_reservation', row))).rejects.toThrow('permission denied');
  });

  it('is not of an answer on the spot either', async () => {
    await api.query(`select keyturn.reserve_window_at_once('w', 'k', 'answer', 1, 1000)`);
    for (const way of [...WAYS, 'claimed_at = null'])
      await expect(worker.query(`update keyturn.window_reservation set ${way}`), way).rejects.toThrow(
        /^(what was executed, or may be, counts|permission denied)/,
      );
  });

  it('is given back by what ends in the same transaction without being executed', async () => {
    await store('approved');
    await inTransaction(worker, [
      "update keyturn.window_reservation set released_at = '2026-01-03'",
      "update keyturn.request set status = 'expired'",
    ]);
    expect(await reserve('two')).toEqual({ count: '1', sum: '1' });
  });

  it('is open again once a claim is closed and nothing happened', async () => {
    await store('executing', 'claimed');
    await inTransaction(worker, [
      "update keyturn.execution set state = 'not_done'",
      'update keyturn.window_reservation set claimed_at = null',
    ]);
    expect(await reserve('one')).toEqual({ count: '1', sum: '1' });
  });
});

describe('what was reserved beforehand', () => {
  it('by another key comes after those that count already', async () => {
    await reserve('early', 'other', 7);
    await reserve('two');
    expect(await reserve('early')).toEqual({ count: '2', sum: '8' });
  });

  it('on the spot comes after those that count already', async () => {
    await api.query(`select keyturn.reserve_window_at_once('w', 'k', 'early', 1, 1000)`);
    await reserve('two');
    expect(await reserve('early')).toEqual({ count: '2', sum: '2' });
  });
});

it('amounts beyond all bounds leave a count that can be shown', async () => {
  const most = '9223372036854775807';
  for (const id of ['a', 'b', 'c'])
    await api.query(`select keyturn.reserve_window_at_once('w', 'k', $1, $2, 86400000)`, [id, most]);
  expect(await reserve('one')).toEqual({ count: '4', sum: String(Number.MAX_SAFE_INTEGER) });
});
