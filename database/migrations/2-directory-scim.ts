import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What provisioning (SCIM) brings: its resources, and the functions by which the API writes them with their entries. */
export class Scim1764110000000 implements MigrationInterface {
  readonly name = 'Scim1764110000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...RESOURCES, ...STEPS, ...WRITES, ...GRANTS]) await runner.query(statement);
  }

  /** Who was provisioned is part of the record. */
  async down(): Promise<void> {
    throw new Error('The provisioned users cannot be undone: requests are judged by them.');
  }
}

const SAFE = `set search_path = pg_catalog, pg_temp`;

/** A refusal that callers can tell from a fault: the directory holds something else. */
const REFUSED = `using errcode = 'KT001'`;
const IMMUTABLE = `using errcode = 'KT002'`;

const RESOURCES = [
  `create table keyturn.scim_user (
     id text primary key, authority text not null check (authority like 'scim:%'),
     person text not null references keyturn.person,
     user_name text not null, external_id text, display_name text, name jsonb, active boolean not null,
     subject text, created_at timestamptz not null, modified_at timestamptz not null, deleted_at timestamptz)`,
  `create unique index scim_user_name on keyturn.scim_user (authority, lower(user_name)) where deleted_at is null`,
  `create unique index scim_user_person on keyturn.scim_user (authority, person) where deleted_at is null`,
  `create unique index scim_user_subject on keyturn.scim_user (authority, subject) where deleted_at is null`,
  `create table keyturn.scim_group (
     id text primary key, authority text not null check (authority like 'scim:%'), group_id text not null,
     display_name text not null, external_id text,
     created_at timestamptz not null, modified_at timestamptz not null, deleted_at timestamptz)`,
  `create unique index scim_group_name on keyturn.scim_group (authority, group_id) where deleted_at is null`,
  // Members as their authority knows them: by the ids of its own resources.
  `create view keyturn.scim_member as
     select owner.id as group_resource, member.id as value, 'User' as type,
         coalesce(member.display_name, member.user_name) as display
       from keyturn.scim_group owner join keyturn.membership using (group_id)
       join keyturn.scim_user member on member.person = membership.person and member.authority = owner.authority
       where valid_to is null and member.deleted_at is null
     union all
     select owner.id, member.id, 'Group', member.display_name
       from keyturn.scim_group owner join keyturn.membership using (group_id)
       join keyturn.scim_group member
         on member.group_id = membership.member_group and member.authority = owner.authority
       where valid_to is null and member.deleted_at is null`,
];

