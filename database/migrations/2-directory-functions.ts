/** Functions of an owner, which others may call: they see only the schemas they name. */
const SAFE = `set search_path = pg_catalog, pg_temp`;

/** A refusal that callers can tell from a fault. */
const REFUSED = `using errcode = 'KT001'`;

const CHANGES = [
  // The state, locked until the transaction ends, and the instant of the next change: later than all before it, also
  // when the clock was set back.
  `create function keyturn.next_directory_instant() returns timestamptz language plpgsql ${SAFE} as $$
   declare state keyturn.directory_state;
   begin
     select * into strict state from keyturn.directory_state for update;
     return greatest(clock_timestamp(), state.changed_at + interval '1 microsecond');
   end $$`,
  `create function keyturn.count_directory_change(instant timestamptz) returns bigint language plpgsql ${SAFE} as $$
   declare counted bigint;
   begin
     perform keyturn.refuse_shared_accounts();
     update keyturn.directory_state set generation = generation + 1, changed_at = instant
       returning generation into strict counted;
     insert into keyturn.directory_change (generation, at) values (counted, instant);
     return counted;
   end $$`,
  // Two authorities may say the same of an account, never different things.
  `create function keyturn.refuse_shared_accounts() returns void language plpgsql ${SAFE} as $$
   begin
     if exists (select from keyturn.account where valid_to is null group by issuer, subject
                having count(distinct (person, agent)) > 1) then
       raise exception 'an account belongs to somebody whom another authority brought' ${REFUSED};
     end if;
   end $$`,
];

const FILE_PEOPLE = [
  `create function keyturn.file_people(body jsonb, instant timestamptz) returns int language plpgsql ${SAFE} as $$
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
   end $$`,
  `create function keyturn.file_agents(body jsonb, instant timestamptz) returns int language plpgsql ${SAFE} as $$
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
   end $$`,
];

const FILE_ACCOUNTS = [
  `create function keyturn.accounts_of_file(body jsonb)
   returns table (issuer text, subject text, person text, agent text) language sql ${SAFE} as $$
     select one.value ->> 'issuer', one.value ->> 'subject', holder.value ->> 'id', null
       from jsonb_array_elements(body -> 'people') holder, jsonb_array_elements(holder.value -> 'accounts') one
     union all
     select value ->> 'issuer', value ->> 'subject', null, value ->> 'id'
       from jsonb_array_elements(body -> 'agents')
   $$`,
  `create function keyturn.file_accounts(body jsonb, instant timestamptz) returns int language plpgsql ${SAFE} as $$
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
   end $$`,
];

const FILE_GROUPS = [
  `create function keyturn.groups_of_file(body jsonb) returns table (group_id text, authority text)
   language sql ${SAFE} as $$
     select value ->> 'id', coalesce(value ->> 'authority', 'file') from jsonb_array_elements(body -> 'groups')
   $$`,
  `create function keyturn.file_groups(body jsonb, instant timestamptz) returns int language plpgsql ${SAFE} as $$
   declare closed int; opened int; taken text;
   begin
     update keyturn.directory_group known set valid_to = instant
       where (authority = 'file' or is_reserved) and valid_to is null and not exists (
         select from keyturn.groups_of_file(body) wanted
         where (wanted.group_id, wanted.authority) = (known.group_id, known.authority));
     get diagnostics closed = row_count;
     select wanted.group_id into taken from keyturn.groups_of_file(body) wanted
       join keyturn.directory_group known using (group_id)
       where known.valid_to is null and known.authority <> wanted.authority order by 1 limit 1;
     if found then
       raise exception 'another authority has the group %', taken ${REFUSED};
     end if;
     insert into keyturn.directory_group (group_id, authority, is_reserved, valid_from)
       select wanted.group_id, wanted.authority, wanted.authority <> 'file', instant
       from keyturn.groups_of_file(body) wanted where not exists (
         select from keyturn.directory_group known
         where known.group_id = wanted.group_id and valid_to is null);
     get diagnostics opened = row_count;
     return closed + opened;
   end $$`,
];

const FILE_MEMBERSHIPS = [
  `create function keyturn.memberships_of_file(body jsonb)
   returns table (group_id text, person text, member_group text) language sql ${SAFE} as $$
     select one.value ->> 'id', member.value, null from jsonb_array_elements(body -> 'groups') one,
       jsonb_array_elements_text(one.value -> 'members') member
     union
     select one.value ->> 'id', null, nested.value from jsonb_array_elements(body -> 'groups') one,
       jsonb_array_elements_text(one.value -> 'groups') nested
   $$`,
  // Memberships of groups that the file has, or had until this very change.
  `create function keyturn.file_memberships(body jsonb, instant timestamptz) returns int
   language plpgsql ${SAFE} as $$
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
   end $$`,
];

/** How the file's part of the directory becomes that of a policy set. What other authorities brought is not touched. */
export const FILE_AUTHORITY: readonly string[] = [
  ...CHANGES,
  ...FILE_PEOPLE,
  ...FILE_ACCOUNTS,
  ...FILE_GROUPS,
  ...FILE_MEMBERSHIPS,
  // Intervals opened and closed, by kind. Nothing to change is no change: the generation stays.
  `create function keyturn.apply_file_directory(body jsonb, instant timestamptz) returns jsonb
   language plpgsql ${SAFE} as $$
   declare counts jsonb;
   begin
     counts := jsonb_build_object('people', keyturn.file_people(body, instant));
     counts := counts || jsonb_build_object('agents', keyturn.file_agents(body, instant));
     counts := counts || jsonb_build_object('accounts', keyturn.file_accounts(body, instant));
     counts := counts || jsonb_build_object('groups', keyturn.file_groups(body, instant));
     counts := counts || jsonb_build_object('memberships', keyturn.file_memberships(body, instant));
     if exists (select from jsonb_each(counts) where value::int > 0) then
       perform keyturn.count_directory_change(instant);
     end if;
     return counts;
   end $$`,
  `create function keyturn.synchronise_file_directory(body jsonb) returns jsonb
   language plpgsql security definer ${SAFE} as $$
   begin return keyturn.apply_file_directory(body, keyturn.next_directory_instant()); end $$`,
  `revoke execute on all functions in schema keyturn from public`,
];

/**
 * The directory of every policy set that was active before there were these tables, from when it was installed: an open
 * request is judged by those who were there when it was made. The first is older than anything.
 */
export const HISTORY: readonly string[] = [
  `do $$
   declare installed record; instant timestamptz;
   begin
     for installed in
       select policy_set.body -> 'directory' as directory, (leaf::jsonb ->> 'at')::timestamptz as at
       from audit.entry join keyturn.policy_set on policy_set.digest = leaf::jsonb -> 'facts' ->> 'digest'
       where request = 'policy' and type = 'policy.installed' order by entry.n
     loop
       select case generation when 0 then changed_at
         else greatest(installed.at, changed_at + interval '1 microsecond') end
         into instant from keyturn.directory_state;
       perform keyturn.apply_file_directory(installed.directory, instant);
     end loop;
     for installed in select body -> 'directory' as directory from keyturn.policy_set
       join keyturn.policy_active using (digest)
     loop
       select case generation when 0 then changed_at else keyturn.next_directory_instant() end
         into instant from keyturn.directory_state;
       perform keyturn.apply_file_directory(installed.directory, instant);
     end loop;
   end $$`,
];
