-- What provisioning (SCIM) brings, written by the API with its entries. A refusal has a code (KT001: the directory
-- holds something else; KT002: it belongs to another authority), so that the API tells it from a fault.

create or replace function keyturn.write_scim_user(by text, wanted jsonb, leaf text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare instant timestamptz := keyturn.next_directory_instant(); changes int; gone timestamptz; closed int;
begin
  gone := case when (wanted ->> 'is_deleted')::boolean then instant end;
  insert into keyturn.person (id, authority)
    select wanted ->> 'person', by where wanted ->> 'person' = 'scim:' || (wanted ->> 'id') on conflict do nothing;
  insert into keyturn.scim_user as known (id, authority, person, user_name, external_id, display_name, name, active,
      subject, created_at, modified_at, deleted_at)
    values (wanted ->> 'id', by, wanted ->> 'person', wanted ->> 'user_name', wanted ->> 'external_id',
      wanted ->> 'display_name', nullif(wanted -> 'name', 'null'), (wanted ->> 'active')::boolean,
      wanted ->> 'subject', instant, instant, gone)
    on conflict (id) do update set user_name = excluded.user_name, external_id = excluded.external_id,
      display_name = excluded.display_name, name = excluded.name, active = excluded.active,
      subject = excluded.subject, modified_at = instant, deleted_at = gone
      where known.authority = by and known.person = excluded.person and known.deleted_at is null;
  if not found then
    raise exception 'the user is not of this authority' using errcode = 'KT001';
  end if;
  changes := keyturn.scim_link(by, wanted, instant) + keyturn.scim_stand(by, wanted, instant);
  if gone is not null then
    update keyturn.membership set valid_to = instant where id in (
      select own.id from keyturn.memberships_of_authority(by) own where own.person = wanted ->> 'person');
    get diagnostics closed = row_count;
    changes := changes + closed;
  end if;
  if changes > 0 then
    perform keyturn.count_directory_change(instant);
  end if;
  perform keyturn.append_directory_leaf(by, leaf);
  insert into audit.subject (pseudonym, body)
    values (wanted ->> 'pseudonym', jsonb_build_object('person', wanted ->> 'person')) on conflict do nothing;
end $$;
grant execute on function keyturn.write_scim_user to keyturn_api;

create or replace function keyturn.write_scim_group(by text, wanted jsonb, leaf text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare instant timestamptz := keyturn.next_directory_instant(); changes int; gone timestamptz;
begin
  gone := case when (wanted ->> 'is_deleted')::boolean then instant end;
  insert into keyturn.scim_group as known (id, authority, group_id, display_name, external_id, created_at,
      modified_at, deleted_at)
    values (wanted ->> 'id', by, wanted ->> 'group_id', wanted ->> 'display_name', wanted ->> 'external_id',
      instant, instant, gone)
    on conflict (id) do update set display_name = excluded.display_name, external_id = excluded.external_id,
      modified_at = instant, deleted_at = gone
      where known.authority = by and known.group_id = excluded.group_id and known.deleted_at is null;
  if not found then
    raise exception 'the group is not of this authority' using errcode = 'KT001';
  end if;
  changes := keyturn.scim_take_group(by, wanted, instant) + keyturn.scim_members(by, wanted, instant);
  if gone is not null then
    update keyturn.membership set valid_to = instant
      where id in (select own.id from keyturn.memberships_of_authority(by) own
        where wanted ->> 'group_id' in (own.group_id, own.member_group));
    changes := changes + 1;
  end if;
  if changes > 0 then
    perform keyturn.count_directory_change(instant);
  end if;
  perform keyturn.append_directory_leaf(by, leaf);
end $$;
grant execute on function keyturn.write_scim_group to keyturn_api;

-- An account is added to a person of this authority only; of another's, it must be one that the person has. Else a
-- provisioning client could sign in as somebody whom others have put into their groups.
create or replace function keyturn.scim_link(by text, wanted jsonb, instant timestamptz) returns int
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare closed int; opened int;
begin
  if wanted ->> 'subject' is not null
    and coalesce(keyturn.person_of_account(wanted ->> 'issuer', wanted ->> 'subject'), wanted ->> 'person')
      <> wanted ->> 'person' then
    raise exception 'the account belongs to another person' using errcode = 'KT001';
  end if;
  update keyturn.account set valid_to = instant
    where person = wanted ->> 'person' and authority = by and valid_to is null
      and (issuer, subject) is distinct from (wanted ->> 'issuer', wanted ->> 'subject');
  get diagnostics closed = row_count;
  insert into keyturn.account (issuer, subject, authority, person, valid_from)
    select wanted ->> 'issuer', wanted ->> 'subject', by, wanted ->> 'person', instant
    where wanted ->> 'subject' is not null and not exists (
      select from keyturn.account where (issuer, subject, authority) =
        (wanted ->> 'issuer', wanted ->> 'subject', by) and valid_to is null);
  get diagnostics opened = row_count;
  if closed + opened > 0
    and (select authority from keyturn.person where id = wanted ->> 'person') <> by
    and not exists (select from keyturn.account where authority <> by and valid_to is null
      and (issuer, subject, person) = (wanted ->> 'issuer', wanted ->> 'subject', wanted ->> 'person')) then
    raise exception 'another authority brought this person: her account stays' using errcode = 'KT002';
  end if;
  return closed + opened;
end $$;

create or replace function keyturn.scim_stand(by text, wanted jsonb, instant timestamptz) returns int
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare closed int; opened int;
begin
  update keyturn.person_standing set valid_to = instant
    where person = wanted ->> 'person' and authority = by and valid_to is null
      and (name, active) <> (wanted ->> 'title', (wanted ->> 'active')::boolean);
  get diagnostics closed = row_count;
  insert into keyturn.person_standing (person, authority, name, active, valid_from)
    select wanted ->> 'person', by, wanted ->> 'title', (wanted ->> 'active')::boolean, instant
    where not exists (select from keyturn.person_standing
      where person = wanted ->> 'person' and authority = by and valid_to is null);
  get diagnostics opened = row_count;
  return closed + opened;
end $$;

-- One authority a group: the name is taken, kept, or free.
create or replace function keyturn.scim_take_group(by text, wanted jsonb, instant timestamptz) returns int
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare known keyturn.directory_group; is_deleted boolean := (wanted ->> 'is_deleted')::boolean;
begin
  select * into known from keyturn.directory_group where group_id = wanted ->> 'group_id' and valid_to is null;
  if not found then
    insert into keyturn.directory_group (group_id, authority, valid_from)
      values (wanted ->> 'group_id', by, instant);
    return 1;
  end if;
  if known.authority <> by then
    raise exception 'another authority has the group' using errcode = 'KT001';
  end if;
  -- A deleted group leaves its name with its authority: rules may still ask for it.
  update keyturn.directory_group set is_reserved = is_deleted where id = known.id;
  return 0;
end $$;

create or replace function keyturn.scim_members(by text, wanted jsonb, instant timestamptz) returns int
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare closed int; opened int;
begin
  update keyturn.membership set valid_to = instant
    where group_id = wanted ->> 'group_id' and valid_to is null and (
      person in (select one.person from keyturn.scim_user one
        where one.authority = by and wanted -> 'removed' ? one.id)
      or member_group in (select one.group_id from keyturn.scim_group one
        where one.authority = by and wanted -> 'removed' ? one.id));
  get diagnostics closed = row_count;
  insert into keyturn.membership (group_id, person, member_group, valid_from)
    select wanted ->> 'group_id', one.person, null, instant from keyturn.scim_user one
      where one.authority = by and deleted_at is null and wanted -> 'added' ? one.id
    union all
    select wanted ->> 'group_id', null, one.group_id, instant from keyturn.scim_group one
      where one.authority = by and deleted_at is null and wanted -> 'added' ? one.id;
  get diagnostics opened = row_count;
  return closed + opened;
end $$;

-- Open memberships of groups that the authority has now: a name that it once had may be somebody else's today.
create or replace function keyturn.memberships_of_authority(by text) returns setof keyturn.membership
language sql stable set search_path = pg_catalog, pg_temp as $$
  select one.* from keyturn.membership one join keyturn.directory_group owner using (group_id)
  where one.valid_to is null and owner.valid_to is null and owner.authority = by
$$;
