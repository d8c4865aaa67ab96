import type { EntityManager } from 'typeorm';

import type { ScimAuthority } from './authorities.ts';
import { conditionOf, type Columns } from './filter-sql.ts';
import { parseFilter } from './filter.ts';
import type { GroupFields } from './group-fields.ts';
import type { Page } from './page.ts';
import type { PersonName, UserFields } from './user-fields.ts';

/** A provisioned user as stored. */
export interface StoredUser extends UserFields {
  readonly id: string;
  readonly person: string;
  readonly createdAt: Date;
  readonly modifiedAt: Date;
}

/** A member of a provisioned group. */
export interface StoredMember {
  readonly value: string;
  readonly type: 'User' | 'Group';
  readonly display: string;
}

/** A provisioned group as stored. */
export interface StoredGroup extends Omit<GroupFields, 'members'> {
  readonly id: string;
  readonly groupId: string;
  readonly members: readonly StoredMember[];
  readonly createdAt: Date;
  readonly modifiedAt: Date;
}

/** Some of the resources that a search found, and how many there are. */
export interface Found<Resource> {
  readonly total: number;
  readonly resources: readonly Resource[];
}

interface UserRow {
  readonly id: string;
  readonly person: string;
  readonly user_name: string;
  readonly external_id: string | null;
  readonly display_name: string | null;
  readonly name: PersonName | null;
  readonly active: boolean;
  readonly created_at: Date;
  readonly modified_at: Date;
}

interface GroupRow {
  readonly id: string;
  readonly group_id: string;
  readonly display_name: string;
  readonly external_id: string | null;
  readonly members: readonly StoredMember[] | null;
  readonly created_at: Date;
  readonly modified_at: Date;
}

const USER_COLUMNS: Columns = {
  id: { kind: 'exact', sql: 'one.id' },
  username: { kind: 'text', sql: 'one.user_name' },
  externalid: { kind: 'exact', sql: 'one.external_id' },
  displayname: { kind: 'text', sql: 'one.display_name' },
  'name.givenname': { kind: 'text', sql: `one.name ->> 'givenName'` },
  'name.familyname': { kind: 'text', sql: `one.name ->> 'familyName'` },
  active: { kind: 'flag', sql: 'one.active' },
};

const MEMBERS = {
  kind: 'members',
  from: 'keyturn.scim_member member where member.group_resource = one.id',
  value: { kind: 'exact', sql: 'member.value' },
} as const;

const GROUP_COLUMNS: Columns = {
  id: { kind: 'exact', sql: 'one.id' },
  displayname: { kind: 'text', sql: 'one.display_name' },
  externalid: { kind: 'exact', sql: 'one.external_id' },
  members: MEMBERS,
  'members.value': MEMBERS,
};

const LISTED_MEMBERS = `(select json_agg(json_build_object('value', value, 'type', type, 'display', display)
  order by value) from keyturn.scim_member member where member.group_resource = one.id) as members`;

/** A user of the authority, or null: also for those of others. */
export async function readUser(
  manager: EntityManager,
  { authority }: ScimAuthority,
  id: string,
): Promise<StoredUser | null> {
  const rows: UserRow[] = await manager.query(
    'select * from keyturn.scim_user where authority = $1 and id = $2 and deleted_at is null',
    [authority, id],
  );
  return rows[0] ? userOf(rows[0]) : null;
}

/** A group of the authority, or null: also for those of others. */
export async function readGroup(
  manager: EntityManager,
  { authority }: ScimAuthority,
  id: string,
): Promise<StoredGroup | null> {
  const rows: GroupRow[] = await manager.query(
    `select one.*, ${LISTED_MEMBERS} from keyturn.scim_group one
     where authority = $1 and id = $2 and deleted_at is null`,
    [authority, id],
  );
  return rows[0] ? groupOf(rows[0]) : null;
}

/** Users of the authority that fulfil the filter, oldest first. */
export async function findUsers(
  manager: EntityManager,
  authority: ScimAuthority,
  page: Page,
): Promise<Found<StoredUser>> {
  const search = { table: 'scim_user' as const, columns: USER_COLUMNS, listed: 'one.*' };
  const { total, rows } = await find<UserRow>(manager, { ...search, authority, page });
  return { total, resources: rows.map(userOf) };
}

/** Groups of the authority that fulfil the filter, oldest first. */
export async function findGroups(
  manager: EntityManager,
  authority: ScimAuthority,
  page: Page & { readonly hasMembers: boolean },
): Promise<Found<StoredGroup>> {
  const listed = page.hasMembers ? `one.*, ${LISTED_MEMBERS}` : 'one.*';
  const search = { table: 'scim_group' as const, columns: GROUP_COLUMNS, listed };
  const { total, rows } = await find<GroupRow>(manager, { ...search, authority, page });
  return { total, resources: rows.map(groupOf) };
}

interface Search {
  readonly table: 'scim_user' | 'scim_group';
  readonly columns: Columns;
  readonly listed: string;
  readonly authority: ScimAuthority;
  readonly page: Page;
}

async function find<Row>(
  manager: EntityManager,
  { table, columns, listed, authority, page }: Search,
): Promise<{ readonly total: number; readonly rows: Row[] }> {
  const condition =
    page.filter === null ? { sql: 'true', values: [] } : conditionOf(parseFilter(page.filter), columns, 2);
  const from = `from keyturn.${table} one where one.authority = $1 and one.deleted_at is null and ${condition.sql}`;
  const values = [authority.authority, ...condition.values];
  const counted: { total: string }[] = await manager.query(`select count(*) as total ${from}`, values);
  const total = Number(counted[0]?.total ?? 0);
  if (page.count === 0 || page.startIndex > total) return { total, rows: [] };
  const rows: Row[] = await manager.query(
    `select ${listed} ${from} order by one.created_at, one.id
     limit $${values.length + 1} offset $${values.length + 2}`,
    [...values, page.count, page.startIndex - 1],
  );
  return { total, rows };
}

function userOf(row: UserRow): StoredUser {
  return {
    id: row.id,
    person: row.person,
    userName: row.user_name,
    externalId: row.external_id,
    displayName: row.display_name,
    name: row.name,
    active: row.active,
    createdAt: row.created_at,
    modifiedAt: row.modified_at,
  };
}

function groupOf(row: GroupRow): StoredGroup {
  return {
    id: row.id,
    groupId: row.group_id,
    displayName: row.display_name,
    externalId: row.external_id,
    members: row.members ?? [],
    createdAt: row.created_at,
    modifiedAt: row.modified_at,
  };
}
