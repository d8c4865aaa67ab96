-- Sessions of people who sign in with a browser. They start and end with their audit entries; what ends by time, or because
-- a person is deactivated, follows from the entry of its start and from those of the directory. KT006 tells that a sign-in
-- was used already.

-- Excludes others who start or end a session until the transaction ends, and gives the last entry of their log.
create or replace function keyturn.lock_sessions() returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform pg_advisory_xact_lock(hashtext('keyturn.sessions'));
  return (select entry.leaf from audit.entry
    where entry.request = 'sessions' and entry.run_id = 'sessions' order by entry.n desc limit 1);
end $$;
grant execute on function keyturn.lock_sessions to keyturn_api;

-- For a person who is active now, of whom the account is. Sessions that are over for a day are forgotten: their entries
-- stay.
create or replace function keyturn.start_session(started jsonb, leaf text, subjects jsonb) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  instant timestamptz := clock_timestamp();
  whose text := started ->> 'person';
  expiry timestamptz := (leaf::jsonb -> 'facts' ->> 'expires_at')::timestamptz;
  asked_at timestamptz := (started ->> 'authenticated_at')::timestamptz;
begin
  delete from keyturn.session where expires_at < instant - interval '1 day';
  if keyturn.person_of_account(started ->> 'issuer', started ->> 'subject') is distinct from whose
    or keyturn.is_active_person(whose) is distinct from true then
    raise exception 'the account is not of this active person' using errcode = 'KT001';
  end if;
  if (expiry <= instant + interval '12 hours 1 minute') is distinct from true then
    raise exception 'a session lasts twelve hours';
  end if;
  insert into keyturn.session (id, digest, state, issuer, subject, client, person, provider_subject, provider_session,
      authenticated_at, began_at, seen_at, expires_at)
    values (started ->> 'id', started ->> 'digest', started ->> 'state', started ->> 'issuer', started ->> 'subject',
      started ->> 'client', whose, started ->> 'provider_subject', started ->> 'provider_session',
      case when asked_at > instant then instant else asked_at end, instant, instant, expiry)
    on conflict (state) do nothing;
  if not found then raise exception 'this sign-in was used already' using errcode = 'KT006'; end if;
  perform keyturn.append_session_leaf(leaf, 'session.started', started ->> 'id', subjects);
  perform keyturn.require_named(leaf, whose);
end $$;
grant execute on function keyturn.start_session to keyturn_api;

-- A session is ended by its own person, by an operator, or by the provider with whom the person signed in (`ended_by` is
-- null then). False: it was over already.
create or replace function keyturn.end_session(of_session text, ended_by text, leaf text, subjects jsonb) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  whose text;
  how text := leaf::jsonb -> 'facts' ->> 'how';
begin
  update keyturn.session set ended_at = clock_timestamp()
    where id = of_session and ended_at is null and expires_at > clock_timestamp() returning person into whose;
  if not found then return false; end if;
  perform keyturn.append_session_leaf(leaf, 'session.ended', of_session, subjects);
  if ended_by is null then
    if how is distinct from 'provider' or leaf::jsonb -> 'actor' ->> 'kind' is distinct from 'system' then
      raise exception 'the entry does not say who ended the session';
    end if;
    return true;
  end if;
  perform keyturn.require_named(leaf, ended_by);
  if how is null or how not in ('person', 'operator') or leaf::jsonb -> 'actor' ->> 'kind' is distinct from 'person' then
    raise exception 'the entry does not say how the session ended';
  end if;
  if (how = 'person') is distinct from (ended_by = whose) then
    raise exception 'the entry says that another person ended the session';
  end if;
  if how = 'operator' and not keyturn.is_operator(ended_by) then
    raise exception 'only operators end the sessions of others' using errcode = 'KT003';
  end if;
  return true;
end $$;
grant execute on function keyturn.end_session to keyturn_api;

-- The live session whose cookie has this digest; null for none. That it was used is written once a minute.
create or replace function keyturn.use_session(of_digest text) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  known keyturn.live_session;
  now_is timestamptz := clock_timestamp();
begin
  select * into known from keyturn.live_session live where live.digest = of_digest;
  if not found then return null; end if;
  if known.seen_at < now_is - interval '1 minute' then
    update keyturn.session set seen_at = now_is where id = known.id and seen_at < now_is - interval '1 minute';
    known.idle_at := now_is + interval '1 hour';
  end if;
  return to_jsonb(known) - '{digest,state,provider_subject,provider_session}'::text[];
end $$;
grant execute on function keyturn.use_session to keyturn_api;

-- The entry names a person by a pseudonym: it must be this one's.
create or replace function keyturn.require_named(leaf text, wanted text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if not exists (select from audit.subject known
      where known.pseudonym = leaf::jsonb -> 'facts' ->> 'person' and known.body ->> 'person' = wanted) then
    raise exception 'the entry names another person';
  end if;
end $$;

-- The caller writes the text of an entry, so it is checked what kind it is, what it is about and that it follows from the
-- last one.
create or replace function keyturn.append_session_leaf(leaf text, kind text, of_session text, subjects jsonb)
returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare body jsonb := leaf::jsonb;
begin
  perform pg_advisory_xact_lock(hashtext('keyturn.sessions'));
  if octet_length(leaf) > 8192
    or body ->> 'id' is distinct from 'sessions/' || keyturn.check_leaf(body, 'sessions', 'sessions')
    or body ->> 'type' is distinct from kind
    or body -> 'facts' ->> 'session' is distinct from of_session
    or body -> 'commit' <> '{}'::jsonb then
    raise exception 'not the next entry about this session';
  end if;
  insert into audit.entry (leaf) values (leaf);
  insert into audit.subject (pseudonym, body)
    select known.key, known.value from jsonb_each(subjects) as known on conflict do nothing;
end $$;

-- True where the person of this live session proved to the identity provider within ten minutes who they are.
create or replace function keyturn.is_fresh_session(of_session text, wanted text) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select exists (select from keyturn.session one join keyturn.live_session live using (id)
    where one.id = of_session and one.person = wanted
      and one.authenticated_at > clock_timestamp() - interval '10 minutes')
$$;
grant execute on function keyturn.is_fresh_session to keyturn_api;

create or replace function keyturn.require_fresh_session(of_session text, wanted text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if not keyturn.is_fresh_session(of_session, wanted) then
    raise exception 'this is done after a sign-in' using errcode = 'KT007';
  end if;
end $$;
