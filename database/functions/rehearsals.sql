-- What was rehearsed at targets in the last hour, and by whom: all workers and APIs share one count.

-- Seconds until the budgets of the last hour have room: of the root, and three times as much for the target, of which a
-- root that used less than a third of its own budget there is never kept. There is room again when the newest rehearsal
-- is an hour old that, with all later ones, fills the budget. Where people agreed already, nothing is rehearsed to
-- learn from a refusal. A worker that died is charged little: how long its rehearsal took, nobody knows.
create or replace function keyturn.rehearsal_wait(
  of_root text, of_target text, seconds_max int, refused_max int, is_agreed boolean
) returns int
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  with recent as (
    select root = of_root as is_own, target = of_target as is_here, started_at,
           is_refused or is_undecided as is_refused,
           extract(epoch from case when ended_at is not null then ended_at - started_at
                                   when lease_until > clock_timestamp() then clock_timestamp() - started_at
                                   else interval '2 seconds' end) as seconds
      from keyturn.rehearsal
     where (root = of_root or target = of_target) and started_at > clock_timestamp() - interval '1 hour'
  ), filling as (
    select budget, parts, part, amount_max, started_at,
           sum(amount) over (partition by budget, part order by started_at desc) as with_later
      from recent, lateral (values
        ('own seconds', 1, 'all', seconds_max, seconds, is_own),
        ('own refused', 1, 'all', refused_max, 1, is_own and is_refused and not is_agreed),
        ('seconds', 2, 'all', seconds_max * 3, seconds, is_here),
        ('seconds', 2, 'own', seconds_max / 3.0, seconds, is_own and is_here),
        ('refused', 2, 'all', refused_max * 3, 1, is_here and is_refused and not is_agreed),
        ('refused', 2, 'own', refused_max / 3.0, 1, is_own and is_here and is_refused)
      ) of_budget (budget, parts, part, amount_max, amount, is_of_it)
     where is_of_it
  ), full_part as (
    select budget, parts, max(started_at) as since from filling where with_later >= amount_max
     group by budget, parts, part
  ), used_up as (
    -- A budget of the target is used up by a root when its own share is as well.
    select min(since) as since from full_part group by budget, parts having count(*) = parts
  )
  select case when max(since) is null then 0
              else greatest(1, ceil(extract(epoch from max(since) + interval '1 hour' - clock_timestamp())))::int end
    from used_up
$$;
grant execute on function keyturn.rehearsal_wait to keyturn_api;

-- Takes a slot for one rehearsal, or answers the seconds to wait. A slot is leased: a worker that dies gives it back
-- when the lease is over.
create or replace function keyturn.begin_rehearsal(
  of_request text, of_root text, of_target text, limits jsonb, out id bigint, out seconds int
)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  at_once int := (limits ->> 'at_once')::int;
  is_agreed boolean;
  own int;
  here int;
begin
  -- Always the target first: nobody waits in a circle.
  perform pg_advisory_xact_lock(hashtextextended('rehearsals at ' || of_target, 0));
  perform pg_advisory_xact_lock(hashtextextended('rehearsals of ' || of_root, 0));
  delete from keyturn.rehearsal where started_at < clock_timestamp() - interval '2 hours';
  is_agreed := exists (
    select from keyturn.decision
     where decision.request = of_request and outcome = 'counted' and verdict = 'approve'
       and not exists (select from keyturn.decision later where later.request = of_request
         and later.takes_back = decision.id and later.outcome = 'counted'));
  seconds := keyturn.rehearsal_wait(
    of_root, of_target, (limits ->> 'seconds')::int, (limits ->> 'refused')::int, is_agreed);
  if seconds > 0 then
    return;
  end if;
  select count(*) filter (where root = of_root), count(*) filter (where target = of_target) into own, here
    from keyturn.rehearsal where (root = of_root or target = of_target)
      and ended_at is null and lease_until > clock_timestamp();
  if own >= at_once or here >= at_once * 3 then
    seconds := 1;
    return;
  end if;
  insert into keyturn.rehearsal as begun (request, root, target, started_at, lease_until)
    values (of_request, of_root, of_target, clock_timestamp(), clock_timestamp() + interval '60 seconds')
    returning begun.id into id;
end $$;
grant execute on function keyturn.begin_rehearsal to keyturn_worker;

-- Waiting for locks counts where another request of the same root was rehearsed there meanwhile: its holder learns from
-- it.
create or replace function keyturn.end_rehearsal(of_id bigint, of_end text) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
  with ended as (
    select id, of_end = 'refused' or (of_end = 'locks' and exists (
             select from keyturn.rehearsal other
              where other.root = this.root and other.target = this.target and other.request <> this.request
                and coalesce(other.ended_at, other.lease_until) > this.started_at)) as is_refused
      from keyturn.rehearsal this where id = of_id
  )
  update keyturn.rehearsal this
     set ended_at = clock_timestamp(), is_refused = ended.is_refused,
         is_telling = of_end = 'planned' or ended.is_refused
    from ended where this.id = ended.id and this.ended_at is null
$$;
grant execute on function keyturn.end_rehearsal to keyturn_worker;

-- Rehearsals of which nobody decided anything count like refused ones. At the commit, when the decision that ends a
-- request is there as well.
create or replace function keyturn.mark_undecided() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  update keyturn.rehearsal set is_undecided = true
   where request = new.id and is_telling and not exists (
     select from keyturn.decision
      where decision.request = new.id and outcome = 'counted' and verdict <> 'defer'
        and recorded_at >= started_at);
  return null;
end $$;
