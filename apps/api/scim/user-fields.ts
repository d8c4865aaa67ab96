import type { PersonName, UserFields } from '../../../database/scim-resources.ts';
import type { JsonValue } from '../../../domain/crypto/canonical-json.ts';
import { attributesOf, bodyOf, flagOf, requiredText, textOf, type Attributes } from './attributes.ts';
import type { ScimAuthority } from './authorities.ts';
import { scimRefusal } from '../http/scim-errors.ts';
import { changesOf, type Change } from './patch.ts';

/** The schema of a user. */
export const USER_SCHEMA = 'urn:ietf:params:scim:schemas:core:2.0:User';

const NO_NAME: PersonName = { formatted: null, givenName: null, familyName: null };
const NAME_PARTS: Readonly<Record<string, keyof PersonName>> = {
  formatted: 'formatted',
  givenname: 'givenName',
  familyname: 'familyName',
};

/** Attributes of the standard that are accepted and not stored. */
const IGNORED: ReadonlySet<string> = new Set(
  (
    'urn schemas id meta nickName profileUrl title userType preferredLanguage locale timezone password emails ' +
    'phoneNumbers ims photos addresses groups entitlements roles x509Certificates'
  )
    .toLowerCase()
    .split(' '),
);

/** The fields of a whole user. Without `active` that stays as it was. */
export function userOfBody(body: unknown, known: UserFields | null): UserFields {
  const attributes = bodyOf(body, USER_SCHEMA);
  const active = attributes.get('active');
  return {
    userName: requiredText(attributes.get('username'), 'userName'),
    externalId: textOf(attributes.get('externalid'), 'externalId'),
    displayName: textOf(attributes.get('displayname'), 'displayName'),
    name: nameOf(attributes.get('name')),
    active: active === undefined || active === null ? (known?.active ?? true) : flagOf(active, 'active'),
  };
}

/** A user after the changes of a PATCH body, all or none. */
export function userAfterPatch(known: UserFields, body: unknown): UserFields {
  return changesOf(body).reduce(changed, known);
}

function changed(user: UserFields, change: Change): UserFields {
  const { attribute } = change.path;
  const [head = '', part] = attribute.split('.');
  if (IGNORED.has(head)) return user;
  if (change.path.term !== null) throw scimRefusal('invalidPath', 'This attribute has no elements.');
  const value = change.operation === 'remove' ? undefined : change.value;
  if (head === 'name') return { ...user, name: nameAfter(user.name, part, value) };
  switch (attribute) {
    case 'username':
      return { ...user, userName: requiredText(value, 'userName') };
    case 'externalid':
      return { ...user, externalId: textOf(value, 'externalId') };
    case 'displayname':
      return { ...user, displayName: textOf(value, 'displayName') };
    case 'active':
      return { ...user, active: flagOf(value, 'active') };
    default:
      throw scimRefusal('invalidPath', 'Users have no such attribute.');
  }
}

function nameAfter(
  known: PersonName | null,
  part: string | undefined,
  value: JsonValue | undefined,
): PersonName | null {
  if (part === undefined) return value === undefined ? null : namedParts(known, attributesOf(value, 'name'));
  return namedParts(known, new Map([[part, value ?? null]]));
}

function nameOf(value: JsonValue | undefined): PersonName | null {
  return value === undefined || value === null ? null : namedParts(null, attributesOf(value, 'name'));
}

function namedParts(known: PersonName | null, attributes: Attributes): PersonName {
  const parts = [...attributes].flatMap(([part, value]) => {
    const key = Object.hasOwn(NAME_PARTS, part) ? NAME_PARTS[part] : undefined;
    return key === undefined ? [] : [[key, textOf(value, `name.${key}`)] as const];
  });
  return { ...(known ?? NO_NAME), ...Object.fromEntries(parts) };
}

/** Why the user cannot sign in, or null: without an account a user is in groups and can never decide. */
export function accountProblem(user: UserFields, { subject }: Pick<ScimAuthority, 'subject'>): string | null {
  if (user[subject] !== null) return null;
  return `${subject} is missing: it holds the account that this user signs in with, so this user cannot decide.`;
}

/** The name that people see for the user. */
export function titleOf({ displayName, name, userName }: UserFields): string {
  const parts = [name?.givenName, name?.familyName].filter((part) => typeof part === 'string');
  return displayName ?? name?.formatted ?? (parts.length > 0 ? parts.join(' ') : userName);
}
