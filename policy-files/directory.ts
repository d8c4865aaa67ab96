import { KEYS } from './keys.ts';
import {
  claimsAuthority,
  type Agent,
  type Directory,
  type Group,
  type Person,
} from '../domain/identity/directory.ts';
import { OWN_ISSUER, type Identity } from '../domain/identity/identity.ts';
import { readIssuer, readIssuers, type IssuerAliases, type IssuerContext } from './issuers.ts';
import type { Fields, Value } from './value.ts';

interface DirectoryContext extends IssuerContext {
  readonly aliases: IssuerAliases;
}

/** Reads `directory.yaml`: people, agents and groups. */
export function readDirectory(root: Value, issuers: IssuerContext): Directory {
  const fields = root.fields(KEYS['directory.yaml']);
  const context = { ...issuers, aliases: readIssuers(fields.get('issuers'), issuers) };
  const people = fields.items('people').map((value) => readPerson(value, context));
  const agents = fields.list('agents').map((value) => readAgent(value, context));
  return { people, agents, groups: readGroups(fields.list('groups'), context) };
}

function readPerson(value: Value, context: DirectoryContext): Person {
  const fields = value.fields(KEYS['people']);
  const id = context.names.declareId('person', fields);
  const accounts = fields
    .items('accounts')
    .map((account) => readAccount(account.fields(KEYS['people.accounts']), context));
  return { id, name: readTitle(fields, id), active: fields.flag('active', true), accounts };
}

function readAgent(value: Value, context: DirectoryContext): Agent {
  const fields = value.fields(KEYS['agents']);
  const id = context.names.declareId('agent', fields);
  const client = fields.get('client')?.text();
  const owner = fields.get('owner');
  return {
    ...readIdentity(fields, context),
    id,
    name: readTitle(fields, id),
    active: fields.flag('active', true),
    owner: owner ? context.names.read('person', owner) : '',
    acts_for_people: fields.flag('acts_for_people', false),
    ...(client === undefined ? {} : { client }),
  };
}

function readTitle(fields: Fields, id: string): string {
  return fields.get('name')?.text() ?? id;
}

/** The account of a person. An account at Keyturn itself has keys, and a key is held by a program. */
function readAccount(fields: Fields, context: DirectoryContext): Identity {
  const identity = readIdentity(fields, context);
  if (identity.issuer === OWN_ISSUER)
    fields
      .get('issuer')
      ?.refuse('keyturn is the issuer of agents with API keys: people sign in at another one');
  return identity;
}

function readIdentity(fields: Fields, { aliases, names }: DirectoryContext): Identity {
  const at = fields.get('issuer');
  const name = at?.text() ?? '';
  const identity = {
    issuer: at && name !== OWN_ISSUER ? readIssuer(at, name, { aliases, names }) : name,
    subject: fields.text('subject'),
  };
  names.declareAccount(identity, fields.get('subject') ?? fields.value);
  return identity;
}

interface ReadGroup extends Group {
  readonly nested: readonly Value[];
}

/** All groups are declared before any is looked into: they may name each other in any order. */
function readGroups(values: readonly Value[], context: DirectoryContext): readonly Group[] {
  const shapes = values.map((value) => value.fields(KEYS['groups']));
  const ids = shapes.map((fields) => context.names.declareId('group', fields));
  const groups = shapes.map((fields, index) => readGroup(fields, ids[index] ?? '', context));
  refuseCycles(groups);
  return groups.map(({ nested: _nested, ...group }) => group);
}

