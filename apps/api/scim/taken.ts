import type { EntityManager } from 'typeorm';

import type { ScimAuthority } from './authorities.ts';
import { scimRefusal } from './errors.ts';
import type { UserFields } from './user-fields.ts';

/** A user that is about to be written. */
export interface WantedUser {
  readonly authority: ScimAuthority;
  readonly id: string;
  readonly person: string;
  readonly fields: UserFields;
}

/** Refuses (`uniqueness`) a user whose name or account something else has, saying what. The database would, without. */
export async function refuseTakenUser(manager: EntityManager, wanted: WantedUser): Promise<void> {
  const { authority, fields } = wanted;
  const subject = fields[authority.subject];
  for (const { id, user_name: name, subject: known } of await otherUsers(manager, wanted)) {
    if (name.toLowerCase() === fields.userName.toLowerCase())
      throw taken(`The userName ${shown(fields.userName)} is that of user ${id}.`);
    if (subject !== null && known === subject)
      throw taken(`The ${authority.subject} ${shown(subject)} is that of user ${id}.`);
    throw taken(`The person with this account is user ${id} already, as ${shown(name)}.`);
  }
  if (subject === null) return;
  const holder = await holderOf(manager, authority.issuer, subject);
  const account = `The account ${shown(subject)} at ${authority.issuer}`;
  if (holder?.agent != null) throw taken(`${account} is that of the agent ${holder.agent} of the policy.`);
  if (holder && holder.person !== wanted.person)
    throw taken(`${account} is that of the person ${holder.person}, by ${nameOf(holder.authority)}.`);
}

interface OtherUser {
  readonly id: string;
  readonly user_name: string;
  readonly subject: string | null;
}

async function otherUsers(manager: EntityManager, wanted: WantedUser): Promise<readonly OtherUser[]> {
  const { authority, id, person, fields } = wanted;
  return manager.query(
    `select id, user_name, subject from keyturn.scim_user
     where authority = $1 and id <> $2 and deleted_at is null
       and (lower(user_name) = lower($3) or subject = $4 or person = $5) order by id limit 1`,
    [authority.authority, id, fields.userName, fields[authority.subject], person],
  );
}

interface Holder {
  readonly person: string | null;
  readonly agent: string | null;
  readonly authority: string;
}

async function holderOf(
  manager: EntityManager,
  issuer: string,
  subject: string,
): Promise<Holder | undefined> {
  const rows: Holder[] = await manager.query(
    `select person, agent, authority from keyturn.account
     where issuer = $1 and subject = $2 and valid_to is null order by authority limit 1`,
    [issuer, subject],
  );
  return rows[0];
}

/** Refuses (`uniqueness`) an id that another group has, saying which. */
export async function refuseTakenGroup(
  manager: EntityManager,
  { authority }: ScimAuthority,
  { id, groupId }: { readonly id: string; readonly groupId: string },
): Promise<void> {
  const rows: { authority: string; resource: string | null; display_name: string | null }[] =
    await manager.query(
      `select known.authority, one.id as resource, one.display_name from keyturn.directory_group known
     left join keyturn.scim_group one on one.authority = known.authority and one.group_id = known.group_id
       and one.deleted_at is null
     where known.group_id = $1 and known.valid_to is null and one.id is distinct from $2 limit 1`,
      [groupId, id],
    );
  const [holder] = rows;
  if (!holder) return;
  const start = `Rules ask for groups by an id, which is ${groupId} for this name:`;
  if (holder.authority !== authority)
    throw taken(
      `${start} that of a group by ${nameOf(holder.authority)}. Call this one otherwise, or let the policy say ` +
        `authority: ${authority} of it.`,
    );
  if (holder.resource !== null)
    throw taken(
      `${start} that of group ${holder.resource}, ${shown(holder.display_name ?? '')}. Call this one otherwise, ` +
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
