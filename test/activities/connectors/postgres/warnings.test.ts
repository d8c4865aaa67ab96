import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createPostgresConnector } from '../../../../activities/connectors/postgres/postgres-connector.ts';
import { startTargetDatabase, type TargetDatabase } from './target-database.ts';

let bank: TargetDatabase;
const connector = createPostgresConnector();

beforeAll(async () => {
  bank = await startTargetDatabase();
  await bank.admin.query(ELSEWHERE.replaceAll('WRITER', bank.statementRole));
});

afterAll(async () => {
  await bank.stop();
});

const ELSEWHERE = `
  create function tell(bigint) returns void language plpgsql as $$
    begin update card set number = 'told' where id = $1; perform pg_notify('heard', 'x'); end $$;
  create function doubled(bigint) returns bigint language sql immutable as $$ select 2 * $1 $$;
  create view telling as select 1 as n where public.tell(2) is not null;
  create foreign data wrapper nowhere;
  create server far_away foreign data wrapper nowhere;
  create foreign table far (id int, name text) server far_away;
  create view far_view as select * from far;
  create table far_parent (id int, name text);
  create foreign table far_child () inherits (far_parent) server far_away;
  create table far_parted (id int, name text) partition by list (id);
  create foreign table far_part partition of far_parted for values in (1) server far_away;
  grant select, insert, update, delete on telling, far, far_view, far_parent, far_child, far_parted, far_part to WRITER;`;

describe('what acts outside of tables', () => {
  const listed = { allowed_functions: ['public.tell', 'public.doubled'] };

  it('is warned of where a listed function may do it, and what the function writes is shown as its own', async () => {
    const outcome = await connector.plan(bank.call('select tell(1)', listed));
    expect(outcome).toMatchObject({
      plan: {
        effects: [{ resource: 'public.card', updated: 1, cause: 'function' }],
        warnings: [expect.stringContaining('such effects are not seen')],
      },
    });
    expect(outcome).not.toMatchObject({ plan: { summary: expect.stringContaining('trigger') } });
  });

  it('is warned of where a view calls such a function', async () => {
    const statement = "update keyless set a = 'x' where exists (select n from telling)";
    expect(await connector.plan(bank.call(statement, listed))).toMatchObject({
      plan: {
        effects: [{ resource: 'public.card', updated: 1, cause: 'function' }],
        warnings: [expect.stringContaining('such effects are not seen')],
      },
    });
  });

  it('names every column whose value only execution makes', async () => {
    const names = Array.from({ length: 14 }, (_, index) => `at_${index}`);
    await bank.admin.query(`create table timed (${names.map((name) => `${name} timestamptz`).join(', ')});
      grant insert on timed to ${bank.statementRole}; grant select on timed to ${bank.observerRole}`);
    const hours = names.map((_, index) => `now() + interval '${index + 1} hours'`).join(', ');
    const outcome = await connector.plan(bank.call(`insert into timed values (${hours})`));
    const told = outcome.kind === 'planned' ? outcome.plan.warnings.join(' ') : outcome.detail;
    expect(names.filter((name) => !told.includes(`timed.${name} is fixed when executed`))).toEqual([]);
  });

  it('is not warned of where a function only computes', async () => {
    const outcome = await connector.plan(bank.call('select doubled(1)', listed));
    expect(outcome).toMatchObject({ plan: { warnings: [] } });
  });

  it.each(
    ['far', 'far_view', 'far_parent', 'far_child', 'far_parted', 'far_part'].flatMap((table) => [
      `insert into ${table} values (1, 'x')`,
      `update ${table} set name = 'x' where id = 1`,
      `delete from ${table} where id = 1`,
      `with gone as (delete from ${table} where id = 1 returning id) select * from gone`,
    ]),
  )('is refused where a foreign table is written: %s', async (statement) => {
    expect(await connector.plan(bank.call(statement))).toMatchObject({
      kind: 'refused',
      code: 'not_previewable',
    });
  });
});

describe('a plan', () => {
  it.each([
    ["update card set number = 'x'", 1],
    ['delete from card', 1],
    ["update card set number = 'x' where true", 1],
    ["update card set number = 'x' where 1 = 1", 1],
    ['with gone as (delete from card returning id) select count(*) from gone', 1],
    ["with a as (update card set number = 'x' returning id) insert into keyless select 'a', id from a", 1],
    ["merge into card using (values (1)) v(id) on true when matched then update set number = 'y'", 1],
    ["update card set number = 'x' where id = 1", 0],
    ["update card set number = 'x' where exists (select from account where account.id = card.id)", 0],
  ])('warns of a forgotten WHERE, wherever it is missing: %s', async (statement, count) => {
    const outcome = await connector.plan(bank.call(statement));
    const warnings = outcome.kind === 'planned' ? outcome.plan.warnings : [];
    expect(warnings.filter((warning) => warning.includes('every row'))).toHaveLength(count);
  });
});

describe('rows that move between partitions', () => {
  it.each([
    ['moves out 1 row of public.north', "update compass set side = 'south' where id = 1"],
    ['deletes 1 row of public.north', 'with d as (delete from compass where id = 1) update other set n = 2'],
    [
      'inserts 1 row of public.south',
      "with i as (insert into compass values (9, 'south')) update other set n = 2",
    ],
  ])('are told from others: %s', async (words, statement) => {
    await bank.admin.query(`
      drop table if exists compass, other;
      create table compass (id int, side text) partition by list (side);
      create table north partition of compass for values in ('north');
      create table south partition of compass for values in ('south');
      create table other (n int); insert into other values (1); insert into compass values (1, 'north');
      grant select, insert, update, delete on compass, other to ${bank.statementRole};
      grant select on compass, north, south, other to ${bank.observerRole}`);
    const outcome = await connector.plan(bank.call(statement));
    expect(outcome).toMatchObject({ kind: 'planned' });
    expect(JSON.stringify(outcome).toLowerCase()).toContain(words);
  });
});
