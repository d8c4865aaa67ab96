-- How the file's part of the directory becomes that of a policy set. What other authorities brought is not touched.

-- Answers the intervals opened and closed, by kind. Nothing to change is no change: the generation stays.
create or replace function keyturn.apply_file_directory(body jsonb, instant timestamptz) returns jsonb
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare counts jsonb;
begin
  perform keyturn.refuse_other_groups(body);
  counts := jsonb_build_object('people', keyturn.file_people(body, instant));
  counts := counts || jsonb_build_object('agents', keyturn.file_agents(body, instant));
  counts := counts || jsonb_build_object('accounts', keyturn.file_accounts(body, instant));
  counts := counts || jsonb_build_object('groups', keyturn.file_groups(body, instant));
  counts := counts || jsonb_build_object('memberships', keyturn.file_memberships(body, instant));
  if exists (select from jsonb_each(counts) where value::int > 0) then
    perform keyturn.count_directory_change(instant);
  end if;
  return counts;
end $$;

-- How many intervals the file's directory would open and close. Done and taken back: the entry is written before.
create or replace function keyturn.preview_file_directory(body jsonb) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare counts jsonb;
begin
  begin
    counts := keyturn.apply_file_directory(body, keyturn.next_directory_instant());
    raise exception 'taken back' using errcode = 'KT004';
  exception when sqlstate 'KT004' then
    return counts;
  end;
end $$;
grant execute on function keyturn.preview_file_directory to keyturn_worker;

-- A policy may say which group of a provider one of its groups is, by the id that the provider has for it. A group that
-- was brought before, under the same name, is not taken for that one: the policy is refused until one of both is
-- changed.
create or replace function keyturn.refuse_other_groups(body jsonb) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare other record;
begin
  select known.group_id, known.authority, wanted.value ->> 'external_id' as bound into other
    from jsonb_array_elements(body -> 'groups') wanted join keyturn.scim_group known
      on (known.group_id, known.authority) = (wanted.value ->> 'id', wanted.value ->> 'authority')
    where wanted.value ? 'external_id' and known.deleted_at is null
      and known.external_id is distinct from wanted.value ->> 'external_id'
    order by 1 limit 1;
  if found then
    raise exception 'the group % that % has brought is not the one with the external id %',
      other.group_id, other.authority, to_jsonb(other.bound) using errcode = 'KT001';
  end if;
end $$;

create or replace function keyturn.file_people(body jsonb, instant timestamptz) returns int
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare closed int; opened int;
begin
  insert into keyturn.person (id, authority)
    select value ->> 'id', 'file' from jsonb_array_elements(body -> 'people') on conflict do nothing;
  update keyturn.person_standing known set valid_to = instant
    where authority = 'file' and valid_to is null and not exists (
      select from jsonb_array_elements(body -> 'people')
      where (value ->> 'id', value ->> 'name', (value ->> 'active')::boolean) =
        (known.person, known.name, known.active));
  get diagnostics closed = row_count;
  insert into keyturn.person_standing (person, authority, name, active, valid_from)
    select value ->> 'id', 'file', value ->> 'name', (value ->> 'active')::boolean, instant
    from jsonb_array_elements(body -> 'people') where not exists (
      select from keyturn.person_standing known
      where known.person = value ->> 'id' and authority = 'file' and valid_to is null);
  get diagnostics opened = row_count;
  return closed + opened;
end $$;

create or replace function keyturn.file_agents(body jsonb, instant timestamptz) returns int
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare closed int; opened int;
begin
  insert into keyturn.agent (id, authority)
    select value ->> 'id', 'file' from jsonb_array_elements(body -> 'agents') on conflict do nothing;
  update keyturn.agent_standing known set valid_to = instant
    where authority = 'file' and valid_to is null and not exists (
      select from jsonb_array_elements(body -> 'agents')
      where (value ->> 'id', value ->> 'name', (value ->> 'active')::boolean, value ->> 'owner',
          (value ->> 'acts_for_people')::boolean) =
        (known.agent, known.name, known.active, known.owner, known.acts_for_people));
  get diagnostics closed = row_count;
  insert into keyturn.agent_standing (agent, authority, name, active, owner, acts_for_people, valid_from)
    select value ->> 'id', 'file', value ->> 'name', (value ->> 'active')::boolean, value ->> 'owner',
      (value ->> 'acts_for_people')::boolean, instant
    from jsonb_array_elements(body -> 'agents') where not exists (
      select from keyturn.agent_standing known where known.agent = value ->> 'id' and valid_to is null);
  get diagnostics opened = row_count;
  return closed + opened;
end $$;

