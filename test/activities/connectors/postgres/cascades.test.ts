import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { createPostgresConnector } from '../../../../activities/connectors/postgres/postgres-connector.ts';
import type { Plan } from '../../../../domain/request/plan.ts';
import { startTargetDatabase, type TargetDatabase } from './target-database.ts';

let bank: TargetDatabase;
const connector = createPostgresConnector();

/** A trigger function that is on no list, and tables in which foreign keys act in every way. */
const SCHEMA = `
  create function unlisted() returns trigger language plpgsql as $$ begin return coalesce(new, old); end $$;
  create table parent (id int primary key, code text unique, n int default 0);
  create trigger parent_unlisted before update or delete on parent for each row execute function unlisted();
  create table child (id int primary key, parent_id int references parent on delete cascade);
  create table grandchild (id int primary key, child_id int references child on delete cascade);
  create table loosened (id int primary key, parent_id int references parent on delete set null);
  create table defaulted (id int primary key, parent_id int default null references parent on delete set default);
  create table named (id int primary key, code text references parent (code) on update cascade);
  create table tree (id int primary key, up int references tree on delete cascade);
  create trigger tree_unlisted after delete on tree for each row execute function unlisted();
  create table priced (id int primary key, net int, gross int generated always as (net * 2) stored unique);
  create trigger priced_unlisted before update on priced for each row execute function unlisted();
  create table offer (id int primary key, gross int references priced (gross) on update cascade);
  create table whole (id int primary key);
  create trigger whole_unlisted before delete on whole for each row execute function unlisted();
  create table split (id int primary key, whole_id int references whole on delete cascade) partition by range (id);
  create table split_low partition of split for values from (0) to (100);
  create table loose (id int primary key);
  create trigger loose_unlisted before delete on loose for each row execute function unlisted();
  create table claimed (id int primary key, loose_id int references loose on delete cascade not enforced);
  create table silent (id int primary key, loose_id int references loose on delete cascade);
  alter table loose disable trigger all; alter table loose enable trigger loose_unlisted;
  create function asked() returns boolean language plpgsql stable as
    $$ begin return current_query() !~* 'select tableoid'; end $$;
  create function empties() returns int language plpgsql volatile security definer as $$ begin delete from public.tree; return 1; end $$;
  create function empties_at(int, int) returns int language plpgsql volatile security definer as $$ begin delete from public.tree; return 1; end $$;
  create aggregate emptying(int) (sfunc = empties_at, stype = int);
  create table filled (id int primary key, n int default empties());
  create trigger filled_unlisted before insert on filled for each row execute function unlisted();
  create function rekey() returns trigger language plpgsql as $$ begin new.key := new.key + 1000; return new; end $$;
  create table rekeyed (id int primary key, key int unique, n int);
  create trigger rekeyed_unlisted before update on rekeyed for each row execute function rekey();
  create table follower (key int references rekeyed (key) on update cascade);
  insert into rekeyed values (1, 1); insert into follower values (1);
  create table pair (id int primary key, n int default 0);
  create function touch_all() returns trigger language plpgsql as $$ begin
    if pg_trigger_depth() = 1 then update public.pair set n = n + 1 where id <> new.id; end if; return null; end $$;
  create trigger touches_all after update on pair for each row execute function touch_all();`;

const DATA = `
  delete from silent; delete from claimed; delete from loose; truncate pair; insert into loose values (1); insert into pair values (1), (2);
  insert into claimed values (1, 1); insert into silent values (1, 1);
  truncate priced, offer, parent, child, grandchild, loosened, defaulted, named, tree, whole, split;
  insert into whole values (3);
  insert into priced values (1, 5); insert into offer values (1, 10), (2, 10);
  insert into parent select n, 'c' || n from generate_series(1, 10) n;
  insert into child select n, 1 + n % 2 from generate_series(1, 40) n;
  insert into grandchild select n, 1 + n % 40 from generate_series(1, 400) n;
  insert into loosened values (1, 1), (2, 1), (3, 5);
  insert into defaulted values (1, 1);
  insert into named values (1, 'c4'), (2, 'c5');
  insert into tree select n, nullif(n / 2, 0) from generate_series(1, 15) n;`;

beforeAll(async () => {
  bank = await startTargetDatabase();
  await bank.admin.query(`${SCHEMA}
    grant select, insert, update, delete on all tables in schema public to ${bank.statementRole};
    grant select on all tables in schema public to ${bank.observerRole};`);
});

