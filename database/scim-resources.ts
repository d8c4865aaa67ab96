import type { EntityManager } from 'typeorm';

import { firstRow, hasRows, rows, valueOf } from './rows.ts';
import { conditionOf, type Columns, type Filter } from './scim-filter.ts';

/** The parts of a name that are kept. */
export interface PersonName {
  readonly formatted: string | null;
  readonly givenName: string | null;
  readonly familyName: string | null;
}

/** What a provider says of a user, as far as it is kept: nothing that is not needed to know who may decide. */
export interface UserFields {
  readonly userName: string;
  readonly externalId: string | null;
  readonly displayName: string | null;
  readonly name: PersonName | null;
  readonly active: boolean;
}

/** A provisioned user as stored. */
export interface StoredUser extends UserFields {
  readonly id: string;
  readonly person: string;
  readonly createdAt: Date;
  readonly modifiedAt: Date;
}

/** A member of a provisioned group. */
interface StoredMember {
  readonly value: string;
  readonly type: 'User' | 'Group';
  readonly display: string;
}

/** A provisioned group as stored. */
export interface StoredGroup {
  readonly id: string;
  readonly groupId: string;
  readonly displayName: string;
  readonly externalId: string | null;
  readonly members: readonly StoredMember[];
  readonly createdAt: Date;
  readonly modifiedAt: Date;
}

/** What of the provisioned resources a caller may see: those of its authority. */
interface Owner {
  readonly authority: string;
}

/** Which part of which search. */
export interface Page {
  readonly filter: Filter | null;
  /** From 1. */
  readonly startIndex: number;
  readonly count: number;
}

/** Some of the resources that a search found, and how many there are. */
export interface Found<Resource> {
  readonly total: number;
  readonly resources: readonly Resource[];
}

interface ResourceTable {
  readonly table: 'scim_user' | 'scim_group';
  readonly selected: string;
  readonly columns: Columns;
}

const USERS: ResourceTable = {
  table: 'scim_user',
  selected: `id, person, user_name as "userName", external_id as "externalId", display_name as "displayName", name, active,
    created_at as "createdAt", modified_at as "modifiedAt"`,
  columns: {
    id: { kind: 'exact', sql: 'one.id' },
    username: { kind: 'text', sql: 'one.user_name' },
    externalid: { kind: 'exact', sql: 'one.external_id' },
    displayname: { kind: 'text', sql: 'one.display_name' },
    'name.givenname': { kind: 'text', sql: `one.name ->> 'givenName'` },
    'name.familyname': { kind: 'text', sql: `one.name ->> 'familyName'` },
    active: { kind: 'flag', sql: 'one.active' },
  },
};

const MEMBERS = {
  kind: 'members',
  from: 'keyturn.scim_member member where member.group_resource = one.id',
  value: { kind: 'exact', sql: 'member.value' },
} as const;

const groupsWith = (members: string): ResourceTable => ({
  table: 'scim_group',
  selected: `id, group_id as "groupId", display_name as "displayName", external_id as "externalId", ${members} as members,
    created_at as "createdAt", modified_at as "modifiedAt"`,
  columns: {
    id: { kind: 'exact', sql: 'one.id' },
    displayname: { kind: 'text', sql: 'one.display_name' },
    externalid: { kind: 'exact', sql: 'one.external_id' },
    members: MEMBERS,
    'members.value': MEMBERS,
  },
});

const GROUPS = groupsWith(
  `coalesce((select json_agg(json_build_object('value', value, 'type', type, 'display', display) order by value)
    from ${MEMBERS.from}), '[]')`,
);

/** Without who is in them, where the caller does not want it. */
const BARE_GROUPS = groupsWith(`'[]'::json`);

/** A user of the authority, or null: also for those of others. */
export const readUser = readerOf<StoredUser>(USERS);

/** A group of the authority, or null: also for those of others. */
export const readGroup = readerOf<StoredGroup>(GROUPS);

/** Users of the authority that fulfil the filter, oldest first. */
export async function findUsers(
  manager: EntityManager,
  owner: Owner,
  page: Page,
): Promise<Found<StoredUser>> {
  return find(manager, USERS, { ...page, ...owner });
}

