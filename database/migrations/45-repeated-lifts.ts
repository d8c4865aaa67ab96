import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * A word to lift a kill switch may be sent again by whoever does not know whether it arrived. The call that brought it is
 * kept with it, as a keyed digest of its Idempotency-Key and of what it said.
 */
export class RepeatedLifts1765110000000 implements MigrationInterface {
  readonly name = 'RepeatedLifts1765110000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [COLUMN, LIFT]) await runner.query(statement);
  }

  async down(): Promise<void> {
    throw new Error('The migration of repeated lifts cannot be undone.');
  }
}

const COLUMN = 'alter table keyturn.kill_switch_lift add column call text check (length(call) <= 100)';

const LIFT = `
  create or replace function keyturn.confirm_kill_switch_lift(lift jsonb, entries jsonb, subjects jsonb)
  returns void language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
  declare people int;
  begin
    update keyturn.kill_switch_state set generation = generation + 1;
    if not found then raise exception 'the state of kill switches is missing'; end if;
    perform 1 from keyturn.kill_switch where id = lift ->> 'switch' and lifted_at is null for update;
    if not found then raise exception 'there is no such kill switch that is on'; end if;
    if keyturn.is_stopped_by(lift ->> 'person', lift ->> 'switch') then
      raise exception 'nobody lifts a kill switch on themselves or their agents' using errcode = 'KT003';
    end if;
    insert into keyturn.kill_switch_lift (switch, person, at, call)
      values (lift ->> 'switch', lift ->> 'person', (lift ->> 'at')::timestamptz, lift ->> 'call');
    perform keyturn.append_switch_leaf(entries -> 0, 'switch.lift_confirmed', lift ->> 'switch', subjects);
    perform keyturn.require_operator(lift ->> 'person', entries -> 0);
    if jsonb_array_length(entries) = 1 then return; end if;
    if jsonb_array_length(entries) <> 2 then raise exception 'lifting has two entries'; end if;
    select count(*) into people from keyturn.kill_switch_lift word
      where word.switch = lift ->> 'switch' and keyturn.is_operator(word.person)
        and not keyturn.is_stopped_by(word.person, word.switch);
    if people < 2 then
      raise exception 'two different people lift a kill switch' using errcode = 'KT003';
    end if;
    perform keyturn.append_switch_leaf(entries -> 1, 'switch.lifted', lift ->> 'switch', subjects);
    perform keyturn.require_operator(lift ->> 'person', entries -> 1);
    update keyturn.kill_switch set lifted_at = (lift ->> 'at')::timestamptz where id = lift ->> 'switch';
  end $$`;
