import { GROUP_SCHEMA } from './group-fields.ts';
import type { StoredGroup, StoredUser } from './store.ts';
import { USER_SCHEMA, titleOf } from './user-fields.ts';

/** The media type of every answer (RFC 7644 section 3.1). */
export const SCIM_MEDIA_TYPE = 'application/scim+json';

/** A user as providers read it. */
export function userResource(user: StoredUser, publicUrl: string) {
  const { name } = user;
  return {
    schemas: [USER_SCHEMA],
    id: user.id,
    ...(user.externalId === null ? {} : { externalId: user.externalId }),
    userName: user.userName,
    displayName: titleOf(user),
    ...(name === null ? {} : { name: withoutNulls(name) }),
    active: user.active,
    meta: metaOf('User', user, locationOf(publicUrl, 'Users', user.id)),
  };
}

/** A group as providers read it. */
export function groupResource(group: StoredGroup, publicUrl: string) {
  return {
    schemas: [GROUP_SCHEMA],
    id: group.id,
    ...(group.externalId === null ? {} : { externalId: group.externalId }),
    displayName: group.displayName,
    members: group.members.map((member) => ({
      ...member,
      $ref: locationOf(publicUrl, `${member.type}s`, member.value),
    })),
    meta: metaOf('Group', group, locationOf(publicUrl, 'Groups', group.id)),
  };
}

/** Where a resource is. */
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