/** Groups of the authority that fulfil the filter, oldest first. */
export async function findGroups(
  manager: EntityManager,
  { authority }: Owner,
  page: Page & { readonly hasMembers: boolean },
): Promise<Found<StoredGroup>> {
  return find(manager, page.hasMembers ? GROUPS : BARE_GROUPS, { ...page, authority });
}

function readerOf<Resource>({ table, selected }: ResourceTable) {
  const text = `select ${selected} from keyturn.${table} one where authority = $1 and id = $2 and deleted_at is null`;
  return async (manager: EntityManager, { authority }: Owner, id: string): Promise<Resource | null> =>
    (await firstRow<Resource>(manager, text, [authority, id])) ?? null;
}

async function find<Resource>(
  manager: EntityManager,
  { table, selected, columns }: ResourceTable,
  { authority, filter, startIndex, count }: Owner & Page,
): Promise<Found<Resource>> {
  const condition = filter === null ? { sql: 'true', values: [] } : conditionOf(filter, columns, 2);
  const from = `from keyturn.${table} one where one.authority = $1 and one.deleted_at is null and ${condition.sql}`;
  const values = [authority, ...condition.values];
  const total = Number(await valueOf(manager, `select count(*) ${from}`, values));
  if (count === 0 || startIndex > total) return { total, resources: [] };
  const resources = await rows<Resource>(
    manager,
    `select ${selected} ${from} order by one.created_at, one.id
     limit $${values.length + 1} offset $${values.length + 2}`,
    [...values, count, startIndex - 1],
  );
  return { total, resources };
}

/** What is said of the user who has something already. */
export interface OtherUser {
  readonly id: string;
  readonly userName: string;
  readonly subject: string | null;
}

/** A user that has the name, the account or the person of one that is about to be written. */
export async function otherUser(
  manager: EntityManager,
  wanted: Owner & Record<'id' | 'userName' | 'person', string> & { readonly subject: string | null },
): Promise<OtherUser | undefined> {
  return firstRow(
    manager,
    `select id, user_name as "userName", subject from keyturn.scim_user
     where authority = $1 and id <> $2 and deleted_at is null
       and (lower(user_name) = lower($3) or subject = $4 or person = $5) order by id limit 1`,
    [wanted.authority, wanted.id, wanted.userName, wanted.subject, wanted.person],
  );
}

/** Another group of this id, which rules may require, with the resource that it is to its authority, if it is one. */
export async function otherGroup(
  manager: EntityManager,
  { groupId, id }: { readonly groupId: string; readonly id: string },
): Promise<(Owner & Record<'resource' | 'displayName', string | null>) | undefined> {
  return firstRow(
    manager,
    `select known.authority, one.id as resource, one.display_name as "displayName" from keyturn.directory_group known
     left join keyturn.scim_group one on one.authority = known.authority and one.group_id = known.group_id
       and one.deleted_at is null
     where known.group_id = $1 and known.valid_to is null and one.id is distinct from $2 limit 1`,
    [groupId, id],
  );
}

/** True when these are all users and groups of the authority. */
export async function areMembers(
  manager: EntityManager,
  { authority }: Owner,
  ids: readonly string[],
): Promise<boolean> {
  const isAnyUnknown = await hasRows(
    manager,
    `select from unnest($2::text[]) as named (id) where not exists (
       select from keyturn.scim_user one where one.id = named.id and authority = $1 and deleted_at is null)
     and not exists (
       select from keyturn.scim_group one where one.id = named.id and authority = $1 and deleted_at is null) limit 1`,
    [authority, ids],
  );
  return !isAnyUnknown;
}

/** Writes a user or a group with its audit entry, and what follows from it in the directory. */
export async function writeResource(
  manager: EntityManager,
  write: 'write_scim_user' | 'write_scim_group',
  { authority, wanted, entry }: Owner & { readonly wanted: object; readonly entry: string },
): Promise<void> {
  await rows(manager, `select keyturn.${write}($1, $2, $3)`, [authority, JSON.stringify(wanted), entry]);
}