beforeEach(async () => {
  await bank.admin.query(DATA);
});

afterAll(async () => {
  await bank.stop();
});

async function planned(statement: string): Promise<Plan> {
  const outcome = await connector.plan(bank.call(statement));
  if (outcome.kind === 'refused') throw new Error(`${outcome.code}: ${outcome.detail}`);
  return outcome.plan;
}

describe('what does not fire is in nobody’s way', () => {
  const SILENCED = `
    drop table if exists echo, quiet;
    create table quiet (id int primary key, at timestamptz);
    create table echo (id int primary key, quiet_id int references quiet on delete cascade on update cascade);
    create trigger echo_unlisted before delete or update on echo for each row execute function unlisted();
    insert into quiet values (1), (2);`;

  it.each([
    ['keys whose triggers are disabled', 'alter table quiet disable trigger all'],
    [
      'keys that are not enforced',
      'alter table echo drop constraint echo_quiet_id_fkey; ' +
        'alter table echo add foreign key (quiet_id) references quiet on delete cascade on update cascade not enforced',
    ],
    ['a trigger of replicas', 'alter table echo enable replica trigger echo_unlisted'],
  ])('nor makes a plan of counts: %s', async (_what, silencing) => {
    await bank.admin.query(`${SILENCED} ${silencing};
      grant select, insert, update, delete on quiet, echo to ${bank.statementRole};
      grant select on quiet, echo to ${bank.observerRole}`);
    for (const statement of ['delete from quiet where id = 1', 'update quiet set id = 3 where id = 2']) {
      const plan = await planned(statement);
      expect(plan.risk_facts.is_fully_previewed).toBe(true);
      expect(await connector.execute(bank.approved(plan))).toMatchObject({ kind: 'succeeded' });
    }
  });

  it('nor has a time refused that it could not change', async () => {
    await bank.admin.query(`${SILENCED} drop table echo;
      create trigger quiet_unlisted before update on quiet for each row execute function unlisted();
      alter table quiet enable replica trigger quiet_unlisted;
      grant select, update on quiet to ${bank.statementRole}; grant select on quiet to ${bank.observerRole}`);
    const plan = await planned("update quiet set at = date_trunc('day', now()) where id = 1");
    expect(plan.effects).toMatchObject([{ updated: 1, assigned_columns: ['at'] }]);
  });
});

