import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Whoever a switch stops, or answers for the agent that it stops, does not lift it: by the directory of now and that of when
 * it was thrown. The function that lifts holds to that itself, whatever its caller looked at.
 */
export class LiftsOfOthers1765010000000 implements MigrationInterface {
  readonly name = 'LiftsOfOthers1765010000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [STOPPED, LIFT, REVOKE]) await runner.query(statement);
  }

  /** The earlier function let owners lift the switches of their agents. */
  async down(): Promise<void> {
    throw new Error('The migration of lifts cannot be undone: owners could lift switches on their agents.');
  }
}

const SAFE = `set search_path = pg_catalog, pg_temp`;

/** An open interval holds at infinity, and no other does: that is now. */
const STOPPED = `
  create function keyturn.is_stopped_by(wanted text, switch_id text) returns boolean language sql stable ${SAFE} as $$
    with stopping as (
      select scope_value, account ->> 'issuer' as issuer, account ->> 'subject' as subject, instant
        from keyturn.kill_switch, unnest(array[thrown_at, 'infinity']) as instant
        where id = switch_id and scope_kind = 'agent'),
    linked as (
      select known.*, stopping.instant, known.issuer = stopping.issuer and known.subject = stopping.subject as is_account,
             stopping.scope_value in (known.agent, known.issuer || ' ' || known.subject) as is_named
        from keyturn.account known, stopping
        where known.valid_from <= stopping.instant and coalesce(known.valid_to > stopping.instant, true))
    select exists (select from linked where linked.is_account and linked.person = wanted)
      or exists (
        select from linked join keyturn.agent_standing standing using (agent)
          where (linked.is_account or linked.is_named) and standing.owner = wanted
            and standing.valid_from <= linked.instant and coalesce(standing.valid_to > linked.instant, true))
  $$`;

const LIFT = `
  create or replace function keyturn.confirm_kill_switch_lift(lift jsonb, entries jsonb, subjects jsonb)
  returns void language plpgsql security definer ${SAFE} as $$
  declare people int;
  begin
    update keyturn.kill_switch_state set generation = generation + 1;
    if not found then raise exception 'the state of kill switches is missing'; end if;
    perform 1 from keyturn.kill_switch where id = lift ->> 'switch' and lifted_at is null for update;
    if not found then raise exception 'there is no such kill switch that is on'; end if;
    if keyturn.is_stopped_by(lift ->> 'person', lift ->> 'switch') then
      raise exception 'nobody lifts a kill switch on themselves or their agents' using errcode = 'KT003';
    end if;
    insert into keyturn.kill_switch_lift (switch, person, at)
      values (lift ->> 'switch', lift ->> 'person', (lift ->> 'at')::timestamptz);
    perform keyturn.append_switch_leaf(entries -> 0, 'switch.lift_confirmed', lift ->> 'switch', subjects);
    perform keyturn.require_operator(lift ->> 'person', entries -> 0);
    if jsonb_array_length(entries) = 1 then return; end if;
    select count(*) into people from keyturn.kill_switch_lift word
      where word.switch = lift ->> 'switch' and keyturn.is_operator(word.person)
        and not keyturn.is_stopped_by(word.person, word.switch);
    if people < 2 or jsonb_array_length(entries) <> 2 then
      raise exception 'two different people lift a kill switch';
    end if;
    perform keyturn.append_switch_leaf(entries -> 1, 'switch.lifted', lift ->> 'switch', subjects);
    perform keyturn.require_operator(lift ->> 'person', entries -> 1);
    update keyturn.kill_switch set lifted_at = (lift ->> 'at')::timestamptz where id = lift ->> 'switch';
  end $$`;

const REVOKE = `revoke execute on function keyturn.is_stopped_by from public`;
