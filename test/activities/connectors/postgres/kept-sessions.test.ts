import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createPostgresConnector } from '../../../../activities/connectors/postgres/postgres-connector.ts';
import { startTargetDatabase, type TargetDatabase } from './target-database.ts';

let bank: TargetDatabase;
const connector = createPostgresConnector();

const LOCK = 4_711;
const SEED = 0.25;

beforeAll(async () => {
  bank = await startTargetDatabase();
  await bank.admin.query(`
    create table leaving (id int primary key);
    create table seeing (id int primary key, setting text, is_seeded boolean, has_sequence boolean);
    create sequence counter;
    create table after_seed (value float8);
    create function leave() returns trigger language plpgsql security definer as $$
      begin
        perform setseed(${SEED}), set_config('app.left', 'something', false), pg_advisory_lock(${LOCK}), nextval('counter');
        return new;
      end $$;
    create trigger leaving_leaves before insert on leaving for each row execute function leave();
    create function see() returns trigger language plpgsql security definer as $$
      declare drawn float8 := random();
      begin
        new.setting := coalesce(current_setting('app.left', true), '');
        new.is_seeded := drawn in (select value from after_seed);
        begin
          new.has_sequence := lastval() is not null;
        exception when object_not_in_prerequisite_state then
          new.has_sequence := false;
        end;
        return new;
      end $$;
    create trigger seeing_sees before insert on seeing for each row execute function see();
    select setseed(${SEED});
    insert into after_seed select random() from generate_series(1, 20);
    grant insert, select on leaving, seeing to ${bank.statementRole};
    grant select on leaving, seeing to ${bank.observerRole};`);
});

afterAll(async () => {
  await bank.stop();
});

const CONNECTION = { allowed_functions: ['public.leave', 'public.see'] };

async function executed(statement: string): Promise<string> {
  const outcome = await connector.plan(bank.call(statement, CONNECTION));
  if (outcome.kind === 'refused') throw new Error(`${outcome.code}: ${outcome.detail}`);
  const approved = { ...bank.approved(outcome.plan), target: bank.target(CONNECTION) };
  return (await connector.execute(approved)).kind;
}

describe('sessions that statements run in one after another', () => {
  it('show no statement what an earlier one left behind: settings, the state of random(), sequences, locks', async () => {
    expect(await executed('insert into leaving values (1)')).toBe('succeeded');
    expect(await executed('insert into seeing values (1)')).toBe('succeeded');
    expect(await bank.rows('select * from seeing')).toEqual([
      { id: 1, setting: '', is_seeded: false, has_sequence: false },
    ]);
    const held = `select from pg_locks where locktype = 'advisory' and objid = ${LOCK}`;
    expect(await bank.rows(held)).toEqual([]);
  });

  it('count for each statement only what it did itself', async () => {
    const owners = await bank.rows<{ id: string }>('select id from account order by id limit 3');
    const [first, second, third] = owners.map(({ id }) => id);
    expect(await executed(`update account set note = 'a' where id in (${first}, ${second})`)).toBe(
      'succeeded',
    );
    const outcome = await connector.plan(bank.call(`update account set note = 'b' where id = ${third}`));
    expect(outcome).toMatchObject({ kind: 'planned', plan: { effects: [{ updated: 1 }] } });
  });
});
