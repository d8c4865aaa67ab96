import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What counting windows hold is dated by when it happens, not by when it was asked for: else requests that are prepared
 * over many days, and start at one instant, would pass a limit for one day together.
 */
export class WindowClaims1764810000000 implements MigrationInterface {
  readonly name = 'WindowClaims1764810000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...COLUMN, RESERVE, RESERVE_AT_ONCE, ...GRANTS]) await runner.query(statement);
  }

  /** Without the instants what was claimed could be counted too early to count at all. */
  async down(): Promise<void> {
    throw new Error('The migration of window claims cannot be undone: it holds when reservations were used.');
  }
}

const SAFE = 'security definer set search_path = pg_catalog, pg_temp';

const COLUMN = [
  // Null while the request may still be performed: until then it counts however long ago it was asked for.
  `alter table keyturn.window_reservation add column claimed_at timestamptz`,
  `update keyturn.window_reservation held set claimed_at = coalesce(
       (select max(run.claimed_at) from keyturn.execution run where run.request = held.request), held.at)
     where not exists (select 1 from keyturn.request open
       where open.id = held.request and open.status in ('planning', 'pending', 'approved'))`,
  `drop index keyturn.window_reservation_by_key`,
  `create index window_reservation_by_key on keyturn.window_reservation
     (window_id, key, coalesce(claimed_at, 'infinity')) where released_at is null`,
];

/** What a window holds for a request: itself, and those that reserved before it and still count. */
const COUNT = `
    select count(*), coalesce(sum(amount), 0) into count, sum
      from keyturn.window_reservation held
      where held.window_id = of_window and held.key = of_key and held.released_at is null
        and coalesce(held.claimed_at, 'infinity') > since
        and held.id <= (select own.id from keyturn.window_reservation own
          where own.window_id = of_window and own.request = of_request)`;

/**
 * For requests of workflows: open until they are claimed. A new plan may change more than the old one: the reservation
 * grows with it, and is never given back in part.
 */
const RESERVE = `
  create or replace function keyturn.reserve_window(
    of_window text, of_key text, of_request text, of_amount bigint, reserved_at timestamptz, since timestamptz,
    out count bigint, out sum bigint)
  language plpgsql ${SAFE} as $$
  begin
    perform pg_advisory_xact_lock(hashtextextended(of_key, 0));
    insert into keyturn.window_reservation as held (window_id, key, request, amount, at)
      values (of_window, of_key, of_request, of_amount, reserved_at)
      on conflict (window_id, request) do update
        set amount = greatest(held.amount, excluded.amount), key = excluded.key, claimed_at = null;
${COUNT};
  end $$`;

/** For answers on the spot, used as they are given. The API says neither when, nor by which key it counted before. */
const RESERVE_AT_ONCE = `
  create function keyturn.reserve_window_at_once(
    of_window text, of_key text, of_request text, of_amount bigint, over_ms bigint,
    out count bigint, out sum bigint)
  language plpgsql ${SAFE} as $$
  declare instant timestamptz; since timestamptz;
  begin
    perform pg_advisory_xact_lock(hashtextextended(of_key, 0));
    instant := clock_timestamp();
    since := instant - over_ms * interval '1 millisecond';
    insert into keyturn.window_reservation (window_id, key, request, amount, at, claimed_at)
      values (of_window, of_key, of_request, of_amount, instant, instant) on conflict (window_id, request) do nothing;
    if not exists (select 1 from keyturn.window_reservation own where own.window_id = of_window
        and own.request = of_request and own.key = of_key and own.released_at is null) then
      raise exception 'this request counts elsewhere';
    end if;
${COUNT};
  end $$`;

const GRANTS = [
  `revoke execute on function keyturn.reserve_window from keyturn_api`,
  `revoke execute on function keyturn.reserve_window_at_once from public`,
  `grant execute on function keyturn.reserve_window_at_once to keyturn_api`,
];
