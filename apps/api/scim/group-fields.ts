import type { JsonValue } from '../../../domain/crypto/canonical-json.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import { attributesOf, bodyOf, requiredText, textOf } from './attributes.ts';
import { scimRefusal } from '../http/scim-errors.ts';
import { isMatching } from './filter-matching.ts';
import { changesOf, type Change } from './patch.ts';

/** The schema of a group. */
export const GROUP_SCHEMA = 'urn:ietf:params:scim:schemas:core:2.0:Group';

/** A group with more members is refused: everybody in it could decide. */
export const MEMBERS_MAX = 5_000;

/** A group as a provider sends it. Members are ids of its users and groups. */
export interface GroupFields {
  readonly displayName: string;
  readonly externalId: string | null;
  readonly members: ReadonlySet<string>;
}

const IGNORED: ReadonlySet<string> = new Set(['urn', 'schemas', 'id', 'meta']);

/** The fields of a whole group, with all its members. */
export function groupOfBody(body: unknown): GroupFields {
  const attributes = bodyOf(body, GROUP_SCHEMA);
  return bounded({
    displayName: requiredText(attributes.get('displayname'), 'displayName'),
    externalId: textOf(attributes.get('externalid'), 'externalId'),
    members: new Set(membersOf(attributes.get('members'))),
  });
}

/** A group after the changes of a PATCH body, all or none. */
export function groupAfterPatch(known: GroupFields, body: unknown): GroupFields {
  return bounded(changesOf(body).reduce(changed, { ...known, members: new Set(known.members) }));
}

function bounded(group: GroupFields): GroupFields {
  if (group.members.size > MEMBERS_MAX)
    throw new KeyturnError('too_many_members', `A group can have at most ${MEMBERS_MAX} members.`);
  return group;
}

function changed(group: GroupFields, change: Change): GroupFields {
  const { attribute } = change.path;
  if (attribute === 'members') return { ...group, members: membersAfter(group.members, change) };
  if (IGNORED.has(attribute.split('.')[0] ?? '')) return group;
  if (change.path.term !== null) throw scimRefusal('invalidPath', 'This attribute has no elements.');
  const value = change.operation === 'remove' ? undefined : change.value;
  if (attribute === 'displayname') return { ...group, displayName: requiredText(value, 'displayName') };
  if (attribute === 'externalid') return { ...group, externalId: textOf(value, 'externalId') };
  throw scimRefusal('invalidPath', 'Groups have no such attribute.');
}

function membersAfter(known: ReadonlySet<string>, change: Change): ReadonlySet<string> {
  if (change.path.term !== null) return membersByFilter(known, change);
  const named = membersOf(change.value);
  switch (change.operation) {
    case 'add':
      return new Set([...known, ...named]);
    case 'replace':
      return new Set(named);
    case 'remove':
      // Without values the path means all of them; with values, as some providers send it, only these.
      return change.value === undefined || change.value === null
        ? new Set()
        : new Set([...known].filter((member) => !named.includes(member)));
  }
}

/** `members[value eq "…"]`: removes the members that match; adds the one that it names. */
function membersByFilter(known: ReadonlySet<string>, { operation, path }: Change): ReadonlySet<string> {
  const { term } = path;
  if (term === null || path.part !== null)
    throw scimRefusal('invalidPath', 'Members have no parts to change.');
  if (operation === 'remove')
    return new Set([...known].filter((member) => !isMatching({ value: member }, term)));
  const isOne = term.kind === 'compare' && term.attribute === 'value' && term.operator === 'eq';
  if (!isOne || typeof term.value !== 'string')
    throw scimRefusal('noTarget', 'Members are added by the id of a user or group.');
  return new Set([...known, term.value]);
}

function membersOf(value: JsonValue | undefined): readonly string[] {
  if (value === undefined || value === null) return [];
  const elements = Array.isArray(value) ? value : [value];
  return elements.map((element) =>
    requiredText(
      typeof element === 'string' ? element : attributesOf(element, 'A member').get('value'),
      'The value of a member',
    ),
  );
}