describe('a statement that cannot be tried out', () => {
  it.each([
    [
      'delete from parent where id = 1',
      [
        ['parent', 0, 1],
        ['child', 0, 20],
        ['defaulted', 1, 0],
        ['grandchild', 0, 200],
        ['loosened', 2, 0],
      ],
    ],
    [
      "update parent set code = 'new' where id = 4",
      [
        ['parent', 1, 0],
        ['named', 1, 0],
      ],
    ],
    ['update parent set n = 1 where id = 1', [['parent', 1, 0]]],
    [
      'update priced set net = 6 where id = 1',
      [
        ['priced', 1, 0],
        ['offer', 2, 0],
      ],
    ],
    ['delete from tree where id = 2', [['tree', 0, 7]]],
    ['delete from loose where id = 1', [['loose', 0, 1]]],
    [
      'delete from tree where id = 8 or id = 9 -- the leaves\nreturning id, \'where\' as "returning" ;',
      [['tree', 0, 2]],
    ],
    ['update parent p set n = 1', [['parent', 10, 0]]],
  ] as const)('counts what foreign keys do: %s', async (statement, expected) => {
    const plan = await planned(statement);
    const counts = plan.effects.map(({ resource, updated, deleted }) => [
      resource.replace('public.', ''),
      updated,
      deleted,
    ]);
    const [own] = counts;
    expect(new Set(counts.map(String))).toEqual(new Set(expected.map(String)));
    expect(own?.[0]).toBe(expected[0][0]);
    const total = expected.reduce((sum, [, updated, deleted]) => sum + updated + deleted, 0);
    expect(plan.risk_facts).toMatchObject({
      rows_changed: total,
      is_fully_previewed: false,
      is_destructive: true,
    });
    expect(await connector.execute(bank.approved(plan))).toMatchObject({ kind: 'succeeded' });
  });

  it.each([
    [
      'another row that it selects',
      "update parent set id = 20 where id = 10; insert into parent values (10, 'x')",
    ],
    [
      'another row that goes with it',
      'update child set parent_id = 2 where id = 2; update child set parent_id = 1 where id = 1',
    ],
    ['another value in a row that goes with it', 'update loosened set id = 9 where id = 1'],
  ])('is bound to the very rows that it meets: %s', async (_what, between) => {
    const plan = await planned('delete from parent where id in (1, 10)');
    await bank.admin.query('alter table parent disable trigger user');
    await bank.admin.query(between);
    await bank.admin.query('alter table parent enable trigger user');
    const before = await bank.checksum();
    expect(await connector.execute(bank.approved(plan))).toMatchObject({ kind: 'drifted' });
    expect(await bank.checksum()).toBe(before);
  });

  it.each([
    [
      'the found row goes with another one',
      'delete from tree where id = case when asked() then 1 else 2 end',
    ],
    [
      'a trigger touches the found row',
      'update pair set n = 5 where id = case when asked() then 1 else 2 end',
    ],
    ['no row is left', 'update parent set n = 5 where id = 2 and not asked()'],
    ['more rows are left', 'delete from tree where id = 8 or (id = 9 and asked())'],
  ])(
    'changes no other rows than were found, where its condition answers otherwise: %s',
    async (name, statement) => {
      const listed = { allowed_functions: ['public.asked'] };
      const outcome = await connector.plan(bank.call(statement, listed));
      if (outcome.kind === 'refused') throw new Error(outcome.detail);
      const before = await bank.checksum();
      const approved = bank.approved(outcome.plan, { target: bank.target(listed) });
      if (name === 'more rows are left') {
        expect(await connector.execute(approved)).toMatchObject({ kind: 'succeeded' });
        expect(await bank.rows('select id from tree where id in (8, 9)')).toEqual([{ id: 9 }]);
        return;
      }
      expect(await connector.execute(approved)).toMatchObject({ kind: 'drifted' });
      expect(await bank.checksum()).toBe(before);
    },
  );

  it.each([
    ['update', 'update parent set n = empties() where id = 1', {}],
    ['update by an aggregate', 'update parent set n = (select emptying(id) from named) where id = 1', {}],
    ['insert', 'insert into filled values (77, empties())', {}],
    ['insert what it answers', 'insert into filled values (78, (select empties()))', {}],
    [
      'be counted',
      'update named set code = empties()::text where id = 1',
      { planning: { rehearse: 'count' } },
    ],
  ])('is refused where a listed function would write unseen: %s', async (_what, statement, more) => {
    const outcome = await connector.plan(
      bank.call(statement, { allowed_functions: ['public.empties', 'public.emptying'], ...more }),
    );
    expect(outcome).toMatchObject({
      kind: 'refused',
      code: 'not_previewable',
      detail: expect.stringContaining('what they do to tables would be in no plan'),
    });
  });

  it('says that what a default writes is in no plan, nor how many rows', async () => {
    const listed = { allowed_functions: ['public.empties'] };
    expect(await connector.plan(bank.call('insert into filled (id) values (1)', listed))).toMatchObject({
      plan: {
        warnings: expect.arrayContaining([expect.stringContaining('what they do to tables is in no plan')]),
        risk_facts: { rows_changed: Number.MAX_SAFE_INTEGER },
      },
    });
  });

  it('says that what refers to a key which a trigger changes is in no plan', async () => {
    const plan = await planned('update rekeyed set n = 1 where id = 1');
    expect(plan.warnings[0]).toContain('Where a trigger changes a key');
    expect(await connector.execute(bank.approved(plan))).toMatchObject({ kind: 'succeeded' });
    expect(await bank.rows('select key from follower')).toEqual([{ key: 1001 }]);
  });

  it('is refused where cascades reach what cannot be counted', async () => {
    await bank.admin.query('insert into split values (1, 3)');
    expect(await connector.plan(bank.call('delete from whole where id = 3'))).toMatchObject({
      kind: 'refused',
      code: 'not_previewable',
    });
  });

  it('shows the rows that would be deleted', async () => {
    const plan = await planned('delete from tree where id = 8');
    expect(plan.effects[0]?.rows).toEqual([{ key: 'id=8', before: { id: '8', up: '4' }, after: null }]);
  });
});
