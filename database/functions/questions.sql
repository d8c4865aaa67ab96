-- Questions of reviewers, and the answers of those behind a request, stand in the log of that request. They decide nothing, so no
-- workflow hears of them: the API writes these entries itself, and can write no others this way.

-- Holds the log of a request until the transaction ends, as the steps of its workflow do, and gives what the next entry
-- follows from. Null where there is no such request.
create or replace function keyturn.lock_for_question(of_request text) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '2s' as $$
declare
  run text; last_leaf text;
begin
  select run_id into run from keyturn.request where id = of_request for update;
  if not found then return null; end if;
  -- A statement of its own: it sees what was committed while the lock was waited for.
  select entry.leaf into last_leaf from audit.entry
    where entry.request = of_request and entry.run_id = run order by entry.n desc limit 1;
  return jsonb_build_object('run', run, 'last', last_leaf,
    'now', to_char(clock_timestamp() at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'));
end $$;
grant execute on function keyturn.lock_for_question to keyturn_api;

-- Refuses an entry of another kind, one question or answer too many, and one at another time than people are asked. `words` is
-- what it commits to: the sealed text. Who waits for a change of the request sees this one by its version.
create or replace function keyturn.record_question(leaf text, words jsonb, subjects jsonb) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '2s' as $$
declare
  body jsonb := leaf::jsonb;
  facts jsonb := body -> 'facts';
  of_request text := body -> 'stream' ->> 'request';
  known keyturn.request; last_at timestamptz; number int; is_question boolean;
begin
  select * into known from keyturn.request where id = of_request for update;
  number := keyturn.check_leaf(body, of_request, known.run_id);
  is_question := body ->> 'type' = 'question.asked';
  select (entry.leaf::jsonb ->> 'at')::timestamptz into last_at from audit.entry
    where entry.request = of_request and entry.run_id = known.run_id order by entry.n desc limit 1;
  if (known.run_id is null or octet_length(leaf) > 8192
    or body ->> 'id' <> of_request || '/' || known.run_id || '/question/' || number
    or body ->> 'type' not in ('question.asked', 'question.answered')
    or (body ->> 'at')::timestamptz > clock_timestamp()
    or (body ->> 'at')::timestamptz < coalesce(last_at, '-infinity')
    or body ->> 'intent_digest' <> known.intent_digest
    or body -> 'decision_digest' <> coalesce(to_jsonb(known.decision_digest), 'null'::jsonb)
    or body -> 'policy' <> 'null'::jsonb or body -> 'evidence' <> 'null'::jsonb
    or body -> 'actor' ->> 'pseudonym' !~ '^acc_[a-z2-7]{26}$'
    or body -> 'actor' ->> 'kind' not in ('person', 'agent')
    or keyturn.keys_of(facts) is distinct from '{person,question,round}'::text[]
    or facts ->> 'question' !~ '^qst_[a-z2-7]{26}$'
    or (facts ->> 'person' !~ '^per_[a-z2-7]{26}$') is true
    or facts -> 'round' <> to_jsonb(known.round)
    or keyturn.keys_of(body -> 'commit') is distinct from array[case when is_question then 'question' else 'answer' end]
    or keyturn.keys_of(words) is distinct from '{body,salt}'::text[]
    or octet_length(words ->> 'body') > 65536 or words ->> 'salt' !~ '^[0-9a-f]{32}$')
    is distinct from false then
    raise exception 'not the next entry about a question';
  end if;
  if is_question then perform keyturn.check_question(known, body); else perform keyturn.check_answer(known, body); end if;
  insert into audit.entry (leaf) values (leaf);
  insert into audit.payload (event_id, part, salt, body)
    values (body ->> 'id', case when is_question then 'question' else 'answer' end, words ->> 'salt', words ->> 'body');
  insert into audit.subject (pseudonym, body)
    select known_as.key, known_as.value from jsonb_each(subjects) as known_as on conflict do nothing;
  update keyturn.request set version = version + 1 where id = of_request;
end $$;
grant execute on function keyturn.record_question to keyturn_api;

-- A person asks, while people decide or what they approved is held: 5 questions each, 20 in all.
create or replace function keyturn.check_question(known keyturn.request, body jsonb) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  in_all int; of_person int; is_repeated boolean;
begin
  select count(*), count(*) filter (where asked.facts ->> 'person' = body -> 'facts' ->> 'person'),
         coalesce(bool_or(asked.facts ->> 'question' = body -> 'facts' ->> 'question'), false)
    into in_all, of_person, is_repeated
    from (select entry.leaf::jsonb -> 'facts' as facts from audit.entry
      where entry.request = known.id and entry.run_id = known.run_id and entry.type = 'question.asked') asked;
  if (known.status = 'pending' or known.status = 'approved' and known.held_until is not null) is not true
    or body -> 'actor' ->> 'kind' <> 'person' or body -> 'facts' ->> 'person' is null
    or is_repeated or in_all >= 20 or of_person >= 5 then
    raise exception 'no question can be asked';
  end if;
end $$;

-- The first answer to a question of the request stands. It can come until the action starts.
create or replace function keyturn.check_answer(known keyturn.request, body jsonb) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  types text[];
begin
  select array_agg(entry.type) into types from audit.entry
    where entry.request = known.id and entry.run_id = known.run_id
      and entry.type in ('question.asked', 'question.answered')
      and entry.leaf::jsonb -> 'facts' ->> 'question' = body -> 'facts' ->> 'question';
  if known.status not in ('planning', 'pending', 'approved') or types is distinct from '{question.asked}'::text[] then
    raise exception 'no such question can be answered';
  end if;
end $$;
