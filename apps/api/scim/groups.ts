import { randomUUID } from 'node:crypto';

import type { EntityManager } from 'typeorm';

import { isGroup } from '../../../database/directory-writes.ts';
import { areMembers, readGroup, type StoredGroup } from '../../../database/scim-resources.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import type { PolicySet } from '../../../domain/policy/policy.ts';
import type { ScimAuthority } from './authorities.ts';
import { scimRefusal } from '../http/scim-errors.ts';
import type { GroupFields } from './group-fields.ts';
import { groupIdOf, idFromName, refuseOtherThanBound } from './group-id.ts';
import { refuseTakenGroup } from './taken.ts';
import { existing } from './users.ts';
import { applyWrite, provision, type Provisioning } from './write.ts';

/** Creates a group, under the id that rules use for it. */
export async function createGroup(
  context: Provisioning,
  authority: ScimAuthority,
  fields: GroupFields,
): Promise<StoredGroup> {
  return provision(context, async (manager) => {
    const id = randomUUID();
    const groupId = groupIdOf(await policyOf(context, manager), authority, fields);
    await refuseTakenGroup(manager, authority, { id, groupId });
    const known = { members: NOBODY };
    await write(manager, { authority, id, groupId, fields, known, operation: 'group.created' });
    return existing(await readGroup(manager, authority, id));
  });
}

/** Changes a group to what `change` makes of it. Nothing is written when that is what it was. */
export async function changeGroup(
  context: Provisioning,
  { authority, id }: { readonly authority: ScimAuthority; readonly id: string },
  change: (known: GroupFields) => GroupFields,
): Promise<StoredGroup> {
  return provision(context, async (manager) => {
    const stored = existing(await readGroup(manager, authority, id));
    const known = fieldsOf(stored);
    const fields = change(known);
    if (isSame(known, fields)) return stored;
    const { groupId } = stored;
    if (fields.displayName !== known.displayName) await refuseTakenName(manager, groupId, fields);
    const { externalId } = fields;
    if (externalId !== known.externalId)
      refuseOtherThanBound(await policyOf(context, manager), authority.authority, { groupId, externalId });
    if (known.members.size > 0 && fields.members.size === 0)
      context.log.warn({ authority: authority.authority, group: groupId }, 'a provisioned group was emptied');
    await write(manager, { authority, id, groupId, fields, known, operation: 'group.changed' });
    return existing(await readGroup(manager, authority, id));
  });
}

/** Deletes a group: it has no members from now on. Its id stays with the authority. */
export async function deleteGroup(
  context: Provisioning,
  authority: ScimAuthority,
  id: string,
): Promise<void> {
  await provision(context, async (manager) => {
    const stored = existing(await readGroup(manager, authority, id));
    const { groupId } = stored;
    const known = fieldsOf(stored);
    const fields = { ...known, members: NOBODY };
    await write(manager, { authority, id, groupId, fields, known, operation: 'group.deleted' });
  });
}

async function policyOf(context: Provisioning, manager: EntityManager): Promise<PolicySet> {
  const { policy } = await context.snapshots.now(manager);
  if (!policy) throw new KeyturnError('unavailable', 'No policy is installed yet.');
  return policy.policy;
}

function fieldsOf({ displayName, externalId, members }: StoredGroup): GroupFields {
  return { displayName, externalId, members: new Set(members.map((member) => member.value)) };
}

function isSame(known: GroupFields, fields: GroupFields): boolean {
  return (
    known.displayName === fields.displayName &&
    known.externalId === fields.externalId &&
    known.members.size === fields.members.size &&
    [...fields.members].every((member) => known.members.has(member))
  );
}

/** Rules refer to a group by the name that it was created with: no other group may take that name. */
async function refuseTakenName(
  manager: EntityManager,
  groupId: string,
  { displayName }: GroupFields,
): Promise<void> {
  const meant = idFromName(displayName);
  if (meant !== groupId && (await isGroup(manager, meant)))
    throw scimRefusal(
      'uniqueness',
      `Rules use the name ${meant} for another group. Choose another name for this one.`,
    );
}

const NOBODY: ReadonlySet<string> = new Set();

interface GroupWrite {
  readonly authority: ScimAuthority;
  readonly id: string;
  readonly groupId: string;
  readonly fields: GroupFields;
  readonly known: Pick<GroupFields, 'members'>;
  readonly operation: 'group.created' | 'group.changed' | 'group.deleted';
}

async function write(manager: EntityManager, change: GroupWrite): Promise<void> {
  const { authority, id, groupId, fields, known, operation } = change;
  const added = [...fields.members].filter((member) => !known.members.has(member));
  const removed = [...known.members].filter((member) => !fields.members.has(member));
  if (!(await areMembers(manager, authority, added)))
    throw scimRefusal('invalidValue', 'A member is neither a user nor a group of this authority.');
  await applyWrite(manager, {
    function: 'write_scim_group',
    authority: authority.authority,
    wanted: {
      id,
      group_id: groupId,
      display_name: fields.displayName,
      external_id: fields.externalId,
      added,
      removed,
      is_deleted: operation === 'group.deleted',
    },
    facts: { operation, group: groupId, added: added.length, removed: removed.length },
  });
}
