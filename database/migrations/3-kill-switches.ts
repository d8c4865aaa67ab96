import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Kill switches, written through functions only: none is thrown or lifted without its audit entry. */
export class KillSwitches1764200000000 implements MigrationInterface {
  readonly name = 'KillSwitches1764200000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...TABLES, LOCK, APPEND, THROW, CONFIRM_LIFT, ...GRANTS])
      await runner.query(statement);
  }

  /** What was stopped must not run again because of a step back. */
  async down(): Promise<void> {
    throw new Error('The migration of kill switches cannot be undone: it would lift them all.');
  }
}

const TABLES = [
  `create table keyturn.kill_switch (
     id text primary key,
     scope_kind text not null check (scope_kind in ('agent', 'action', 'target', 'all')),
     scope_value text, account jsonb, reason text not null,
     thrown_by text not null, thrown_at timestamptz not null, lifted_at timestamptz,
     check ((scope_kind = 'all') = (scope_value is null)))`,
  `create index kill_switch_on on keyturn.kill_switch (thrown_at, id) where lifted_at is null`,
  `create table keyturn.kill_switch_lift (
     switch text not null references keyturn.kill_switch, person text not null,
     at timestamptz not null, primary key (switch, person))`,
  // One row: the claim of an execution takes it FOR SHARE, throwing and lifting exclusively.
  `create table keyturn.kill_switch_state (
     singleton boolean primary key default true check (singleton), generation bigint not null)`,
  `insert into keyturn.kill_switch_state (generation) values (0)`,
];

/**
 * Waits for claims that are being made, holds back those that come, and gives the last entry of the log. Called before
 * the caller looks at the clock: so no claim that came first is dated after the switch.
 */
const LOCK = `
  create function keyturn.lock_kill_switches()
  returns text language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
  begin
    perform 1 from keyturn.kill_switch_state for update;
    if not found then raise exception 'the state of kill switches is missing'; end if;
    return (select entry.leaf from audit.entry
      where entry.request = 'switches' and entry.run_id = 'switches' order by entry.n desc limit 1);
  end $$`;

/**
 * The caller writes the text of an entry, so the functions check what kind it is, what it is about and that it follows
 * from the last one: whoever has the role of the API can record nothing else this way.
 */
const APPEND = `
  create function keyturn.append_switch_leaf(entry jsonb, kind text, switch text, subjects jsonb)
  returns void language plpgsql set search_path = pg_catalog, pg_temp as $$
  declare
    leaf text := entry ->> 'leaf';
    body jsonb := leaf::jsonb;
    last_n int; last_leaf text;
  begin
    select audit.entry.n, audit.entry.leaf into last_n, last_leaf from audit.entry
      where audit.entry.request = 'switches' and audit.entry.run_id = 'switches'
      order by audit.entry.n desc limit 1;
    if body -> 'stream' is distinct from '{"request": "switches", "run": "switches"}'::jsonb
      or body ->> 'type' is distinct from kind
      or body -> 'facts' ->> 'switch' is distinct from switch
      or body -> 'actor' ->> 'kind' is distinct from 'person'
      or (body ->> 'n')::int is distinct from coalesce(last_n + 1, 0)
      or body ->> 'prev' is distinct from
        'sha256:' || encode(sha256(convert_to(last_leaf, 'UTF8')), 'hex') then
      raise exception 'not the next entry about this kill switch';
    end if;
    insert into audit.entry (leaf) values (leaf);
    insert into audit.payload (event_id, part, salt, body)
      select body ->> 'id', part.key, part.value ->> 'salt', part.value ->> 'body'
      from jsonb_each(entry -> 'parts') as part;
    insert into audit.subject (pseudonym, body)
      select known.key, known.value from jsonb_each(subjects) as known on conflict do nothing;
  end $$`;

/** Locks by itself as well: it does not rely on its caller. */
const THROW = `
  create function keyturn.throw_kill_switch(thrown jsonb, entries jsonb, subjects jsonb)
  returns void language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
  begin
    update keyturn.kill_switch_state set generation = generation + 1;
    if not found then raise exception 'the state of kill switches is missing'; end if;
    if jsonb_array_length(entries) <> 1 then raise exception 'throwing has one entry'; end if;
    insert into keyturn.kill_switch
      (id, scope_kind, scope_value, account, reason, thrown_by, thrown_at)
      values (thrown ->> 'id', thrown -> 'scope' ->> 'kind', thrown -> 'scope' ->> 'value',
        nullif(thrown -> 'account', 'null'::jsonb), thrown ->> 'reason', thrown ->> 'thrown_by',
        (thrown ->> 'thrown_at')::timestamptz);
    perform keyturn.append_switch_leaf(entries -> 0, 'switch.thrown', thrown ->> 'id', subjects);
  end $$`;

/** Two entries mean that this word lifts. Then there must be two people; the caller may ask for more, never for fewer. */
const CONFIRM_LIFT = `
  create function keyturn.confirm_kill_switch_lift(lift jsonb, entries jsonb, subjects jsonb)
  returns void language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
  declare people int;
  begin
    update keyturn.kill_switch_state set generation = generation + 1;
    if not found then raise exception 'the state of kill switches is missing'; end if;
    perform 1 from keyturn.kill_switch where id = lift ->> 'switch' and lifted_at is null for update;
    if not found then raise exception 'there is no such kill switch that is on'; end if;
    insert into keyturn.kill_switch_lift (switch, person, at)
      values (lift ->> 'switch', lift ->> 'person', (lift ->> 'at')::timestamptz);
    perform keyturn.append_switch_leaf(entries -> 0, 'switch.lift_confirmed', lift ->> 'switch', subjects);
    if jsonb_array_length(entries) = 1 then return; end if;
    select count(*) into people from keyturn.kill_switch_lift
      where keyturn.kill_switch_lift.switch = lift ->> 'switch';
    if people < 2 or jsonb_array_length(entries) <> 2 then
      raise exception 'two different people lift a kill switch';
    end if;
    perform keyturn.append_switch_leaf(entries -> 1, 'switch.lifted', lift ->> 'switch', subjects);
    update keyturn.kill_switch set lifted_at = (lift ->> 'at')::timestamptz where id = lift ->> 'switch';
  end $$`;

const GRANTS = [
  `revoke execute on function keyturn.lock_kill_switches, keyturn.append_switch_leaf,
     keyturn.throw_kill_switch, keyturn.confirm_kill_switch_lift from public`,
  `grant execute on function keyturn.lock_kill_switches, keyturn.throw_kill_switch,
     keyturn.confirm_kill_switch_lift to keyturn_api`,
  `grant select on keyturn.kill_switch, keyturn.kill_switch_lift, keyturn.kill_switch_state
     to keyturn_worker, keyturn_api`,
  // Without some UPDATE there is no FOR SHARE. This one column can only be true.
  `grant update (singleton) on keyturn.kill_switch_state to keyturn_worker`,
];
