import type { MigrationInterface, QueryRunner } from 'typeorm';

import { FILE_AUTHORITY, HISTORY } from './2-directory-functions.ts';

/** People, agents and groups as intervals, so that the directory of any instant can be told; filled from policy sets. */
export class Directory1764100000000 implements MigrationInterface {
  readonly name = 'Directory1764100000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...STATE, ...PEOPLE, ...GROUPS, ...FILE_AUTHORITY, ...GRANTS, ...HISTORY]) {
      await runner.query(statement);
    }
  }

  /** The intervals say who could judge what is recorded: they are not dropped. */
  async down(): Promise<void> {
    throw new Error('The directory cannot be undone: requests are judged by its history.');
  }
}

const AUTHORITY = `check (authority = 'file' or authority ~ '^(scim|claims):.+$')`;

/** Half-open, by the time at which this database was told. An open interval has no end. */
const INTERVAL = `valid_from timestamptz not null, valid_to timestamptz check (valid_to > valid_from)`;

const STATE = [
  // One row: the claim of an execution takes it FOR SHARE, a change exclusively, so none slips between check and claim.
  `create table keyturn.directory_state (
     singleton boolean primary key default true check (singleton),
     generation bigint not null, changed_at timestamptz not null)`,
  `insert into keyturn.directory_state (generation, changed_at) values (0, '-infinity')`,
  // Every generation with the instant of its change, strictly later from one to the next.
  `create table keyturn.directory_change (generation bigint primary key, at timestamptz not null unique)`,
];

const PEOPLE = [
  // Ids are never given to somebody else: authority is who brought the id.
  `create table keyturn.person (id text primary key, authority text not null ${AUTHORITY})`,
  `create table keyturn.agent (id text primary key, authority text not null ${AUTHORITY})`,
  // What each authority says of a person. Known: by any of them. Active: when none that knows the person denies it.
  `create table keyturn.person_standing (
     id bigint generated always as identity primary key,
     person text not null references keyturn.person, authority text not null ${AUTHORITY},
     name text not null, active boolean not null, ${INTERVAL})`,
  `create unique index person_standing_open on keyturn.person_standing (person, authority) where valid_to is null`,
  `create table keyturn.agent_standing (
     id bigint generated always as identity primary key,
     agent text not null references keyturn.agent, authority text not null ${AUTHORITY},
     name text not null, active boolean not null, owner text not null references keyturn.person,
     acts_for_people boolean not null, ${INTERVAL})`,
  `create unique index agent_standing_open on keyturn.agent_standing (agent) where valid_to is null`,
  // Links are explicit: an account belongs to who is named here, never to whoever has the same e-mail address.
  `create table keyturn.account (
     id bigint generated always as identity primary key,
     issuer text not null, subject text not null, authority text not null ${AUTHORITY},
     person text references keyturn.person, agent text references keyturn.agent,
     check (num_nonnulls(person, agent) = 1), ${INTERVAL})`,
  `create unique index account_open on keyturn.account (issuer, subject, authority) where valid_to is null`,
];

const GROUPS = [
  // One authority a group. Reserved: a policy file leaves the group to an authority that has not brought it yet.
  `create table keyturn.directory_group (
     id bigint generated always as identity primary key,
     group_id text not null, authority text not null ${AUTHORITY},
     is_reserved boolean not null default false, ${INTERVAL})`,
  `create unique index directory_group_open on keyturn.directory_group (group_id) where valid_to is null`,
  `create table keyturn.membership (
     id bigint generated always as identity primary key,
     group_id text not null, person text references keyturn.person, member_group text,
     check (num_nonnulls(person, member_group) = 1), ${INTERVAL})`,
  `create unique index membership_open
     on keyturn.membership (group_id, person, member_group) nulls not distinct where valid_to is null`,
];

const GRANTS = [
  `grant select on keyturn.directory_state, keyturn.directory_change, keyturn.person, keyturn.agent,
     keyturn.person_standing, keyturn.agent_standing, keyturn.account, keyturn.directory_group, keyturn.membership
     to keyturn_worker, keyturn_api`,
  // What FOR SHARE asks for. The column can hold one value only.
  `grant update (singleton) on keyturn.directory_state to keyturn_worker`,
  // Nobody writes intervals but these functions: not even the worker can date a membership back.
  `grant execute on function keyturn.synchronise_file_directory(jsonb) to keyturn_worker`,
];