/** Who provisions the members of a group, by the name that its token is configured with. */
const PROVISIONED = /^scim:[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$/;
const CLAIMS = 'claims:';

const CLAIM_LENGTH_MAX = 256;

/** A week: a sign-in lasts over days off, and a removal that is not reported takes effect at last. */
const MAXIMUM_AGE_DEFAULT_MS = 7 * 86_400_000;
const MAXIMUM_AGE_LEAST_MS = 60_000;
const MAXIMUM_AGE_MOST_MS = 90 * 86_400_000;

function readGroup(fields: Fields, id: string, context: DirectoryContext): ReadGroup {
  fields.get('title')?.text();
  const written = fields.get('authority');
  const authority = written?.text() ?? '';
  const isOfClaims = authority.startsWith(CLAIMS);
  if (!isOfClaims)
    refuseEach(fields, ['claim', 'maximum_age'], 'only of a group whose authority is claims:ISSUER');
  if (!written || isOfClaims)
    refuseEach(fields, ['external_id'], 'only of a group whose authority is scim:NAME');
  if (!written) return readOwnGroup(fields, id, context);
  refuseEach(fields, ['members', 'groups'], 'its authority says who is in the group');
  const group = { id, authority, members: [], groups: [], nested: [] };
  if (isOfClaims) return { ...group, ...readClaims(fields, group, context) };
  if (!PROVISIONED.test(authority)) written.refuse(NO_AUTHORITY);
  return { ...group, ...readExternalId(fields, authority, context) };
}

/** The id that the provider has for the group, of one group only: then its name there does not matter. */
function readExternalId(
  fields: Fields,
  authority: string,
  { names }: DirectoryContext,
): Pick<Group, 'external_id'> {
  const at = fields.get('external_id');
  if (!at) return {};
  const external_id = at.text();
  names.declareOnce('external id', JSON.stringify([authority, external_id]), { at, shown: external_id });
  return { external_id };
}

const NO_AUTHORITY = 'not an authority: scim:NAME or claims:ISSUER';

function refuseEach(fields: Fields, keys: readonly string[], why: string): void {
  for (const key of keys) fields.get(key)?.refuse(`${key}: ${why}`);
}

/** A group whose members are seen in the tokens that they sign in with. Without `claim` tokens call it by its id. */
function readClaims(
  fields: Fields,
  { id, authority }: { readonly id: string; readonly authority: string },
  { aliases, names }: DirectoryContext,
): Pick<Group, 'authority' | 'claim' | 'maximum_age_ms'> {
  const written = fields.get('authority') ?? fields.value;
  const name = authority.slice(CLAIMS.length);
  if (name === '') written.refuse(NO_AUTHORITY);
  return {
    authority: claimsAuthority(readIssuer(written, name, { aliases, names })),
    claim: readClaim(fields, id),
    maximum_age_ms: readMaximumAge(fields),
  };
}

function readClaim(fields: Fields, id: string): string {
  const written = fields.get('claim');
  const claim = written?.text() ?? id;
  if (claim.length > CLAIM_LENGTH_MAX)
    written?.refuse(`claim: longer than ${CLAIM_LENGTH_MAX} characters, which no token is read for`);
  return claim;
}

function readMaximumAge(fields: Fields): number {
  const written = fields.get('maximum_age');
  const age = written?.durationMs() ?? MAXIMUM_AGE_DEFAULT_MS;
  // Nothing at all was reported already.
  if (age !== 0 && (age < MAXIMUM_AGE_LEAST_MS || age > MAXIMUM_AGE_MOST_MS))
    written?.refuse('maximum_age: from one minute to 90 days');
  return age;
}

function readOwnGroup(fields: Fields, id: string, { names }: DirectoryContext): ReadGroup {
  const members = isEmpty(fields.get('members')) ? [] : fields.names('members');
  const nested = isEmpty(fields.get('groups')) ? [] : fields.names('groups');
  return {
    id,
    members: members.map((member) => names.read('person', member)),
    groups: nested.map((group) => names.read('group', group)),
    nested,
  };
}

/** A group may be empty, in contrast to a list of selectors. */
function isEmpty(list: Value | undefined): boolean {
  return list === undefined || (list.isList() && list.children().length === 0);
}

/** Reports each nesting that leads back to a group on the way to it. */
function refuseCycles(groups: readonly ReadGroup[]): void {
  const byId = new Map(groups.map((group) => [group.id, group]));
  const done = new Set<string>();
  for (const group of groups) if (!done.has(group.id)) refuseCyclesFrom(group, { byId, done });
}

interface Walk {
  readonly byId: ReadonlyMap<string, ReadGroup>;
  readonly done: Set<string>;
}

/** Depth first, with a stack of its own: a file may chain more groups than calls can nest. */
function refuseCyclesFrom(start: ReadGroup, { byId, done }: Walk): void {
  const path = [{ group: start, next: 0 }];
  for (let top = path.at(-1); top; top = path.at(-1)) {
    const nested = top.group.nested[top.next];
    top.next += 1;
    if (!nested) {
      done.add(top.group.id);
      path.pop();
      continue;
    }
    const id = nested.text();
    const group = byId.get(id);
    const isOnPath = path.some((step) => step.group.id === id);
    if (isOnPath) nested.refuse(`group cycle: ${cycleOf(path, id)}`);
    else if (group && !done.has(id)) path.push({ group, next: 0 });
  }
}

function cycleOf(path: readonly { readonly group: ReadGroup }[], id: string): string {
  const ids = path.map((step) => step.group.id);
  return [...ids.slice(ids.indexOf(id)), id].join(' → ');
}
