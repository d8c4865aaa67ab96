-- API keys of agents without an issuer. They are made and revoked with their audit entries, which say what a key is for and
-- until when; what ends by time, or with the agent, follows from those and from the entries of the directory. KT007 tells
-- that the person must sign in again, KT008 that the agent has as many keys as it may.

-- Excludes others who make or revoke a key until the transaction ends, and gives the last entry of their log.
create or replace function keyturn.lock_api_keys() returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform pg_advisory_xact_lock(hashtext('keyturn.api-keys'));
  return (select entry.leaf from audit.entry
    where entry.request = 'keys' and entry.run_id = 'keys' order by entry.n desc limit 1);
end $$;
grant execute on function keyturn.lock_api_keys to keyturn_api;

-- True for the active person who answers for the agent.
create or replace function keyturn.owns_agent(wanted text, of_agent text) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  select keyturn.is_active_person(wanted) and exists (
    select from keyturn.agent_standing where agent = of_agent and owner = wanted and valid_to is null)
$$;

-- For an active agent, by its owner or an operator, in a session of a person who signed in just before. Keys that ended
-- 30 days ago are forgotten: their entries stay.
create or replace function keyturn.create_api_key(created jsonb, leaf text, subjects jsonb) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  facts jsonb := leaf::jsonb -> 'facts';
  maker text := created ->> 'created_by';
  whose text := created ->> 'agent';
  instant timestamptz;
  named text;
  made keyturn.api_key;
begin
  perform keyturn.lock_api_keys();
  instant := clock_timestamp();
  delete from keyturn.api_key where least(revoked_at, expires_at) < instant - interval '30 days';
  select subject into named from keyturn.account where issuer = 'keyturn' and agent = whose and valid_to is null;
  if named is null or not exists (
      select from keyturn.agent_standing where agent = whose and active and valid_to is null) then
    raise exception 'there is no such active agent with keys' using errcode = 'KT001';
  end if;
  if not (keyturn.owns_agent(maker, whose) or keyturn.is_operator(maker)) then
    raise exception 'only its owner and operators make keys of an agent' using errcode = 'KT003';
  end if;
  perform keyturn.require_fresh_session(facts ->> 'session', maker);
  if (select count(*) from keyturn.live_api_key where agent = whose) >= 10 then
    raise exception 'the agent has ten keys' using errcode = 'KT008';
  end if;
  insert into keyturn.api_key
      (id, digest, prefix, agent, title, actions, targets, created_by, created_at, expires_at)
    values (created ->> 'id', created ->> 'digest', created ->> 'prefix', whose, created ->> 'title',
      nullif(facts -> 'actions', 'null'::jsonb), nullif(facts -> 'targets', 'null'::jsonb), maker, instant,
      (facts ->> 'expires_at')::timestamptz)
    returning * into made;
  if made.expires_at > instant + interval '366 days 1 minute' then
    raise exception 'a key lasts a year at most';
  end if;
  if not exists (select from keyturn.live_api_key live where live.id = made.id) then
    raise exception 'the key would not be one now' using errcode = 'KT001';
  end if;
  if facts ->> 'row_digest' is distinct from 'sha256:' || encode(sha256(convert_to(
      concat_ws(E'\n', made.digest, made.agent, made.created_by), 'UTF8')), 'hex') then
    raise exception 'the entry is about another key';
  end if;
  perform keyturn.append_key_leaf(leaf, 'key.created', made.id, subjects);
  perform keyturn.require_named(leaf, maker);
  if not exists (select from audit.subject known where known.pseudonym = facts ->> 'agent'
      and known.body = jsonb_build_object('issuer', 'keyturn', 'subject', named)) then
    raise exception 'the entry names another agent';
  end if;
  return to_jsonb(made) - 'digest';
end $$;
grant execute on function keyturn.create_api_key to keyturn_api;

-- A key is revoked by the owner of its agent or by an operator. False: it had ended already.
create or replace function keyturn.revoke_api_key(of_key text, revoked_by text, leaf text, subjects jsonb)
returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  whose text;
  by_owner boolean;
begin
  update keyturn.api_key set revoked_at = clock_timestamp()
    where id = of_key and revoked_at is null and expires_at > clock_timestamp() returning agent into whose;
  if not found then return false; end if;
  perform keyturn.append_key_leaf(leaf, 'key.revoked', of_key, subjects);
  perform keyturn.require_named(leaf, revoked_by);
  by_owner := keyturn.owns_agent(revoked_by, whose);
  if leaf::jsonb -> 'facts' ->> 'how' is distinct from (case when by_owner then 'owner' else 'operator' end) then
    raise exception 'the entry does not say how the key was revoked' using errcode = 'KT001';
  end if;
  if not by_owner and not keyturn.is_operator(revoked_by) then
    raise exception 'only its owner and operators revoke keys of an agent' using errcode = 'KT003';
  end if;
  return true;
end $$;
grant execute on function keyturn.revoke_api_key to keyturn_api;

-- The live key with this digest; null for none. That it was used is written once a minute, and not while somebody else
-- holds its row: no call waits for that.
create or replace function keyturn.use_api_key(of_digest text) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  known keyturn.live_api_key;
  limit_is timestamptz := clock_timestamp() - interval '1 minute';
begin
  select * into known from keyturn.live_api_key live where live.digest = of_digest;
  if not found then return null; end if;
  if coalesce(known.used_at < limit_is, true) then
    update keyturn.api_key set used_at = clock_timestamp() where id = (
      select id from keyturn.api_key where id = known.id and coalesce(used_at < limit_is, true)
        for update skip locked);
  end if;
  return to_jsonb(known) - 'digest';
end $$;
grant execute on function keyturn.use_api_key to keyturn_api;

create or replace function keyturn.append_key_leaf(leaf text, kind text, of_key text, subjects jsonb)
returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare body jsonb := leaf::jsonb;
begin
  perform keyturn.lock_api_keys();
  if octet_length(leaf) > 65536
    or body ->> 'id' is distinct from 'keys/' || keyturn.check_leaf(body, 'keys', 'keys')
    or body ->> 'type' is distinct from kind
    or body -> 'facts' ->> 'key' is distinct from of_key
    or body -> 'actor' ->> 'kind' is distinct from 'person'
    or body -> 'commit' <> '{}'::jsonb then
    raise exception 'not the next entry about this key';
  end if;
  insert into audit.entry (leaf) values (leaf);
  insert into audit.subject (pseudonym, body)
    select known.key, known.value from jsonb_each(subjects) as known on conflict do nothing;
end $$;
