-- Links of accounts, which people make of their own accounts: they sign in with both, in one session. A link is the word of
-- the authority `links`, written with its audit entry. KT007 tells that somebody must sign in again, KT009 that no such link
-- was begun or is there, KT011 that the account is or was somebody's, and KT012 that it is the person's already.

-- In a session whose person has just signed in. For ten minutes. Those that are over for a day are forgotten.
create or replace function keyturn.begin_account_link(begun jsonb) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  instant timestamptz := clock_timestamp();
  stored keyturn.begun_account_link;
begin
  perform keyturn.require_fresh_session(begun ->> 'session', begun ->> 'person');
  delete from keyturn.begun_account_link where expires_at < instant - interval '1 day';
  insert into keyturn.begun_account_link (id, session, person, issuer, begun_at, expires_at)
    values (begun ->> 'id', begun ->> 'session', begun ->> 'person', begun ->> 'issuer', instant,
      instant + interval '10 minutes')
    returning * into stored;
  return to_jsonb(stored);
end $$;
grant execute on function keyturn.begin_account_link to keyturn_api;

-- Who signed in as the other account, in the session that began the link, once. False: it is over, or of another session.
create or replace function keyturn.answer_account_link(answer jsonb) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  update keyturn.begun_account_link begun
    set subject = answer ->> 'subject', shown_as = answer ->> 'shown_as',
      authenticated_at = least((answer ->> 'authenticated_at')::timestamptz, clock_timestamp())
    where id = answer ->> 'id' and session = answer ->> 'session' and issuer = answer ->> 'issuer'
      and begun.subject is null and expires_at > clock_timestamp();
  return found;
end $$;
grant execute on function keyturn.answer_account_link to keyturn_api;

-- The account becomes the person's, where it never was anybody else's.
create or replace function keyturn.link_account(confirmed jsonb, leaf text, subjects jsonb) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  instant timestamptz := keyturn.next_directory_instant();
  facts jsonb := leaf::jsonb -> 'facts';
  begun keyturn.begun_account_link;
  made keyturn.account_link;
begin
  update keyturn.begun_account_link open set used_at = clock_timestamp()
    where open.id = confirmed ->> 'id' and open.session = confirmed ->> 'session' and open.used_at is null
      and open.subject is not null and open.expires_at > clock_timestamp()
    returning * into begun;
  if not found then raise exception 'no such link was begun' using errcode = 'KT009'; end if;
  perform keyturn.require_fresh_session(begun.session, begun.person);
  if (begun.authenticated_at > clock_timestamp() - interval '10 minutes') is distinct from true then
    raise exception 'both sign-ins have to be fresh' using errcode = 'KT007';
  end if;
  perform keyturn.refuse_held_account(begun.issuer, begun.subject, begun.person);
  insert into keyturn.account (issuer, subject, authority, person, valid_from)
    values (begun.issuer, begun.subject, 'links', begun.person, instant);
  insert into keyturn.account_link (id, issuer, subject, person, session, salt, linked_at)
    values (begun.id, begun.issuer, begun.subject, begun.person, begun.session, confirmed ->> 'salt', instant)
    returning * into made;
  perform keyturn.count_directory_change(instant);
  perform keyturn.append_link_leaf(leaf, 'account.linked', made.id, subjects);
  perform keyturn.require_named(leaf, made.person);
  perform keyturn.require_account(leaf, made.issuer, made.subject);
  if facts ->> 'session' is distinct from made.session or facts ->> 'row_digest' is distinct from
      keyturn.account_link_digest(made.salt, made.issuer, made.subject, made.person) then
    raise exception 'the entry is about another link';
  end if;
  return to_jsonb(made) - 'salt';
end $$;
grant execute on function keyturn.link_account to keyturn_api;

