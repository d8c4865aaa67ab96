-- Attempts to decide that were refused stand in the log of the request that they were about. The API writes these
-- entries itself, as no workflow ever hears of such an attempt, and can write no others this way.

-- Counts one more attempt. Every first, second, fourth, eighth … of one account with one code gets an entry, so that no
-- number of attempts fills the log: for these it answers what the entry follows from, with the request locked. Null
-- otherwise, and where there is no such request. Who tries as more than 200 accounts is counted with all the others.
create or replace function keyturn.note_refused_attempt(of_request text, by_account text, with_code text)
returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '2s' as $$
declare
  counted text := by_account; total bigint; run text; intent text; last_leaf text;
begin
  if not exists (select from keyturn.request where id = of_request) then return null; end if;
  if not exists (select from keyturn.refused_attempt known
      where known.request = of_request and known.account = by_account and known.code = with_code)
    and (select count(*) from keyturn.refused_attempt known where known.request = of_request) >= 200 then
    counted := 'others';
  end if;
  insert into keyturn.refused_attempt as known (request, account, code, attempts)
    values (of_request, counted, with_code, 1)
    on conflict (request, account, code) do update set attempts = known.attempts + 1
    returning attempts into total;
  if total & (total - 1) <> 0 then return null; end if;
  select run_id, intent_digest into run, intent from keyturn.request where id = of_request for update;
  select entry.leaf into last_leaf from audit.entry
    where entry.request = of_request and entry.run_id = run order by entry.n desc limit 1;
  return jsonb_build_object('run', run, 'intent_digest', intent, 'last', last_leaf, 'account', counted,
    'attempts', total, 'now', to_char(clock_timestamp() at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'));
end $$;
grant execute on function keyturn.note_refused_attempt to keyturn_api;

-- Refuses an entry of another kind, and one that nobody counted. Its id and its facts are of a form of their own, so it
-- takes the place of no other entry, and no reader can take it for another.
create or replace function keyturn.record_refused_attempt(leaf text, subjects jsonb) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '2s' as $$
declare
  body jsonb := leaf::jsonb;
  facts jsonb := body -> 'facts';
  of_request text := body -> 'stream' ->> 'request';
  known keyturn.request; last_at timestamptz; number int;
begin
  select * into known from keyturn.request where id = of_request for update;
  number := keyturn.check_leaf(body, of_request, known.run_id);
  select (entry.leaf::jsonb ->> 'at')::timestamptz into last_at from audit.entry
    where entry.request = of_request and entry.run_id = known.run_id order by entry.n desc limit 1;
  if (known.run_id is null or octet_length(leaf) > 8192
    or body ->> 'id' <> of_request || '/' || known.run_id || '/attempt/' || number
    or (body ->> 'type', facts ->> 'delivery') not in (('decision.attempt_refused', 'decision'),
      ('decision.attempt_refused', 'ticket'), ('request.withdrawal_refused', 'withdrawal'))
    or (body ->> 'at')::timestamptz > clock_timestamp()
    or (body ->> 'at')::timestamptz < coalesce(last_at, '-infinity')
    or body ->> 'intent_digest' <> known.intent_digest
    or body -> 'policy' <> 'null'::jsonb or body -> 'evidence' <> 'null'::jsonb or body -> 'commit' <> '{}'::jsonb
    or body -> 'actor' ->> 'pseudonym' !~ '^acc_[a-z2-7]{26}$' or body -> 'actor' ->> 'kind' = 'system'
    or keyturn.keys_of(facts) is distinct from '{client,code,count,counted_as,delivery,person,verdict}'::text[]
    or exists (select from jsonb_each(facts) field where jsonb_typeof(field.value) not in ('string', 'null')
      and field.key <> 'count')
    or facts ->> 'code' !~ '^[a-z_]{1,64}$'
    or facts ->> 'counted_as' not in ('others', body -> 'actor' ->> 'pseudonym')
    or (facts ->> 'person' !~ '^per_[a-z2-7]{26}$') is true
    or (facts ->> 'client' !~ '^acc_[a-z2-7]{26}$') is true
    or (facts ->> 'verdict' is null) <> (facts ->> 'delivery' = 'withdrawal')
    or (facts ->> 'verdict' not in ('approve', 'deny', 'defer', 'take_back')) is true
    or (body ->> 'decision_digest' is null) <> (facts ->> 'verdict' is null)
    or (body ->> 'decision_digest' !~ '^sha256:[0-9a-f]{64}$') is true
    or jsonb_typeof(facts -> 'count') <> 'number'
    or not exists (select from keyturn.refused_attempt counted
      where counted.request = of_request and counted.account = facts ->> 'counted_as'
        and counted.code = facts ->> 'code' and to_jsonb(counted.attempts) = facts -> 'count'))
    is distinct from false then
    raise exception 'not the next entry about a refused attempt';
  end if;
  insert into audit.entry (leaf) values (leaf);
  insert into audit.subject (pseudonym, body)
    select known_as.key, known_as.value from jsonb_each(subjects) as known_as on conflict do nothing;
end $$;
grant execute on function keyturn.record_refused_attempt to keyturn_api;
