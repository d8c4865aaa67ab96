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

  it('is never said to be nothing, nor to be undone, where a function is called that only acts elsewhere', async () => {
    await bank.admin.query(`create function tells() returns void language plpgsql as
      $$ begin perform pg_notify('heard', 'paid'); end $$`);
    const outcome = await connector.plan(
      bank.call('select public.tells()', { allowed_functions: ['public.tells'] }),
    );
    expect(outcome).toMatchObject({
      plan: {
        summary: expect.stringMatching(/^Changes no table; .* is not in this plan\.$/),
        reversal: { is_possible: false },
        risk_facts: { is_reversible: false },
      },
    });
  });

  it('is warned of where a listed trigger function may do it, by its name, and not where it only computes', async () => {
    await bank.admin.query(`
      create function telling_trigger() returns trigger language plpgsql as $$
        begin perform pg_notify('heard', new.number); return new; end $$;
      create function still_trigger() returns trigger language plpgsql stable as $$ begin return new; end $$;
      create trigger tells before update on card for each row execute function telling_trigger();
      create trigger stays before insert on card for each row execute function still_trigger();`);
    const all = {
      allowed_functions: ['public.telling_trigger', 'public.still_trigger', 'public.log_account'],
    };
    const warned = async (statement: string): Promise<unknown> => {
      const outcome = await connector.plan(bank.call(statement, all));
      return outcome.kind === 'planned' ? outcome.plan.warnings : outcome;
    };
    const shown = expect.stringMatching(
      /^Triggers call public\.telling_trigger, which .* such effects are not seen/,
    );
    try {
      expect(await warned("update card set number = 'x' where id = 1")).toEqual([shown]);
      expect(await warned("insert into card values (100, 1, 'x')")).toEqual([]);
      expect(await warned('delete from card where id = 1')).toEqual([]);
    } finally {
      await bank.admin.query('drop trigger tells on card; drop trigger stays on card');
    }
  });

  it.each([
    ['a row that is left out', 'before insert', 'row', "insert into rung values (9, 'x')", true],
    ['a row that is kept', 'before update', 'row', "update rung set v = 'x' where id = 1", true],
    ['a row that is not deleted', 'before delete', 'row', 'delete from rung where id = 1', true],
    ['the statement, before it', 'before update', 'statement', "update rung set v = 'x' where id < 0", true],
    ['the statement, after it', 'after delete', 'statement', 'delete from rung where id < 0', true],
    ['a row that ends as it was', 'after update', 'row', 'update rung set v = v where id = 1', true],
    ['a row of a view', 'instead of update', 'row', "update rung_view set v = 'x' where id = 1", true],
    ['no row', 'after update', 'row', "update rung set v = 'x' where id < 0", false],
    ['another operation', 'before delete', 'row', "update rung set v = 'x' where id < 0", false],
    ['a cascade that does not happen', 'before delete', 'row', 'delete from bell where id < 0', false],
  ])(
    'is never said to be nothing where a listed trigger may act: on %s',
    async (...[, event, level, statement, mayAct]) => {
      const relation = event.startsWith('instead') ? 'rung_view' : 'rung';
      await bank.admin.query(`
        drop table if exists bell, rung cascade;
        create table bell (id int primary key);
        create table rung (id int primary key references bell on delete cascade, v text);
        create view rung_view as select id, v from rung;
        insert into bell values (1), (9); insert into rung values (1, 'a');
        create or replace function ring() returns trigger language plpgsql as
          $$ begin perform pg_notify('heard', 'x'); return null; end $$;
        create trigger rings ${event} on ${relation} for each ${level} execute function ring();
        grant select, insert, update, delete on bell, rung, rung_view to ${bank.statementRole};
        grant select on bell, rung to ${bank.observerRole}`);
      const listed = { allowed_functions: ['public.ring'] };
      const outcome = await connector.plan(bank.call(statement, listed));
      const shown = mayAct ? /^Changes no table; .* is not in this plan\.$/ : /^Changes nothing\.$/;
      expect(outcome).toMatchObject({
        plan: {
          effects: [],
          summary: expect.stringMatching(shown),
          reversal: { is_possible: !mayAct },
          risk_facts: { is_reversible: !mayAct },
        },
      });
      if (outcome.kind !== 'planned') return;
      const approved = bank.approved(outcome.plan, { target: bank.target(listed) });
      expect(await connector.execute(approved)).toMatchObject({ kind: 'succeeded' });
    },
  );

  it('was not approved as nothing where a trigger is put there afterwards', async () => {
    await bank.admin.query(`
      drop table if exists bell, rung cascade; create table rung (id int primary key, v text);
      create or replace function ring() returns trigger language plpgsql as
        $$ begin perform pg_notify('heard', 'x'); return null; end $$;
      grant select, update on rung to ${bank.statementRole}; grant select on rung to ${bank.observerRole}`);
    const listed = { allowed_functions: ['public.ring'] };
    const outcome = await connector.plan(bank.call("update rung set v = 'x' where id = 1", listed));
    if (outcome.kind !== 'planned') throw new Error(outcome.detail);
    await bank.admin.query('create trigger rings after update on rung execute function ring()');
    const approved = bank.approved(outcome.plan, { target: bank.target(listed) });
    expect(await connector.execute(approved)).toMatchObject({ kind: 'drifted' });
  });

  it('names every column whose value only execution makes', async () => {
    const names = Array.from({ length: 14 }, (_, index) => `at_${index}`);
    await bank.admin.query(`create table timed (${names.map((name) => `${name} timestamptz`).join(', ')});
      grant insert on timed to ${bank.statementRole}; grant select on timed to ${bank.observerRole}`);
    const hours = names.map((_, index) => `now() + interval '${index + 1} hours'`).join(', ');
    const outcome = await connector.plan(bank.call(`insert into timed values (${hours})`));
    const shown = outcome.kind === 'planned' ? outcome.plan.warnings.join(' ') : outcome.detail;
    expect(names.filter((name) => !shown.includes(`timed.${name} is fixed when executed`))).toEqual([]);
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
    ['merge into card using (values (1)) v(id) on false when not matched by source then delete', 1],
    ['delete from card using account where account.id = 5', 1],
    ["update card set number = 'x' where exists (select from account)", 1],
    ["update card set number = 'x' where exists (select * from account)", 1],
    ["update card set number = 'x' where (select true)", 1],
    ["update card set number = 'x' where length('a') = 1", 1],
    ["update card set number = 'x' where id = 1", 0],
    ["update card c set number = 'x' where c.id = 1", 0],
    ["merge into card using (values (1)) v(id) on false when not matched then insert values (9, 1, 'x')", 0],
    ["update card set number = 'x' where exists (select from account where account.id = card.id)", 0],
  ])('warns of a forgotten WHERE, wherever it is missing: %s', async (statement, count) => {
    const outcome = await connector.plan(bank.call(statement));
    if (outcome.kind !== 'planned') throw new Error(`${statement}: ${outcome.detail}`);
    expect(outcome.plan.warnings.filter((warning) => warning.includes('every row'))).toHaveLength(count);
  });
});

