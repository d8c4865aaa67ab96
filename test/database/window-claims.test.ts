import { afterAll, beforeAll, expect, it } from 'vitest';
import type { DataSource } from 'typeorm';

import { createDataSource } from '../../database/data-source.ts';
import { WindowClaims1764810000000 } from '../../database/migrations/14-window-claims.ts';
import { createDatabases } from '../stack/databases.ts';
import { takeNumber } from '../stack/temporal.ts';

let owner: DataSource;
beforeAll(async () => {
  const { keyturn } = await createDatabases(`window_claims_${takeNumber()}`);
  owner = await createDataSource({ url: keyturn.admin, applicationName: 'test' }).initialize();
});
afterAll(async () => {
  await owner.destroy();
});

const BEFORE = [
  'drop trigger window_reservation_counts on keyturn.window_reservation',
  'drop function keyturn.reserve_window_at_once',
  'drop index keyturn.window_reservation_by_key',
  'alter table keyturn.window_reservation drop column claimed_at',
  'create index window_reservation_by_key on keyturn.window_reservation (window_id, key, id)',
];

it('what was reserved before the upgrade counts by when it was performed, and whatever waits counts at any age', async () => {
  const runner = owner.createQueryRunner();
  try {
    await runner.startTransaction();
    // Only the rows that are looked at: what a whole request needs is no matter here.
    await runner.query('set local session_replication_role = replica');
    for (const table of ['request', 'execution'])
      await runner.query(`alter table keyturn.${table} ${await optional(table)}`);
    for (const statement of BEFORE) await runner.query(statement);
    await runner.query(`insert into keyturn.request (id, status)
      values ('performed', 'succeeded'), ('waiting', 'approved')`);
    await runner.query(
      `insert into keyturn.execution (request, attempt, claimed_at) values ('performed', 1, '2026-03-08')`,
    );
    await runner.query(`insert into keyturn.window_reservation (window_id, key, request, amount, at)
      select 'w', 'k', id, 1, '2026-03-01' from unnest(array['performed', 'waiting', 'on the spot']) as id`);
    await new WindowClaims1764810000000().up(runner);
    const rows: { request: string; day: string | null }[] = await runner.query(
      `select request, to_char(claimed_at, 'DD') as day from keyturn.window_reservation order by id`,
    );
    expect(rows).toEqual([
      { request: 'performed', day: '08' },
      { request: 'waiting', day: null },
      { request: 'on the spot', day: '01' },
    ]);
  } finally {
    await runner.rollbackTransaction();
    await runner.release();
  }
});

async function optional(table: string): Promise<string> {
  const columns: { name: string }[] = await owner.query(
    `select column_name as name from information_schema.columns where table_schema = 'keyturn' and table_name = $1
       and is_nullable = 'NO' and column_name not in ('id', 'request', 'attempt')`,
    [table],
  );
  return columns.map(({ name }) => `alter column "${name}" drop not null`).join(', ');
}
