import { createHash } from 'node:crypto';

import type { StoredGroup } from '../../../database/scim-resources.ts';
import type { PolicySet } from '../../../domain/policy/policy.ts';
import type { ScimAuthority } from './authorities.ts';
import { scimRefusal } from '../http/scim-errors.ts';
import type { GroupFields } from './group-fields.ts';

const ID_LENGTH_MAX = 63;
const PREFIX_LENGTH_MAX = 46;
const HASH_DIGITS = 12;

/**
 * The id that rules use for a group, fixed when it is created: the one that the policy gives to this external id, else it
 * follows from the name. Refuses (`uniqueness`) the name of a group to which the policy gives another external id.
 */
export function groupIdOf(policy: PolicySet, { authority }: ScimAuthority, fields: GroupFields): string {
  const { displayName, externalId } = fields;
  const groups = policy.directory.groups.filter((group) => group.authority === authority);
  const bound = externalId === null ? undefined : groups.find((group) => group.external_id === externalId);
  if (bound) return bound.id;
  const id = idFromName(displayName);
  refuseOtherThanBound(policy, authority, { groupId: id, externalId });
  return id;
}

/** Refuses (`uniqueness`) a group whose external id is not the one that the policy gives to its id. */
export function refuseOtherThanBound(
  policy: PolicySet,
  authority: string,
  { groupId, externalId }: Pick<StoredGroup, 'groupId' | 'externalId'>,
): void {
  const meant = policy.directory.groups.find(
    (group) => group.authority === authority && group.id === groupId,
  );
  if (meant?.external_id === undefined || meant.external_id === externalId) return;
  throw scimRefusal(
    'uniqueness',
    `In the policy, group ${groupId} has the external id ${JSON.stringify(meant.external_id)}. ` +
      'Choose another name for this group, or change the policy.',
  );
}

/**
 * An id for a name in any script and of any length: the name in lower case with `-` for what ids cannot hold, where only
 * blanks and punctuation are lost; else with a part of the name's digest, so that different names get different ids, and
 * similar letters of another script never lead to an id that the policy uses.
 */
export function idFromName(displayName: string): string {
  const short = shortIdOf(displayName);
  const isWhole = short !== '' && short.length <= ID_LENGTH_MAX && !FOREIGN_LETTER.test(displayName);
  if (isWhole) return short;
  const hash = createHash('sha256')
    .update(displayName.normalize('NFC'), 'utf8')
    .digest('hex')
    .slice(0, HASH_DIGITS);
  const prefix = short.slice(0, PREFIX_LENGTH_MAX).replace(/[._-]+$/, '');
  return `${prefix === '' ? 'group' : prefix}-${hash}`;
}

/** Anything but ASCII, punctuation and blanks. */
const FOREIGN_LETTER = /[^\p{ASCII}\p{P}\p{Z}]/u;

function shortIdOf(displayName: string): string {
  return displayName
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/g, '-')
    .replaceAll(/^[._-]+|[._-]+$/g, '');
}
