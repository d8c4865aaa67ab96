-- Passkeys, and the links by which operators let people register one. All of it is written with its audit entry, which
-- holds the public key. KT007 tells that the person must sign in again, KT008 that they have as many passkeys as they may,
-- KT009 that a link is none, and KT010 that a further passkey is confirmed with one, or comes by a recovery.

-- Excludes others who register or revoke until the transaction ends, and gives the last entry of their log.
create or replace function keyturn.lock_passkeys() returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform pg_advisory_xact_lock(hashtext('keyturn.passkeys'));
  return (select entry.leaf from audit.entry
    where entry.request = 'passkeys' and entry.run_id = 'passkeys' order by entry.n desc limit 1);
end $$;
grant execute on function keyturn.lock_passkeys to keyturn_api;

-- By an active person, in a session of theirs that they signed in for just before. The first passkey needs no more; who
-- ever had one confirms a further one with it, or has a link: otherwise whoever got into the account at the identity
-- provider would have a passkey as well.
create or replace function keyturn.register_passkey(created jsonb, leaf text, subjects jsonb) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  facts jsonb := leaf::jsonb -> 'facts';
  whose text := created ->> 'person';
  by_way text := facts ->> 'how';
  instant timestamptz;
  confirming keyturn.passkey;
  opened keyturn.passkey_link;
  made keyturn.passkey;
begin
  perform keyturn.lock_passkeys();
  instant := clock_timestamp();
  perform keyturn.require_fresh_session(facts ->> 'session', whose);
  if (select count(*) from keyturn.passkey where person = whose and revoked_at is null) >= 10 then
    raise exception 'the person has ten passkeys' using errcode = 'KT008';
  end if;
  if created ->> 'link' is null then
    select * into confirming from keyturn.passkey
      where id = facts ->> 'confirmed_by' and person = whose and revoked_at is null;
    if not found and exists (select from keyturn.passkey where person = whose) then
      raise exception 'a further passkey is confirmed with one' using errcode = 'KT010';
    end if;
    -- What comes of a recovery counts for what is asked for later, however many passkeys on.
    if by_way is distinct from (case when confirming.how = 'recovery' then 'recovery' else 'self' end) then
      raise exception 'it does not count for more than what confirmed it' using errcode = 'KT010';
    end if;
  else
    update keyturn.passkey_link set used_at = instant
      where digest = created ->> 'link' and person = whose and id = facts ->> 'link' and kind = by_way
        and id in (select id from keyturn.open_passkey_link)
      returning * into opened;
    if not found then raise exception 'there is no such link' using errcode = 'KT009'; end if;
    -- Who is an operator no more lets nobody in.
    if not keyturn.is_operator(opened.made_by)
      or (opened.agreed_by is not null and not keyturn.is_operator(opened.agreed_by)) then
      raise exception 'an operator of the link is none any more' using errcode = 'KT009';
    end if;
  end if;
  insert into keyturn.passkey (id, credential, public_key, rp_id, origin, person, how, transports, is_synced, counter,
      salt, entry, made_at)
    values (created ->> 'id', facts ->> 'credential', facts -> 'public_key', facts ->> 'rp_id', facts ->> 'origin', whose,
      by_way, created -> 'transports', (created ->> 'is_synced')::boolean, (created ->> 'counter')::bigint,
      created ->> 'salt', leaf::jsonb ->> 'id', instant)
    on conflict (credential) do nothing returning * into made;
  if made.id is null then raise exception 'this passkey is registered' using errcode = 'KT002'; end if;
  if facts ->> 'row_digest' is distinct from 
      keyturn.passkey_digest(made.salt, made.credential, made.person, made.how) then
    raise exception 'the entry is about the passkey of somebody else';
  end if;
  perform keyturn.append_passkey_leaf(leaf, 'passkey.registered', subjects);
  perform keyturn.require_named(leaf, whose);
  if facts ->> 'passkey' is distinct from made.id then raise exception 'the entry is about another passkey'; end if;
  return to_jsonb(made);
end $$;
grant execute on function keyturn.register_passkey to keyturn_api;

-- By its person. False: it was revoked before.
create or replace function keyturn.revoke_passkey(of_passkey text, revoked_by text, leaf text, subjects jsonb)
returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  update keyturn.passkey set revoked_at = clock_timestamp()
    where id = of_passkey and person = revoked_by and revoked_at is null;
  if not found then return false; end if;
  perform keyturn.append_passkey_leaf(leaf, 'passkey.revoked', subjects);
  perform keyturn.require_named(leaf, revoked_by);
  if leaf::jsonb -> 'facts' ->> 'passkey' is distinct from of_passkey then
    raise exception 'the entry is about another passkey';
  end if;
  return true;
end $$;
grant execute on function keyturn.revoke_passkey to keyturn_api;

-- By an operator, for somebody else. An enrolment is for who never had a passkey, and is open at once; a recovery waits for
-- a second operator. A newer link replaces those before it. Both are over after a day.
create or replace function keyturn.make_passkey_link(made jsonb, leaf text, subjects jsonb) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  facts jsonb := leaf::jsonb -> 'facts';
  whose text := made ->> 'person';
  maker text := made ->> 'made_by';
  instant timestamptz;
  stored keyturn.passkey_link;
