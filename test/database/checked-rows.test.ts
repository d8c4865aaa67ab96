import { Client } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { createDatabases } from '../stack/databases.ts';
import { takeNumber } from '../stack/temporal.ts';

let admin: Client;
let worker: Client;
let api: Client;
beforeAll(async () => {
  const { keyturn } = await createDatabases(`checked_rows_${takeNumber()}`);
  admin = await connect(keyturn.admin);
  worker = await connect(keyturn.worker);
  api = await connect(keyturn.api);
});
afterAll(async () => {
  await Promise.all([admin.end(), worker.end(), api.end()]);
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

async function store(id: string, status: string): Promise<void> {
  const row: Record<string, unknown> = { ...COLUMNS, id, status };
  const names = Object.keys(row);
  await admin.query(
    `insert into keyturn.request (${names.join(', ')}) values (${names.map((_name, index) => `$${index + 1}`).join(', ')})`,
    Object.values(row),
  );
}

beforeEach(async () => {
  await admin.query('truncate keyturn.request, keyturn.kept_message cascade');
});

describe("a request's row, for the worker's role", () => {
  it.each([
    "status = 'weird'",
    "updated_at = 'infinity'",
    "expires_at = '-infinity'",
    "pending_since = '20000-01-01'",
    "held_until = 'infinity'",
    "risk_reasons = '5'",
    "matched_rules = '{}'",
    "shortage = '7'",
    "requirement = '{}'",
    `requirement = '{"rules": 5}'`,
  ])('is not made unreadable: %s', async (change) => {
    await store('req_1', 'pending');
    await expect(worker.query(`update keyturn.request set ${change}`)).rejects.toMatchObject({
      code: '23514',
    });
  });
});

describe('keeping a message', () => {
  const id = `dec_${'a'.repeat(26)}`;
  async function keep(request: string, envelope: string): Promise<boolean | undefined> {
    const text = 'select keyturn.keep_message($1, $2, $3, $4) as kept';
    const { rows } = await api.query<{ kept: boolean }>(text, [id, request, 'decide', envelope]);
    return rows[0]?.kept;
  }

  it('is notified only of this very message, however often', async () => {
    expect(await keep('req_1', 'signed')).toBe(true);
    expect(await keep('req_1', 'signed')).toBe(true);
    expect(await keep('req_1', 'another')).toBe(false);
    expect(await keep('req_2', 'signed')).toBe(false);
  });

  it('is refused where no person could have signed so much', async () => {
    expect(await keep('req_1', 'x'.repeat(65_537))).toBe(false);
  });
});
