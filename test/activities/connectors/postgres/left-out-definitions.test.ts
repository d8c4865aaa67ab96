import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createPostgresConnector } from '../../../../activities/connectors/postgres/postgres-connector.ts';
import type { Plan } from '../../../../domain/plan.ts';
import { startTargetDatabase, type TargetDatabase } from './target-database.ts';

let bank: TargetDatabase;
const connector = createPostgresConnector();

beforeAll(async () => {
  bank = await startTargetDatabase();
  await bank.admin.query(`
    create domain dated as timestamptz default now();
    create table bill (id int primary key, n int, at timestamp default localtimestamp, due date,
                       late timestamp generated always as (at + interval '1 hour') stored);
    create table fee (id int primary key, at timestamp default localtimestamp,
                      late timestamp generated always as (at + interval '1 hour') stored);
    create table pass (id int primary key, token uuid default gen_random_uuid(), since dated);
    create table step (id int primary key, val text);
    insert into step values (1, 'a'), (2, 'b');
    grant select, insert, update, delete on bill, fee, pass, step to ${bank.statementRole};
    grant select on bill, fee, pass, step to ${bank.observerRole};`);
});

afterAll(async () => {
  await bank.stop();
});

async function planned(statement: string): Promise<Plan> {
  const outcome = await connector.plan(bank.call(statement));
  if (outcome.kind === 'refused') throw new Error(`${outcome.code}: ${outcome.detail}`);
  return outcome.plan;
}

describe('what fills a column that a plan leaves out is part of what is approved', () => {
  it.each([
    [
      'a default',
      'insert into bill (id, n) values (1, 5)',
      "alter table bill alter at set default '2126-01-01'",
    ],
    [
      'a default that makes something up',
      'insert into pass (id) values (1)',
      "alter table pass alter token set default '00000000-0000-4000-8000-000000000000'",
    ],
    [
      'the default of a domain',
      'insert into pass (id) values (2)',
      "alter domain dated set default '2126-01-01'",
    ],
    [
      'an expression that a column is generated from',
      'insert into fee (id) values (3)',
      "alter table fee drop late; alter table fee add late timestamp generated always as (at + interval '1 year') stored",
    ],
  ])('%s', async (_what, statement, change) => {
    const plan = await planned(statement);
    expect(plan.effects[0]?.assigned_columns.length).toBeGreaterThan(0);
    await bank.admin.query(change);
    expect(await connector.execute(bank.approved(plan))).toMatchObject({ kind: 'drifted' });
    const again = bank.approved(await planned(statement));
    const own = { ...again, idempotencyKey: `${again.idempotencyKey}-again` };
    expect(await connector.execute(own)).toMatchObject({ kind: 'succeeded' });
  });

  it('and of other columns it is not', async () => {
    const plan = await planned('insert into bill (id, n) values (9, 5)');
    await bank.admin.query(
      'alter table bill alter n set default 7; alter table bill alter due set default null',
    );
    expect(await connector.execute(bank.approved(plan))).toMatchObject({ kind: 'succeeded' });
  });
});

describe('rows with new keys', () => {
  it('are shown each for itself where one looks like another was before', async () => {
    const plan = await planned("update step set id = id + 10, val = case val when 'a' then 'b' else 'x' end");
    const [effect] = plan.effects;
    expect(effect).toMatchObject({ updated: 2, inserted: 0, deleted: 0 });
    expect(effect?.rows.map(({ before, after }) => [before, after])).toEqual(
      expect.arrayContaining([
        [{ id: '1', val: 'a' }, null],
        [{ id: '2', val: 'b' }, null],
        [null, { id: '11', val: 'b' }],
        [null, { id: '12', val: 'x' }],
      ]),
    );
    expect(await connector.execute(bank.approved(plan))).toMatchObject({ kind: 'succeeded' });
  });
});
