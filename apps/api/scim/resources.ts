import type { StoredGroup, StoredUser } from '../../../database/scim-resources.ts';
import type { ScimAuthority } from './authorities.ts';
import { GROUP_SCHEMA } from './group-fields.ts';
import { accountProblem, titleOf, USER_SCHEMA } from './user-fields.ts';

/** The media type of every answer (RFC 7644 section 3.1). */
export const SCIM_MEDIA_TYPE = 'application/scim+json';

/** Keyturn's extension of a user: the account, or why there is none. */
export const USER_EXTENSION = 'urn:ietf:params:scim:schemas:extension:keyturn:2.0:User';

/** Keyturn's extension of a group: the id that rules use for it. */
export const GROUP_EXTENSION = 'urn:ietf:params:scim:schemas:extension:keyturn:2.0:Group';

/** How resources are shown: below which URL, and to which authority. */
export interface Shown {
  readonly publicUrl: string;
  readonly authority: ScimAuthority;
}

/** A user as providers read it. */
export function userResource(user: StoredUser, { publicUrl, authority }: Shown) {
  const { name } = user;
  const problem = accountProblem(user, authority);
  return {
    schemas: [USER_SCHEMA, USER_EXTENSION],
    id: user.id,
    ...(user.externalId === null ? {} : { externalId: user.externalId }),
    userName: user.userName,
    displayName: titleOf(user),
    ...(name === null ? {} : { name: withoutNulls(name) }),
    active: user.active,
    [USER_EXTENSION]: problem === null ? { subject: user[authority.subject] } : { problem },
    meta: metaOf('User', user, locationOf(publicUrl, 'Users', user.id)),
  };
}

/** A group as providers read it. */
export function groupResource(group: StoredGroup, { publicUrl }: Pick<Shown, 'publicUrl'>) {
  return {
    schemas: [GROUP_SCHEMA, GROUP_EXTENSION],
    id: group.id,
    ...(group.externalId === null ? {} : { externalId: group.externalId }),
    displayName: group.displayName,
    members: group.members.map((member) => ({
      ...member,
      $ref: locationOf(publicUrl, `${member.type}s`, member.value),
    })),
    [GROUP_EXTENSION]: { id: group.groupId },
    meta: metaOf('Group', group, locationOf(publicUrl, 'Groups', group.id)),
  };
}

/** The URL of a resource. */
export function locationOf(publicUrl: string, kind: string, id: string): string {
  return `${publicUrl}/scim/v2/${kind}/${id}`;
}

function metaOf(
  resourceType: string,
  { createdAt, modifiedAt }: { readonly createdAt: Date; readonly modifiedAt: Date },
  location: string,
) {
  return {
    resourceType,
    created: createdAt.toISOString(),
    lastModified: modifiedAt.toISOString(),
    location,
  };
}

function withoutNulls(parts: object): object {
  return Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== null));
}
