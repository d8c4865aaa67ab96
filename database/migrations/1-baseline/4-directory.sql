-- People, agents and groups as intervals, so that the directory of any instant is known. Intervals are half-open, by
-- the time at which this database learned of it; an open one has no end. Each says which authority brought it: the
-- policy file, a provisioning client, or the tokens of an issuer.

-- One row: the claim of an execution takes it FOR SHARE, a change exclusively, so none slips between check and claim.
create table keyturn.directory_state (
  singleton boolean primary key default true check (singleton),
  generation bigint not null, changed_at timestamptz not null
);
insert into keyturn.directory_state (generation, changed_at) values (0, '-infinity');

-- Every generation with the instant of its change, strictly later from one to the next, and the entry it was made with.
create table keyturn.directory_change (
  generation bigint primary key, at timestamptz not null unique,
  transaction xid8 default pg_current_xact_id(), entry text unique
);

-- Ids are never given to somebody else: authority is who brought the id.
create table keyturn.person (
  id text primary key, authority text not null check (authority = 'file' or authority ~ '^(scim|claims):.+$')
);
create table keyturn.agent (
  id text primary key, authority text not null check (authority = 'file' or authority ~ '^(scim|claims):.+$')
);

-- What each authority says of a person. Known: by any of them. Active: when none that knows the person denies it.
create table keyturn.person_standing (
  id bigint generated always as identity primary key,
  person text not null references keyturn.person,
  authority text not null check (authority = 'file' or authority ~ '^(scim|claims):.+$'),
  name text not null, active boolean not null,
  valid_from timestamptz not null, valid_to timestamptz check (valid_to > valid_from)
);
create unique index person_standing_open on keyturn.person_standing (person, authority) where valid_to is null;

create table keyturn.agent_standing (
  id bigint generated always as identity primary key,
  agent text not null references keyturn.agent,
  authority text not null check (authority = 'file' or authority ~ '^(scim|claims):.+$'),
  name text not null, active boolean not null, owner text not null references keyturn.person,
  acts_for_people boolean not null,
  valid_from timestamptz not null, valid_to timestamptz check (valid_to > valid_from)
);
create unique index agent_standing_open on keyturn.agent_standing (agent) where valid_to is null;

-- Links are explicit: an account belongs to the one named here, never to somebody with the same e-mail address.
create table keyturn.account (
  id bigint generated always as identity primary key,
  issuer text not null, subject text not null,
  authority text not null check (authority = 'file' or authority ~ '^(scim|claims):.+$'),
  person text references keyturn.person, agent text references keyturn.agent,
  check (num_nonnulls(person, agent) = 1),
  valid_from timestamptz not null, valid_to timestamptz check (valid_to > valid_from)
);
create unique index account_open on keyturn.account (issuer, subject, authority) where valid_to is null;

-- One authority a group. Reserved: a policy file leaves the group to an authority that has not brought it yet. For groups
-- that are seen in tokens, what tokens call the group, and how long the word of one counts: others make another interval.
create table keyturn.directory_group (
  id bigint generated always as identity primary key,
  group_id text not null, authority text not null check (authority = 'file' or authority ~ '^(scim|claims):.+$'),
  is_reserved boolean not null default false,
  valid_from timestamptz not null, valid_to timestamptz check (valid_to > valid_from),
  claim text, maximum_age interval,
  constraint directory_group_claim check ((authority like 'claims:%') = (claim is not null)
    and (claim is null) = (maximum_age is null))
);
create unique index directory_group_open on keyturn.directory_group (group_id) where valid_to is null;

-- One that lapses ends by itself unless it is seen again. Readers leave it out from then on, also when nobody wrote that it
-- ended.
create table keyturn.membership (
  id bigint generated always as identity primary key,
  group_id text not null, person text references keyturn.person, member_group text,
  check (num_nonnulls(person, member_group) = 1),
  valid_from timestamptz not null, valid_to timestamptz check (valid_to > valid_from),
  lapses_at timestamptz
);
create unique index membership_open
  on keyturn.membership (group_id, person, member_group) nulls not distinct where valid_to is null;

-- The newest token of an account: only one that was issued later can say more. `claim_digest` is of the whole list,
-- null when two tokens of one second said different things; `listed` is the part that policy asks for.
create table keyturn.claims_seen (
  issuer text not null, subject text not null, primary key (issuer, subject),
  person text not null references keyturn.person, issued_at timestamptz not null,
  claim_digest text, listed text[] not null, seen_at timestamptz not null
);

-- The resources of provisioning clients (SCIM), as they see them.
create table keyturn.scim_user (
  id text primary key, authority text not null check (authority like 'scim:%'),
  person text not null references keyturn.person,
  user_name text not null, external_id text, display_name text, name jsonb, active boolean not null,
  subject text, created_at timestamptz not null, modified_at timestamptz not null, deleted_at timestamptz
);
create unique index scim_user_name on keyturn.scim_user (authority, lower(user_name)) where deleted_at is null;
create unique index scim_user_person on keyturn.scim_user (authority, person) where deleted_at is null;
create unique index scim_user_subject on keyturn.scim_user (authority, subject) where deleted_at is null;

create table keyturn.scim_group (
  id text primary key, authority text not null check (authority like 'scim:%'), group_id text not null,
  display_name text not null, external_id text,
  created_at timestamptz not null, modified_at timestamptz not null, deleted_at timestamptz
);
create unique index scim_group_name on keyturn.scim_group (authority, group_id) where deleted_at is null;

-- Members as their authority knows them: by the ids of its own resources.
create view keyturn.scim_member as
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
    where valid_to is null and member.deleted_at is null;

-- Nobody writes these but functions: not even the worker can date a membership back.
grant select on keyturn.directory_state, keyturn.directory_change, keyturn.person, keyturn.agent, keyturn.person_standing,
  keyturn.agent_standing, keyturn.account, keyturn.directory_group, keyturn.membership to keyturn_worker, keyturn_api;
-- What FOR SHARE asks for. The column can hold one value only.
grant update (singleton) on keyturn.directory_state to keyturn_worker;
grant select on keyturn.scim_user, keyturn.scim_group, keyturn.scim_member to keyturn_api;