begin
  perform keyturn.lock_passkeys();
  instant := clock_timestamp();
  perform keyturn.require_other_operator(maker, whose);
  perform keyturn.require_fresh_session(facts ->> 'session', maker);
  if keyturn.is_active_person(whose) is distinct from true then
    raise exception 'there is no such active person' using errcode = 'KT001';
  end if;
  if facts ->> 'kind' = 'enrolment' and exists (select from keyturn.passkey where person = whose) then
    raise exception 'the person has had a passkey' using errcode = 'KT010';
  end if;
  delete from keyturn.passkey_link where expires_at < instant - interval '30 days';
  update keyturn.passkey_link set replaced_at = instant
    where person = whose and id in (select id from keyturn.open_passkey_link);
  insert into keyturn.passkey_link (id, kind, person, digest, made_by, made_at, expires_at)
    values (made ->> 'id', facts ->> 'kind', whose, made ->> 'digest', maker, instant,
      (facts ->> 'expires_at')::timestamptz)
    returning * into stored;
  if (stored.digest is not null) is distinct from (stored.kind = 'enrolment')
    or facts ->> 'link' is distinct from stored.id or stored.expires_at > instant + interval '24 hours 1 minute' then
    raise exception 'the entry is about another link';
  end if;
  perform keyturn.append_passkey_leaf(leaf, 'passkey.link_made', subjects);
  perform keyturn.require_named(leaf, maker);
  perform keyturn.require_meant(leaf, whose);
  return to_jsonb(stored) - 'digest';
end $$;
grant execute on function keyturn.make_passkey_link to keyturn_api;

-- By the second operator of a recovery: revokes all passkeys of the person, and opens the link, which is then over a day
-- later.
create or replace function keyturn.agree_to_recovery(agreed jsonb, leaf text, subjects jsonb) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  facts jsonb := leaf::jsonb -> 'facts';
  second text := agreed ->> 'agreed_by';
  instant timestamptz;
  stored keyturn.passkey_link;
  revoked jsonb;
begin
  perform keyturn.lock_passkeys();
  instant := clock_timestamp();
  select * into stored from keyturn.passkey_link where id = agreed ->> 'id' and kind = 'recovery' and agreed_by is null
    and id in (select id from keyturn.open_passkey_link);
  if not found then raise exception 'there is no such recovery' using errcode = 'KT009'; end if;
  perform keyturn.require_other_operator(second, stored.person);
  perform keyturn.require_other_operator(stored.made_by, stored.person);
  if second = stored.made_by then
    raise exception 'it takes a second operator' using errcode = 'KT003';
  end if;
  perform keyturn.require_fresh_session(facts ->> 'session', second);
  with ended as (update keyturn.passkey set revoked_at = instant
      where person = stored.person and revoked_at is null returning id)
    select coalesce(jsonb_agg(id order by id collate "C"), '[]') into revoked from ended;
  update keyturn.passkey_link
    set digest = agreed ->> 'digest', agreed_by = second, expires_at = (facts ->> 'expires_at')::timestamptz
    where id = stored.id returning * into stored;
  if facts ->> 'link' is distinct from stored.id or facts -> 'revoked' is distinct from revoked
    or stored.digest is null or stored.expires_at > instant + interval '24 hours 1 minute' then
    raise exception 'the entry is about another recovery' using errcode = 'KT001';
  end if;
  perform keyturn.append_passkey_leaf(leaf, 'passkey.recovery_agreed', subjects);
  perform keyturn.require_named(leaf, second);
  perform keyturn.require_meant(leaf, stored.person);
  return to_jsonb(stored) - 'digest';
end $$;
grant execute on function keyturn.agree_to_recovery to keyturn_api;

-- That a passkey was used. False where it is revoked, or where its counter does not grow: somebody may have a copy.
create or replace function keyturn.use_passkey(of_passkey text, shown bigint) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  update keyturn.passkey set counter = shown, used_at = clock_timestamp()
    where id = of_passkey and revoked_at is null and (counter = 0 and shown = 0 or shown > counter);
  return found;
end $$;
grant execute on function keyturn.use_passkey to keyturn_api;

-- What an entry says of a row, without telling whose the passkey is.
create or replace function keyturn.passkey_digest(salt text, credential text, person text, how text) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select 'sha256:' || encode(sha256(convert_to(concat_ws(E'\n', salt, credential, person, how), 'UTF8')), 'hex')
$$;
grant execute on function keyturn.passkey_digest to keyturn_api;

create or replace function keyturn.require_other_operator(wanted text, whose text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if wanted = whose or not keyturn.is_operator(wanted) then
    raise exception 'only other people who are operators do this' using errcode = 'KT003';
  end if;
end $$;

-- The entry names by a pseudonym whom it is about: it must be this person's.
create or replace function keyturn.require_meant(leaf text, wanted text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if not exists (select from audit.subject known
      where known.pseudonym = leaf::jsonb -> 'facts' ->> 'of' and known.body ->> 'person' = wanted) then
    raise exception 'the entry is about another person';
  end if;
end $$;

create or replace function keyturn.append_passkey_leaf(leaf text, kind text, subjects jsonb) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare body jsonb := leaf::jsonb;
begin
  perform keyturn.lock_passkeys();
  if octet_length(leaf) > 65536
    or body ->> 'id' is distinct from 'passkeys/' || keyturn.check_leaf(body, 'passkeys', 'passkeys')
    or body ->> 'type' is distinct from kind
    or body -> 'actor' ->> 'kind' is distinct from 'person'
    or body -> 'commit' <> '{}'::jsonb then
    raise exception 'not the next entry about passkeys';
  end if;
  insert into audit.entry (leaf) values (leaf);
  insert into audit.subject (pseudonym, body)
    select known.key, known.value from jsonb_each(subjects) as known on conflict do nothing;
end $$;
