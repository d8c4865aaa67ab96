import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { createPostgresConnector } from '../../../../activities/connectors/postgres/postgres-connector.ts';
import type { JsonValue } from '../../../../domain/crypto/canonical-json.ts';
import { startTargetDatabase, type TargetDatabase } from './target-database.ts';

let bank: TargetDatabase;
let login: string;
const connector = createPostgresConnector();

beforeAll(async () => {
  bank = await startTargetDatabase();
  login = new URL(bank.loginUrl).username;
  await bank.admin.query(`
    create table unread (id int primary key, at text);
    grant insert on unread to ${bank.statementRole};`);
});

afterEach(async () => {
  await bank.admin.query(`alter role ${login} reset all`);
});

afterAll(async () => {
  await bank.stop();
});

type Connection = Readonly<Record<string, JsonValue>>;

async function executedAfter(statement: string, connection: Connection, change: string): Promise<string[]> {
  const outcome = await connector.plan(bank.call(statement, connection));
  if (outcome.kind === 'refused') throw new Error(`${outcome.code}: ${outcome.detail}`);
  const approved = { ...bank.approved(outcome.plan), target: bank.target(connection) };
  await bank.admin.query(`alter role ${login} ${change}`);
  const changed = await connector.execute(approved);
  await bank.admin.query(`alter role ${login} reset all`);
  const again = { ...approved, idempotencyKey: `${approved.idempotencyKey}-again` };
  return [changed.kind, changed.kind === 'succeeded' ? 'succeeded' : (await connector.execute(again)).kind];
}

const LISTED = { allowed_functions: ['public.log_account'] };

describe('settings that values depend on are part of what is approved', () => {
  it.each<[string, string, Connection]>([
    ['a column is fixed when it runs', 'update card set number = now()::text where id = 1', LISTED],
    ['nobody may read the rows', "insert into unread values (1, '2026-01-01'::timestamptz::text)", LISTED],
    [
      'rows are only counted',
      "update account set note = '2026-01-01'::timestamptz::text where id = 2",
      { ...LISTED, planning: { rehearse: 'count' } },
    ],
    [
      'nothing is tried out',
      "update account set note = '2026-01-01'::timestamptz::text where id = 3",
      { ...LISTED, planning: { rehearse: 'none' } },
    ],
    [
      'triggers are not known',
      "update account set balance = 1, note = '2026-01-01'::timestamptz::text where id = 4",
      { allowed_functions: [] },
    ],
  ])('where %s', async (_what, statement, connection) => {
    const kinds = await executedAfter(statement, connection, "set TimeZone = 'Asia/Tokyo'");
    expect(kinds).toEqual(['drifted', 'succeeded']);
  });

  it.each([
    ["set DateStyle = 'German'"],
    ["set IntervalStyle = 'sql_standard'"],
    ['set bytea_output = escape'],
    ["set lc_monetary = 'POSIX'"],
    ["set app.tenant = 'other'"],
  ])('whichever it is: %s', async (change) => {
    const statement = 'update card set number = now()::text where id = 5';
    expect(await executedAfter(statement, LISTED, change)).toEqual(['drifted', 'succeeded']);
  });

  it.each([
    [
      'the whole effect is bound',
      "update account set note = 'plain' where id = 6",
      "set TimeZone = 'Asia/Tokyo'",
    ],
    [
      'only speed depends on them',
      'update card set number = now()::text where id = 2',
      "set work_mem = '1MB'",
    ],
  ])('and not where %s', async (_what, statement, change) => {
    expect(await executedAfter(statement, LISTED, change)).toEqual(['succeeded', 'succeeded']);
  });
});