create or replace function keyturn.file_accounts(body jsonb, instant timestamptz) returns int
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare closed int; opened int;
begin
  update keyturn.account known set valid_to = instant
    where authority = 'file' and valid_to is null and not exists (
      select from keyturn.accounts_of_file(body) wanted
      where (wanted.issuer, wanted.subject) = (known.issuer, known.subject)
        and (wanted.person, wanted.agent) is not distinct from (known.person, known.agent));
  get diagnostics closed = row_count;
  insert into keyturn.account (issuer, subject, authority, person, agent, valid_from)
    select wanted.issuer, wanted.subject, 'file', wanted.person, wanted.agent, instant
    from keyturn.accounts_of_file(body) wanted where not exists (
      select from keyturn.account known
      where (known.issuer, known.subject, authority) = (wanted.issuer, wanted.subject, 'file')
        and valid_to is null);
  get diagnostics opened = row_count;
  return closed + opened;
end $$;

create or replace function keyturn.accounts_of_file(body jsonb)
returns table (issuer text, subject text, person text, agent text)
language sql set search_path = pg_catalog, pg_temp as $$
  select one.value ->> 'issuer', one.value ->> 'subject', holder.value ->> 'id', null
    from jsonb_array_elements(body -> 'people') holder, jsonb_array_elements(holder.value -> 'accounts') one
  union all
  select value ->> 'issuer', value ->> 'subject', null, value ->> 'id'
    from jsonb_array_elements(body -> 'agents')
$$;

-- The file's groups, those of claims with what they are called. Another claim or age makes another interval.
create or replace function keyturn.file_groups(body jsonb, instant timestamptz) returns int
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare closed int; opened int; taken text;
begin
  update keyturn.directory_group known set valid_to = instant
    where (authority = 'file' or is_reserved) and valid_to is null and not exists (
      select from keyturn.groups_of_file(body) wanted
      where (wanted.group_id, wanted.authority, wanted.claim, wanted.maximum_age) is not distinct from
        (known.group_id, known.authority, known.claim, known.maximum_age));
  get diagnostics closed = row_count;
  select wanted.group_id into taken from keyturn.groups_of_file(body) wanted
    join keyturn.directory_group known using (group_id)
    where known.valid_to is null and known.authority <> wanted.authority order by 1 limit 1;
  if found then
    raise exception 'another authority has the group %', taken using errcode = 'KT001';
  end if;
  insert into keyturn.directory_group (group_id, authority, is_reserved, claim, maximum_age, valid_from)
    select wanted.group_id, wanted.authority, wanted.authority <> 'file', wanted.claim, wanted.maximum_age, instant
    from keyturn.groups_of_file(body) wanted where not exists (
      select from keyturn.directory_group known
      where known.group_id = wanted.group_id and valid_to is null);
  get diagnostics opened = row_count;
  -- Before the file says who is in it: a group that is not seen in claims any more keeps nobody by them.
  update keyturn.membership known set valid_to = instant
    where valid_to is null and lapses_at is not null and not exists (
      select from keyturn.directory_group named
      where named.group_id = known.group_id and named.valid_to is null and named.claim is not null);
  -- What policy does not ask for is forgotten: should it ask again, it asks later tokens.
  update keyturn.claims_seen seen set listed = array(
      select unnest(seen.listed) intersect select keyturn.claims_asked(seen.issuer))
    where not seen.listed <@ array(select keyturn.claims_asked(seen.issuer));
  return closed + opened;
end $$;

create or replace function keyturn.groups_of_file(body jsonb)
returns table (group_id text, authority text, claim text, maximum_age interval)
language sql set search_path = pg_catalog, pg_temp as $$
  select value ->> 'id', coalesce(value ->> 'authority', 'file'), value ->> 'claim',
      (value ->> 'maximum_age_ms')::bigint * interval '1 millisecond'
    from jsonb_array_elements(body -> 'groups')
$$;

-- Memberships of groups that the file has, or had until this very change.
create or replace function keyturn.file_memberships(body jsonb, instant timestamptz) returns int
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare closed int; opened int;
begin
  update keyturn.membership known set valid_to = instant
    where valid_to is null
      and exists (select from keyturn.directory_group owned where owned.group_id = known.group_id
        and owned.authority = 'file' and (owned.valid_to is null or owned.valid_to = instant))
      and not exists (select from keyturn.memberships_of_file(body) wanted
        where (wanted.group_id, wanted.person, wanted.member_group) is not distinct from
          (known.group_id, known.person, known.member_group));
  get diagnostics closed = row_count;
  insert into keyturn.membership (group_id, person, member_group, valid_from)
    select wanted.group_id, wanted.person, wanted.member_group, instant
    from keyturn.memberships_of_file(body) wanted where not exists (
      select from keyturn.membership known where valid_to is null
        and (wanted.group_id, wanted.person, wanted.member_group) is not distinct from
          (known.group_id, known.person, known.member_group));
  get diagnostics opened = row_count;
  return closed + opened;
end $$;

create or replace function keyturn.memberships_of_file(body jsonb)
returns table (group_id text, person text, member_group text)
language sql set search_path = pg_catalog, pg_temp as $$
  select one.value ->> 'id', member.value, null from jsonb_array_elements(body -> 'groups') one,
    jsonb_array_elements_text(one.value -> 'members') member
  union
  select one.value ->> 'id', null, nested.value from jsonb_array_elements(body -> 'groups') one,
    jsonb_array_elements_text(one.value -> 'groups') nested
$$;
