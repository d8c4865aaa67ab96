-- How the directory changes, from any authority: one instant, one generation, one entry. Nobody writes intervals but
-- these functions and those of each authority, so no role of a program can date a membership back.

-- The instant of the next change: later than all before it, also when the clock was set back. The state is locked until
-- the transaction ends.
create or replace function keyturn.next_directory_instant() returns timestamptz
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare state keyturn.directory_state;
begin
  select * into strict state from keyturn.directory_state for update;
  return greatest(clock_timestamp(), state.changed_at + interval '1 microsecond');
end $$;

-- Whatever changes in the directory may take away what a membership by claims rests on: an account, a group, a claim.
create or replace function keyturn.count_directory_change(instant timestamptz) returns bigint
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare counted bigint;
begin
  perform keyturn.refuse_shared_accounts();
  perform keyturn.settle_claims(null, instant);
  update keyturn.directory_state set generation = generation + 1, changed_at = instant
    returning generation into strict counted;
  insert into keyturn.directory_change (generation, at) values (counted, instant);
  return counted;
end $$;

-- Two authorities may say the same of an account, never different things. What a person linked once is nobody else's: it
-- would be a second vote, or hide whose request something was.
create or replace function keyturn.refuse_shared_accounts() returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if exists (select from keyturn.account where valid_to is null group by issuer, subject
             having count(distinct (person, agent)) > 1) then
    raise exception 'an account belongs to somebody whom another authority brought' using errcode = 'KT001';
  end if;
  if exists (select from keyturn.account_link link join keyturn.account held using (issuer, subject)
      where held.valid_to is null and held.person is distinct from link.person) then
    raise exception 'an account was linked to another person, whose it stays' using errcode = 'KT001';
  end if;
end $$;

-- The API may add entries about what its function just changed, and no others: the caller writes the text, so it is
-- checked to be the next one of the stream.
create or replace function keyturn.append_directory_leaf(by text, leaf text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  body jsonb := leaf::jsonb;
begin
  if by !~ '^(scim|claims):.'
    or body ->> 'id' is distinct from
      'directory/directory/change/' || keyturn.check_leaf(body, 'directory', 'directory')
    or body ->> 'type' is distinct from 'directory.changed'
    or body -> 'facts' ->> 'authority' is distinct from by
    or body -> 'actor' ->> 'kind' is distinct from 'system' then
    raise exception 'not the next entry about the directory';
  end if;
  insert into audit.entry (leaf) values (leaf);
end $$;

-- Each change names the entry that it was made with, so that one without an entry stands out. The entry comes last: by
-- then the change of its transaction is counted, if there is one.
create or replace function audit.tie_directory_change() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  update keyturn.directory_change set entry = new.event_id
    where transaction = pg_current_xact_id() and entry is null
      and generation = (select state.generation from keyturn.directory_state state);
  return null;
end $$;

-- Whose account it is; nobody's when null.
create or replace function keyturn.person_of_account(iss text, sub text) returns text
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare holder record;
begin
  select person, agent into holder from keyturn.account
    where issuer = iss and subject = sub and valid_to is null limit 1;
  if holder.agent is not null then
    raise exception 'the account belongs to an agent' using errcode = 'KT001';
  end if;
  return holder.person;
end $$;

-- True for an active person whom the active policy names among its operators.
create or replace function keyturn.is_operator(wanted text) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  select keyturn.is_active_person(wanted) and exists (
    select from keyturn.policy_active join keyturn.policy_set using (digest),
      jsonb_array_elements_text(coalesce(body -> 'operators', '[]')) as named(selector)
    where named.selector = 'user:' || wanted
      or (starts_with(named.selector, 'group:') and keyturn.is_member(wanted, substr(named.selector, 7))))
$$;

-- Active by every authority that knows the person.
create or replace function keyturn.is_active_person(wanted text) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  select coalesce(bool_and(active), false) from keyturn.person_standing where person = wanted and valid_to is null
$$;

create or replace function keyturn.is_member(wanted text, of_group text) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  with recursive inner_group(id) as (
    select of_group
    union
    select nested.member_group from keyturn.membership nested join inner_group on nested.group_id = inner_group.id
      where nested.member_group is not null and nested.valid_to is null)
  select exists (select from keyturn.membership one join inner_group on one.group_id = inner_group.id
    where one.person = wanted and one.valid_to is null
      and (one.lapses_at is null or one.lapses_at > clock_timestamp()))
$$;