-- By its person or an operator, who has just signed in. The account signs in no more; it stays this person's in all that was
-- done with it. False: it was removed before.
create or replace function keyturn.unlink_account(removed jsonb, leaf text, subjects jsonb) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  instant timestamptz := keyturn.next_directory_instant();
  by_person text := removed ->> 'by';
  how text := leaf::jsonb -> 'facts' ->> 'how';
  ended keyturn.account_link;
begin
  perform keyturn.require_fresh_session(leaf::jsonb -> 'facts' ->> 'session', by_person);
  update keyturn.account_link set unlinked_at = instant, unlinked_by = by_person
    where id = removed ->> 'id' and unlinked_at is null returning * into ended;
  if not found then return false; end if;
  if by_person <> ended.person and not keyturn.is_operator(by_person) then
    raise exception 'only operators remove the links of others' using errcode = 'KT003';
  end if;
  if how is distinct from (case when by_person = ended.person then 'person' else 'operator' end) then
    raise exception 'the entry does not say who removed the link';
  end if;
  update keyturn.account set valid_to = instant
    where authority = 'links' and valid_to is null
      and (issuer, subject, person) = (ended.issuer, ended.subject, ended.person);
  perform keyturn.count_directory_change(instant);
  perform keyturn.append_link_leaf(leaf, 'account.unlinked', ended.id, subjects);
  perform keyturn.require_named(leaf, by_person);
  perform keyturn.require_meant(leaf, ended.person);
  return true;
end $$;
grant execute on function keyturn.unlink_account to keyturn_api;

-- An account of somebody else, also a former one, an inactive one's or an agent's, stays where it is: operators merge people
-- in the directory.
create or replace function keyturn.refuse_held_account(iss text, sub text, whose text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if exists (select from keyturn.account known where (known.issuer, known.subject) = (iss, sub)
      and known.person is distinct from whose) then
    raise exception 'the account is or was of somebody else' using errcode = 'KT011';
  end if;
  if exists (select from keyturn.account known
      where (known.issuer, known.subject) = (iss, sub) and known.valid_to is null) then
    raise exception 'the account is of this person' using errcode = 'KT012';
  end if;
end $$;

-- The code of that refusal, before anybody is asked to confirm the link; null where there is none.
create or replace function keyturn.link_refusal(iss text, sub text, whose text) returns text
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform keyturn.refuse_held_account(iss, sub, whose);
  return null;
exception when sqlstate 'KT011' or sqlstate 'KT012' then
  return sqlstate;
end $$;
grant execute on function keyturn.link_refusal to keyturn_api;

-- What an entry says of a row, without telling whose account it is.
create or replace function keyturn.account_link_digest(salt text, issuer text, subject text, person text) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select 'sha256:' || encode(sha256(convert_to(concat_ws(E'\n', salt, issuer, subject, person), 'UTF8')), 'hex')
$$;
grant execute on function keyturn.account_link_digest to keyturn_api;

-- The entry names by a pseudonym which account was linked: it must be this one.
create or replace function keyturn.require_account(leaf text, iss text, sub text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if not exists (select from audit.subject known
      where known.pseudonym = leaf::jsonb -> 'facts' ->> 'account'
        and (known.body ->> 'issuer', known.body ->> 'subject') = (iss, sub)) then
    raise exception 'the entry is about another account';
  end if;
end $$;

create or replace function keyturn.append_link_leaf(leaf text, kind text, of_link text, subjects jsonb) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare body jsonb := leaf::jsonb;
begin
  if octet_length(leaf) > 8192
    or body ->> 'id' is distinct from 'directory/' || keyturn.check_leaf(body, 'directory', 'directory')
    or body ->> 'type' is distinct from kind
    or body -> 'facts' ->> 'link' is distinct from of_link
    or body -> 'actor' ->> 'kind' is distinct from 'person'
    or body -> 'commit' <> '{}'::jsonb then
    raise exception 'not the next entry about this link';
  end if;
  insert into audit.entry (leaf) values (leaf);
  insert into audit.subject (pseudonym, body)
    select known.key, known.value from jsonb_each(subjects) as known on conflict do nothing;
end $$;
