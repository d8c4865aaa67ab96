-- What keeps the audit log what it is: entries are added and nothing else, each is the next one of its stream and of a
-- form that every program can read.

create or replace function audit.refuse_change() returns trigger
language plpgsql as $$
begin raise exception 'audit entries are append-only'; end $$;

-- Entries of the streams that govern everybody are written by the functions that change what they are about. After the
-- insert, when the stream of an entry is known: its check costs entries of requests nothing.
create or replace function audit.refuse_foreign_stream() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if not pg_has_role(current_user, 'keyturn_owner', 'member') then
    raise exception 'entries of this stream are written with what they are about';
  end if;
  return null;
end $$;

-- Refuses what is not the next entry of its stream, or has a field that its readers cannot use; answers its number.
-- What it says, and its id, is up to the caller. A time is written back as it was: JavaScript reads none with a
-- sixtieth second.
create or replace function keyturn.check_leaf(body jsonb, of_request text, of_run text) returns int
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  last_n int; last_leaf text; number int;
begin
  select entry.n, entry.leaf into last_n, last_leaf from audit.entry
    where entry.request = of_request and entry.run_id = of_run order by entry.n desc limit 1;
  number := coalesce(last_n + 1, 0);
  -- Anything missing makes the whole unknown, which is no less a refusal.
  if (keyturn.keys_of(body) is distinct from '{actor,after,at,commit,decision_digest,evidence,facts,id,intent_digest,n,nonce,policy,prev,stream,temporal,type,v}'::text[]
    or body -> 'v' is distinct from '1'::jsonb
    or body -> 'n' is distinct from to_jsonb(number)
    or body -> 'prev' is distinct from coalesce(
      to_jsonb('sha256:' || encode(sha256(convert_to(last_leaf, 'UTF8')), 'hex')), 'null'::jsonb)
    or body -> 'stream' is distinct from jsonb_build_object('request', of_request, 'run', of_run)
    or body -> 'temporal' is distinct from jsonb_build_object(
      'namespace', body -> 'temporal' ->> 'namespace', 'workflow', of_request, 'run', of_run)
    or jsonb_typeof(body -> 'temporal' -> 'namespace') <> 'string'
    or jsonb_typeof(body -> 'id') <> 'string' or jsonb_typeof(body -> 'type') <> 'string'
    or jsonb_typeof(body -> 'at') <> 'string'
    or body ->> 'at' !~ '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$'
    or to_char((body ->> 'at')::timestamptz at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') <> body ->> 'at'
    or body -> 'after' <> 'null'::jsonb
    or keyturn.keys_of(body -> 'actor') is distinct from '{kind,pseudonym,via}'::text[]
    or exists (select from jsonb_each(body -> 'actor') field where jsonb_typeof(field.value) <> 'string')
    or body -> 'actor' ->> 'kind' not in ('person', 'agent', 'system')
    or jsonb_typeof(body -> 'intent_digest') not in ('string', 'null')
    or jsonb_typeof(body -> 'decision_digest') not in ('string', 'null')
    or body -> 'policy' <> 'null'::jsonb and (keyturn.keys_of(body -> 'policy') is distinct from '{digest}'::text[]
      or jsonb_typeof(body -> 'policy' -> 'digest') <> 'string')
    or jsonb_typeof(body -> 'facts') <> 'object'
    or body -> 'evidence' <> 'null'::jsonb and (
      keyturn.keys_of(body -> 'evidence') is distinct from '{grade,refs}'::text[]
      or body -> 'evidence' -> 'grade' not in ('"A"', '"B"', '"C"')
      or jsonb_typeof(body -> 'evidence' -> 'refs') <> 'array'
      or exists (select from jsonb_array_elements(body -> 'evidence' -> 'refs') ref where jsonb_typeof(ref) <> 'string'))
    or jsonb_typeof(body -> 'commit') <> 'object'
    or exists (select from jsonb_each(body -> 'commit') part
      where jsonb_typeof(part.value) <> 'string' or part.value #>> '{}' !~ '^[0-9a-f]{64}$')
    or jsonb_typeof(body -> 'nonce') <> 'string'
    or body ->> 'nonce' !~ '^[0-9a-f]{32}$') is distinct from false then
    raise exception 'not the next entry of its log';
  end if;
  return number;
end $$;

-- The names of the fields of an object, in order.
create or replace function keyturn.keys_of(body jsonb) returns text[]
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select case when jsonb_typeof(body) = 'object'
    then array(select key from jsonb_object_keys(body) key order by key collate "C") end
$$;
