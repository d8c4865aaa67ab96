import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What policy was asked with and what it said, and what counting windows hold. */
export class PolicyFacts1764300000000 implements MigrationInterface {
  readonly name = 'PolicyFacts1764300000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop function keyturn.reserve_window');
    await runner.query('drop table keyturn.window_reservation, keyturn.evaluation, keyturn.fact_set');
    await runner.query(
      `alter table keyturn.request drop column shortage, drop column held_until, drop column is_break_glass,
         drop column clocks`,
    );
  }
}

const STATEMENTS = [
  `alter table keyturn.request add column shortage jsonb`,
  `alter table keyturn.request add column held_until timestamptz`,
  `alter table keyturn.request add column is_break_glass boolean not null default false`,
  `alter table keyturn.request add column clocks jsonb`,
  // By content: the same facts are stored once, and what an evaluation saw can be erased without touching what it said.
  `create table keyturn.fact_set (digest text primary key, body jsonb not null)`,
  `create table keyturn.evaluation (
     id bigint generated always as identity primary key,
     request text not null, round int not null, phase text not null check (phase in ('creation', 'planned', 'execution')),
     at timestamptz not null, policy_digest text not null, facts_digest text not null,
     directory_generation bigint not null,
     outcome jsonb not null)`,
  `create index evaluation_by_request on keyturn.evaluation (request, id)`,
  `create index evaluation_by_time on keyturn.evaluation (at)`,
  // One reservation a request and window. Ids are given under the lock of the key, so their order is the order of asking.
  `create table keyturn.window_reservation (
     id bigint generated always as identity primary key,
     window_id text not null, key text not null, request text not null, amount bigint not null check (amount >= 0),
     at timestamptz not null, released_at timestamptz,
     unique (window_id, request))`,
  `create index window_reservation_by_key on keyturn.window_reservation (window_id, key, id) where released_at is null`,
  // Callable by the API as well, whose role writes no table: two requests that count together wait for each other here.
  // A new plan may change more than the old one: the reservation grows with it, and is never given back in part.
  `create function keyturn.reserve_window(
     of_window text, of_key text, of_request text, of_amount bigint, reserved_at timestamptz, since timestamptz,
     out count bigint, out sum bigint)
   language plpgsql security definer set search_path = pg_catalog as $$
   begin
     perform pg_advisory_xact_lock(hashtextextended(of_key, 0));
     insert into keyturn.window_reservation as held (window_id, key, request, amount, at)
       values (of_window, of_key, of_request, of_amount, reserved_at)
       on conflict (window_id, request) do update set amount = greatest(held.amount, excluded.amount);
     select count(*), coalesce(sum(amount), 0) into reserve_window.count, reserve_window.sum
       from keyturn.window_reservation
       where window_id = of_window and key = of_key and released_at is null and at > since
         and id <= (select id from keyturn.window_reservation where window_id = of_window and request = of_request);
   end $$`,
  `revoke execute on function keyturn.reserve_window from public`,
  `grant execute on function keyturn.reserve_window to keyturn_worker, keyturn_api`,
  `grant select, insert on keyturn.fact_set, keyturn.evaluation to keyturn_worker`,
  `grant select, insert, update on keyturn.window_reservation to keyturn_worker`,
  `grant select on keyturn.fact_set, keyturn.evaluation, keyturn.window_reservation to keyturn_api`,
];
