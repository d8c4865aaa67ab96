import { randomUUID } from 'node:crypto';

import type { EntityManager } from 'typeorm';

import { accountHolders } from '../../../database/directory-writes.ts';
import { readUser, type StoredUser, type UserFields } from '../../../database/scim-resources.ts';
import { personPseudonym } from '../../../domain/identity/ids.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import type { ScimAuthority } from './authorities.ts';
import { refuseTakenUser } from './taken.ts';
import { accountProblem, titleOf } from './user-fields.ts';
import { applyWrite, provision, type Provisioning } from './write.ts';

/** Creates a user. A person who has the account already is that user: linked by account, never by name or address. */
export async function createUser(
  context: Provisioning,
  authority: ScimAuthority,
  fields: UserFields,
): Promise<StoredUser> {
  return provision(context, async (manager) => {
    const id = randomUUID();
    const person = (await holderOf(manager, authority, fields)) ?? `scim:${id}`;
    await write(context, manager, { authority, id, person, fields, operation: 'user.created' });
    return existing(await readUser(manager, authority, id));
  });
}

/** Changes a user to what `change` makes of it. Nothing is written when that is what it was. */
export async function changeUser(
  context: Provisioning,
  { authority, id }: { readonly authority: ScimAuthority; readonly id: string },
  change: (known: StoredUser) => UserFields,
): Promise<StoredUser> {
  return provision(context, async (manager) => {
    const known = existing(await readUser(manager, authority, id));
    const fields = change(known);
    if (isSame(known, fields)) return known;
    await write(context, manager, { authority, id, person: known.person, fields, operation: 'user.changed' });
    return existing(await readUser(manager, authority, id));
  });
}

/** Deletes a user: the person becomes inactive, leaves all groups of the authority, and is kept for the records. */
export async function deleteUser(context: Provisioning, authority: ScimAuthority, id: string): Promise<void> {
  await provision(context, async (manager) => {
    const known = existing(await readUser(manager, authority, id));
    const fields = { ...known, active: false };
    await write(context, manager, { authority, id, person: known.person, fields, operation: 'user.deleted' });
  });
}

/** The resource, or one and the same refusal for what does not exist and what belongs to others. */
export function existing<Resource>(found: Resource | null): Resource {
  if (found === null) throw new KeyturnError('not_found', 'There is no such resource of this authority.');
  return found;
}

/** An id of a path. One of another form does not exist: it never reaches the database. */
export function textId(id: string): string {
  return /^[0-9a-f-]{36}$/.test(id) ? id : existing<string>(null);
}

async function holderOf(
  manager: EntityManager,
  authority: ScimAuthority,
  fields: UserFields,
): Promise<string | null> {
  const subject = fields[authority.subject];
  if (subject === null) return null;
  const holders = await accountHolders(manager, authority.issuer, subject);
  return holders.find(({ person }) => person !== null)?.person ?? null;
}

function isSame(known: UserFields, fields: UserFields): boolean {
  const form = ({ userName, externalId, displayName, name, active }: UserFields): string =>
    JSON.stringify([
      userName,
      externalId,
      displayName,
      name && [name.formatted, name.givenName, name.familyName],
      active,
    ]);
  return form(known) === form(fields);
}

interface UserWrite {
  readonly authority: ScimAuthority;
  readonly id: string;
  readonly person: string;
  readonly fields: UserFields;
  readonly operation: 'user.created' | 'user.changed' | 'user.deleted';
}

async function write(
  { keys, log }: Provisioning,
  manager: EntityManager,
  { authority, id, person, fields, operation }: UserWrite,
): Promise<void> {
  if (operation !== 'user.deleted') await refuseTakenUser(manager, { authority, id, person, fields });
  const pseudonym = personPseudonym(keys.identity, person);
  await applyWrite(manager, {
    function: 'write_scim_user',
    authority: authority.authority,
    wanted: {
      id,
      person,
      pseudonym,
      user_name: fields.userName,
      external_id: fields.externalId,
      display_name: fields.displayName,
      name: fields.name,
      active: fields.active,
      title: titleOf(fields),
      issuer: authority.issuer,
      subject: fields[authority.subject],
      is_deleted: operation === 'user.deleted',
    },
    facts: { operation, person: pseudonym, active: fields.active },
  });
  const problem = accountProblem(fields, authority);
  if (problem !== null && operation !== 'user.deleted')
    log.warn({ authority: authority.authority, user: id, problem }, 'a provisioned user has no account');
}
