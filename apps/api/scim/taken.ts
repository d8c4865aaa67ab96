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

/** Refuses (`uniqueness`) a user whose name or account something else has, saying what. The database would, without. */
export async function refuseTakenUser(manager: EntityManager, wanted: WantedUser): Promise<void> {
  const { authority, id, person, fields } = wanted;
  const { userName, [authority.subject]: subject } = fields;
  const other = await otherUser(manager, { authority: authority.authority, id, userName, person, subject });
  if (other) throw taken(otherUserText(other, wanted));
  if (subject === null) return;
  const [holder] = await accountHolders(manager, authority.issuer, subject);
  const account = `The account ${shown(subject)} at ${authority.issuer}`;
  if (holder?.agent != null) throw taken(`${account} is that of the agent ${holder.agent} of the policy.`);
  if (holder && holder.person !== person)
    throw taken(`${account} is that of the person ${holder.person}, by ${nameOf(holder.authority)}.`);
}

function otherUserText(other: OtherUser, { authority, fields }: WantedUser): string {
  if (other.userName.toLowerCase() === fields.userName.toLowerCase())
    return `The userName ${shown(fields.userName)} is that of user ${other.id}.`;
  const subject = fields[authority.subject];
  return subject !== null && other.subject === subject
    ? `The ${authority.subject} ${shown(subject)} is that of user ${other.id}.`
    : `The person with this account is user ${other.id} already, as ${shown(other.userName)}.`;
}

/** Refuses (`uniqueness`) an id that another group has, saying which. */
export async function refuseTakenGroup(
  manager: EntityManager,
  { authority }: ScimAuthority,
  { id, groupId }: { readonly id: string; readonly groupId: string },
): Promise<void> {
  const holder = await otherGroup(manager, { groupId, id });
  if (!holder) return;
  const start = `Rules ask for groups by an id, which is ${groupId} for this name:`;
  if (holder.authority !== authority)
    throw taken(
      `${start} that of a group by ${nameOf(holder.authority)}. Call this one otherwise, or let the policy say ` +
        `authority: ${authority} of it.`,
    );
  if (holder.resource !== null)
    throw taken(
      `${start} that of group ${holder.resource}, ${shown(holder.displayName ?? '')}. Call this one otherwise, ` +
        'or let the policy name it by its external_id.',
    );
}

/** Who says so. Of another provider nothing but its name is told. */
function nameOf(authority: string): string {
  return authority === 'file' ? 'the policy' : authority;
}

function taken(message: string): Error {
  return scimRefusal('uniqueness', message);
}

function shown(text: string): string {
  return JSON.stringify(text);
}