const STEPS = [
  // The API may add entries about what its function just changed, and no others.
  `create function keyturn.append_directory_leaf(by text, leaf text) returns void language plpgsql ${SAFE} as $$
   begin
     if by not like 'scim:%' or leaf::jsonb ->> 'type' <> 'directory.changed'
       or leaf::jsonb -> 'stream' <> '{"request": "directory", "run": "directory"}'
       or leaf::jsonb -> 'facts' ->> 'authority' <> by then
       raise exception 'not an entry about the directory';
     end if;
     insert into audit.entry (leaf) values (leaf);
   end $$`,
  // Whose account it is: nobody's when null.
  `create function keyturn.person_of_account(iss text, sub text) returns text language plpgsql ${SAFE} as $$
   declare holder record;
   begin
     select person, agent into holder from keyturn.account
       where issuer = iss and subject = sub and valid_to is null limit 1;
     if holder.agent is not null then
       raise exception 'the account belongs to an agent' ${REFUSED};
     end if;
     return holder.person;
   end $$`,
  // An account is added to a person of this authority only; of another's, it must be one that she has. Else whoever
  // provisions could sign in as somebody whom others have put into their groups.
  `create function keyturn.scim_link(by text, wanted jsonb, instant timestamptz) returns int language plpgsql ${SAFE} as $$
   declare closed int; opened int;
   begin
     if wanted ->> 'subject' is not null
       and coalesce(keyturn.person_of_account(wanted ->> 'issuer', wanted ->> 'subject'), wanted ->> 'person')
         <> wanted ->> 'person' then
       raise exception 'the account belongs to another person' ${REFUSED};
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
       raise exception 'another authority brought this person: her account stays' ${IMMUTABLE};
     end if;
     return closed + opened;
   end $$`,
  `create function keyturn.scim_stand(by text, wanted jsonb, instant timestamptz) returns int language plpgsql ${SAFE} as $$
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
   end $$`,
  `create function keyturn.scim_leave(by text, leaver text, instant timestamptz) returns int language plpgsql ${SAFE} as $$
   declare closed int;
   begin
     update keyturn.membership set valid_to = instant where person = leaver and valid_to is null and exists (
       select from keyturn.scim_group owner where owner.group_id = membership.group_id and owner.authority = by);
     get diagnostics closed = row_count;
     return closed;
   end $$`,
  // One authority a group: the name is taken, kept, or free.
  `create function keyturn.scim_take_group(by text, wanted jsonb, instant timestamptz) returns int
   language plpgsql ${SAFE} as $$
   declare known keyturn.directory_group; is_deleted boolean := (wanted ->> 'is_deleted')::boolean;
   begin
     select * into known from keyturn.directory_group where group_id = wanted ->> 'group_id' and valid_to is null;
     if not found then
       insert into keyturn.directory_group (group_id, authority, valid_from)
         values (wanted ->> 'group_id', by, instant);
       return 1;
     end if;
     if known.authority <> by then
       raise exception 'another authority has the group' ${REFUSED};
     end if;
     -- A deleted group leaves its name with its authority: rules may still ask for it.
     update keyturn.directory_group set is_reserved = is_deleted where id = known.id;
     return 0;
   end $$`,
  `create function keyturn.scim_members(by text, wanted jsonb, instant timestamptz) returns int language plpgsql ${SAFE} as $$
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
   end $$`,
];

const WRITES = [
  `create function keyturn.write_scim_user(by text, wanted jsonb, leaf text) returns void
   language plpgsql security definer ${SAFE} as $$
   declare instant timestamptz := keyturn.next_directory_instant(); changes int; gone timestamptz;
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
       raise exception 'the user is not of this authority' ${REFUSED};
     end if;
     changes := keyturn.scim_link(by, wanted, instant) + keyturn.scim_stand(by, wanted, instant);
     if gone is not null then
       changes := changes + keyturn.scim_leave(by, wanted ->> 'person', instant);
     end if;
     if changes > 0 then
       perform keyturn.count_directory_change(instant);
     end if;
     perform keyturn.append_directory_leaf(by, leaf);
     insert into audit.subject (pseudonym, body)
       values (wanted ->> 'pseudonym', jsonb_build_object('person', wanted ->> 'person')) on conflict do nothing;
   end $$`,
  `create function keyturn.write_scim_group(by text, wanted jsonb, leaf text) returns void
   language plpgsql security definer ${SAFE} as $$
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
       raise exception 'the group is not of this authority' ${REFUSED};
     end if;
     changes := keyturn.scim_take_group(by, wanted, instant) + keyturn.scim_members(by, wanted, instant);
     if gone is not null then
       update keyturn.membership set valid_to = instant where valid_to is null and (
         group_id = wanted ->> 'group_id'
         or member_group = wanted ->> 'group_id' and exists (select from keyturn.scim_group owner
           where owner.group_id = membership.group_id and owner.authority = by));
       changes := changes + 1;
     end if;
     if changes > 0 then
       perform keyturn.count_directory_change(instant);
     end if;
     perform keyturn.append_directory_leaf(by, leaf);
   end $$`,
  `revoke execute on all functions in schema keyturn from public`,
];

const GRANTS = [
  `grant select on keyturn.scim_user, keyturn.scim_group, keyturn.scim_member to keyturn_api`,
  `grant execute on function keyturn.write_scim_user(text, jsonb, text), keyturn.write_scim_group(text, jsonb, text)
     to keyturn_api`,
];
