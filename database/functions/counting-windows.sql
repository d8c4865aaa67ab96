-- What a counting window holds is dated by the claim, and given back only by a request that ended without being
-- executed: else requests that are prepared over many days, and start at one instant, would pass a limit for one day
-- together. Two requests that count together wait for each other at the lock of their key; ids are given under it, so
-- their order is the order of asking.

-- For requests of workflows: open until they are claimed. A new plan may change more than the old one: the reservation
-- grows with it, and is never given back in part. One that counts by another key now, or was reserved for on the spot, comes
-- after those that count already.
create or replace function keyturn.reserve_window(
  of_window text, of_key text, of_request text, of_amount bigint, reserved_at timestamptz, since timestamptz,
  out count bigint, out sum bigint
)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare before bigint;
begin
  perform pg_advisory_xact_lock(hashtextextended(of_key, 0));
  if exists (select from keyturn.request counted where counted.id = of_request and (
      counted.status not in ('planning', 'pending', 'approved', 'executing') or exists (
        select from keyturn.execution claim where claim.request = of_request and claim.state = 'claimed'))) then
    raise exception 'what was executed, or may be, counts as it did' using errcode = 'KT003';
  end if;
  delete from keyturn.window_reservation held
    where held.window_id = of_window and held.request = of_request and held.released_at is null
      and (held.key <> of_key or held.claimed_at is not null) returning amount into before;
  insert into keyturn.window_reservation as held (window_id, key, request, amount, at)
    values (of_window, of_key, of_request, greatest(of_amount, before), reserved_at)
    on conflict (window_id, request) do update set amount = greatest(held.amount, excluded.amount);
  select held.count, held.sum into reserve_window.count, reserve_window.sum
    from keyturn.window_held(of_window, of_key, of_request, since) held;
end $$;
grant execute on function keyturn.reserve_window to keyturn_worker;

-- For answers on the spot, used as they are given. The API says neither when, nor by which key it counted before.
create or replace function keyturn.reserve_window_at_once(
  of_window text, of_key text, of_request text, of_amount bigint, over_ms bigint, out count bigint,
  out sum bigint
)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare instant timestamptz;
begin
  perform pg_advisory_xact_lock(hashtextextended(of_key, 0));
  instant := clock_timestamp();
  insert into keyturn.window_reservation (window_id, key, request, amount, at, claimed_at)
    values (of_window, of_key, of_request, of_amount, instant, instant) on conflict (window_id, request) do nothing;
  if not exists (select 1 from keyturn.window_reservation own where own.window_id = of_window
      and own.request = of_request and own.key = of_key and own.released_at is null) then
    raise exception 'this request counts elsewhere';
  end if;
  select held.count, held.sum into reserve_window_at_once.count, reserve_window_at_once.sum
    from keyturn.window_held(
      of_window, of_key, of_request, instant - over_ms * interval '1 millisecond') held;
end $$;
grant execute on function keyturn.reserve_window_at_once to keyturn_api;

-- What a window holds for a request: itself, and those that reserved before it and still count. Beyond what is exact
-- everywhere (2^53 - 1) it says no more: no limit is higher.
create or replace function keyturn.window_held(
  of_window text, of_key text, of_request text, since timestamptz, out count bigint, out sum bigint
)
language sql stable set search_path = pg_catalog, pg_temp as $$
  select count(*), least(coalesce(sum(amount), 0), 9007199254740991)
    from keyturn.window_reservation held
    where held.window_id = of_window and held.key = of_key and held.released_at is null
      and coalesce(held.claimed_at, 'infinity') > since
      and held.id <= (select own.id from keyturn.window_reservation own
        where own.window_id = of_window and own.request = of_request)
$$;

-- At the end of the transaction, by what it leaves: a step writes the status of the request last.
create or replace function keyturn.refuse_uncounted() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if exists (
    select from keyturn.window_reservation held left join keyturn.request counted on counted.id = held.request
      where held.id = new.id and case
        when held.released_at is not null then
          coalesce(counted.status not in ('denied', 'expired', 'cancelled', 'failed'), true)
        when held.claimed_at is null then
          coalesce(counted.status not in ('planning', 'pending', 'approved', 'executing'), true) or exists (
            select from keyturn.execution claim where claim.request = held.request and claim.state = 'claimed')
        else held.claimed_at is distinct from (
          select max(run.claimed_at) from keyturn.execution run where run.request = held.request) end) then
    raise exception 'what was executed, or may be, counts' using errcode = 'KT003';
  end if;
  return null;
end $$;
