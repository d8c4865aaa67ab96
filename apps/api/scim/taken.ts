import type { EntityManager } from 'typeorm';

import { accountHolders } from '../../../database/directory-writes.ts';
import { otherGroup, otherUser, type OtherUser, type UserFields } from '../../../database/scim-resources.ts';
import type { ScimAuthority } from './authorities.ts';
import { scimRefusal } from '../http/scim-errors.ts';

/** A user that is about to be written. */
export interface WantedUser {
  readonly authority: ScimAuthority;
  readonly id: string;
  readonly person: string;
  readonly fields: UserFields;
}

/** Refuses (`uniqueness`) a user whose name or account is taken, and says by what: the database would not say that. */
export async function refuseTakenUser(manager: EntityManager, wanted: WantedUser): Promise<void> {
  const { authority, id, person, fields } = wanted;
  const { userName, [authority.subject]: subject } = fields;
  const other = await otherUser(manager, { authority: authority.authority, id, userName, person, subject });
  if (other) throw taken(otherUserText(other, wanted));
  if (subject === null) return;
  const [holder] = await accountHolders(manager, authority.issuer, subject);
  const account = `The account ${shown(subject)} at ${authority.issuer}`;
  if (holder?.agent != null) throw taken(`${account} belongs to the agent ${holder.agent} of the policy.`);
  if (holder && holder.person !== person)
    throw taken(`${account} belongs to the person ${holder.person} of ${nameOf(holder.authority)}.`);
}

function otherUserText(other: OtherUser, { authority, fields }: WantedUser): string {
  if (other.userName.toLowerCase() === fields.userName.toLowerCase())
    return `The userName ${shown(fields.userName)} belongs to user ${other.id}.`;
  const subject = fields[authority.subject];
  return subject !== null && other.subject === subject
    ? `The ${authority.subject} ${shown(subject)} belongs to user ${other.id}.`
    : `The person with this account is already user ${other.id}, ${shown(other.userName)}.`;
}

/** Refuses (`uniqueness`) an id that another group has, and says which. */
export async function refuseTakenGroup(
  manager: EntityManager,
  { authority }: ScimAuthority,
  { id, groupId }: { readonly id: string; readonly groupId: string },
): Promise<void> {
  const holder = await otherGroup(manager, { groupId, id });
  if (!holder) return;
  const start = `Rules use ids for groups. The id of this name, ${groupId}, belongs to`;
  if (holder.authority !== authority)
    throw taken(
      `${start} a group of ${nameOf(holder.authority)}. Choose another name, or give that group ` +
        `authority: ${authority} in the policy.`,
    );
  if (holder.resource !== null)
    throw taken(
      `${start} group ${holder.resource}, ${shown(holder.displayName ?? '')}. Choose another name, ` +
        'or give this group an id in the policy by its external_id.',
    );
}

/** The name of an authority, which is all that another one may know of it. */
function nameOf(authority: string): string {
  return authority === 'file' ? 'the policy' : authority;
}

function taken(message: string): Error {
  return scimRefusal('uniqueness', message);
}

function shown(text: string): string {
  return JSON.stringify(text);
}
