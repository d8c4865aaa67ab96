import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';

import { createPostgresConnector } from '../../../../activities/connectors/postgres/postgres-connector.ts';
import type { Plan } from '../../../../domain/request/plan.ts';
import { startTargetDatabase, type TargetDatabase } from './target-database.ts';

let bank: TargetDatabase;
const connector = createPostgresConnector();

beforeAll(async () => {
  bank = await startTargetDatabase();
  await bank.admin.query(`
    create table large (id int primary key, v int);
    insert into large select n, 0 from generate_series(1, 100) n;
    create table parted (id int primary key, v int) partition by range (id);
    create table low partition of parted for values from (0) to (60);
    create table high partition of parted for values from (60) to (1000);
    insert into parted select n, 0 from generate_series(0, 99) n;
    create table shielded (id int primary key, v int); insert into shielded select n, 0 from generate_series(1, 50) n;
    alter table shielded enable row level security; create policy all_of_it on shielded using (true);
    grant select, insert, update, delete on large, parted, low, high, shielded to ${bank.statementRole};
    grant select on large, parted, low, high, shielded to ${bank.observerRole}`);
});

afterAll(async () => {
  await bank.stop();
});

afterEach(() => {
  vi.restoreAllMocks();
});

async function planned(statement: string): Promise<Plan> {
  const outcome = await connector.plan(bank.call(statement));
  if (outcome.kind !== 'planned') throw new Error(JSON.stringify(outcome));
  return outcome.plan;
}

/** How often whole tables have been counted since. */
function countingOf(): () => number {
  const query = vi.spyOn(Client.prototype, 'query');
  return () =>
    query.mock.calls.filter(([asked]: readonly unknown[]) => {
      const text = typeof asked === 'string' ? asked : (asked as { readonly text?: string }).text;
      return /count\(\*\)\s+from only/.test(text ?? '');
    }).length;
}

describe('the share of a table that changes', () => {
  it.each([
    [
      'update large set v = 1 where id <= 30',
      [['public.large', 100]],
      'Updates 30 of 100 rows of public.large (v).',
    ],
    ['delete from large where id <= 20', [['public.large', 100]], 'Deletes 20 of 100 rows of public.large.'],
    [
      'update large set v = 1 where id <= 19',
      [['public.large', undefined]],
      'Updates 19 rows of public.large (v).',
    ],
    // Rows that end as they were are no part of it.
    ['update large set v = 0 where id <= 50 or id = 7', [], 'Changes nothing.'],
    [
      'update parted set v = 1 where id < 65',
      [
        ['public.high', undefined],
        ['public.low', 60],
      ],
      'Updates 5 rows of public.high (v), and updates 60 of 60 rows of public.low (v).',
    ],
    // How many rows its policies let through is not how many there are.
    ['update shielded set v = 1', [['public.shielded', undefined]], null],
  ])('is of the rows before, where many change: %s', async (statement, shares, summary) => {
    const { effects, summary: said } = await planned(statement);
    expect(effects.map(({ resource, rows_before: before }) => [resource, before])).toEqual(shares);
    if (summary !== null) expect(said).toBe(summary);
  });

  it('is counted once for a plan, and never while an execution holds its locks', async () => {
    const counted = countingOf();
    const plan = await planned('update large set v = 2 where id > 40');
    expect(plan.effects).toMatchObject([{ updated: 60, rows_before: 100 }]);
    expect(counted()).toBe(1);
    await bank.admin.query('insert into large values (200, 0)');
    const outcome = await connector.execute(bank.approved(plan));
    await bank.admin.query('delete from large where id = 200');
    // A new row that the condition meets is drift.
    expect(outcome).toMatchObject({ kind: 'drifted' });
    expect(await connector.execute(bank.approved(plan))).toMatchObject({ kind: 'succeeded' });
    expect(counted()).toBe(1);
  });

  it('is not bound: other rows of the table may come and go', async () => {
    const plan = await planned('update large set v = 3 where id <= 25');
    await bank.admin.query('insert into large values (300, 0)');
    expect(await connector.execute(bank.approved(plan))).toMatchObject({ kind: 'succeeded' });
    expect(await planned('update large set v = 4 where id <= 25')).toMatchObject({
      effects: [{ rows_before: 101 }],
    });
  });
});