describe('a condition that every row answers alike', () => {
  it.each([
    ['true', 'always true'],
    ["'t'::boolean", 'always true'],
    ['1 = 1', 'always true'],
    ['1 < 2', 'always true'],
    ["'a' = 'a'", 'always true'],
    ['not false', 'always true'],
    ['true or number is null', 'always true'],
    ['number is null or not (1 = 2)', 'always true'],
    ['true and not null::boolean is not null', 'always true'],
    ['(false is not true)', 'always true'],
    ['null is null', 'always true'],
    ['false', null],
    ['null', null],
    ['null::boolean', null],
    ["'off'::boolean", null],
    ['1 = 0', null],
    ['1 <> 1', null],
    ['not true', null],
    ['not null::boolean', null],
    ['null and true', null],
    ['false and number is null', null],
    ['number is null and 1 > 2', null],
    ['true is false', null],
    ["'on' = 'off'", 'no column'],
    ["'yes'", 'no column'],
    ['1.0 = 1', 'no column'],
    ['coalesce(false, true)', 'no column'],
    ['now() is not null', 'no column'],
    ['false or now() is not null', 'no column'],
    ['NOT many times', 'no column'],
    ['number is null', null],
    ['number = number or false', null],
  ])('is recognized by what it answers: %s', async (written, shown) => {
    const condition = written === 'NOT many times' ? `${'not '.repeat(400)} true` : written;
    const outcome = await connector.plan(bank.call(`delete from card where ${condition}`));
    if (outcome.kind !== 'planned') throw new Error(JSON.stringify(outcome));
    const said = outcome.plan.warnings.filter((warning) => warning.includes('every row'));
    expect(said).toEqual(shown === null ? [] : [expect.stringContaining(shown)]);
    const [{ n } = { n: '' }] = await bank.rows<{ n: string }>(
      `select count(*) as n from card where ${condition}`,
    );
    const deleted = outcome.plan.effects.find(({ resource }) => resource === 'public.card')?.deleted ?? 0;
    expect(deleted).toBe(Number(n));
    if (shown === 'always true') expect(deleted).toBe(5);
    if (said.length === 0 && !condition.includes('number')) expect(deleted).toBe(0);
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
  ])('are distinguished from others: %s', async (words, statement) => {
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
