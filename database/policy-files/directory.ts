import type { Agent, Directory, Group, Person } from '../../domain/directory.ts';
import type { Identity } from '../../domain/identity.ts';
import type { Fields } from './fields.ts';
import { readIssuer, readIssuers, type IssuerAliases, type IssuerContext } from './issuers.ts';
import type { Value } from './value.ts';

interface DirectoryContext extends IssuerContext {
  readonly aliases: IssuerAliases;
}

/** Reads `directory.yaml`: people, agents and groups. */
export function readDirectory(root: Value, issuers: IssuerContext): Directory {
  const fields = root.fields({
    issuers: 'optional',
    people: 'required',
    agents: 'optional',
    groups: 'optional',
  });
  const context = { ...issuers, aliases: readIssuers(fields.get('issuers'), issuers) };
  const people = fields.items('people').map((value) => readPerson(value, context));
  const agents = fields.list('agents').map((value) => readAgent(value, context));
  return { people, agents, groups: readGroups(fields.list('groups'), context) };
}

function readPerson(value: Value, context: DirectoryContext): Person {
  const fields = value.fields({ id: 'required', name: 'optional', active: 'optional', accounts: 'required' });
  const id = declareId(fields, 'person', context);
  const accounts = fields.items('accounts').map((account) => {
    const shape = account.fields({ issuer: 'required', subject: 'required' });
    return readIdentity(shape, context);
  });
  return { id, name: readTitle(fields, id), active: fields.flag('active', true), accounts };
}

function readAgent(value: Value, context: DirectoryContext): Agent {
  const fields = value.fields({
    id: 'required',
    name: 'optional',
    active: 'optional',
    issuer: 'required',
    subject: 'required',
    owner: 'required',
    acts_for_people: 'optional',
  });
  const id = declareId(fields, 'agent', context);
  const owner = fields.get('owner');
  if (owner) context.names.require('person', owner.text(), owner);
  return {
    ...readIdentity(fields, context),
    id,
    name: readTitle(fields, id),
    active: fields.flag('active', true),
    owner: owner?.text() ?? '',
    acts_for_people: fields.flag('acts_for_people', false),
  };
}

function readTitle(fields: Fields, id: string): string {
  return fields.get('name')?.text() ?? id;
}

function declareId(fields: Fields, kind: 'person' | 'agent' | 'group', { names }: DirectoryContext): string {
  const id = fields.name('id');
  names.declare(kind, id, fields.get('id') ?? fields.value);
  return id;
}

function readIdentity(fields: Fields, { aliases, names }: DirectoryContext): Identity {
  const at = fields.get('issuer');
  const identity = { issuer: at ? readIssuer(at, aliases, names) : '', subject: fields.text('subject') };
  names.declareAccount(identity, fields.get('subject') ?? fields.value);
  return identity;
}

interface ReadGroup extends Group {
  readonly nested: readonly Value[];
}

/** All groups are declared before any is looked into: they may name each other in any order. */
function readGroups(values: readonly Value[], context: DirectoryContext): readonly Group[] {
  const shapes = values.map((value) =>
    value.fields({ id: 'required', title: 'optional', members: 'optional', groups: 'optional' }),
  );
  const ids = shapes.map((fields) => declareId(fields, 'group', context));
  const groups = shapes.map((fields, index) => readGroup(fields, ids[index] ?? '', context));
  refuseCycles(groups);
  return groups.map(({ nested: _nested, ...group }) => group);
}

function readGroup(fields: Fields, id: string, { names }: DirectoryContext): ReadGroup {
  fields.get('title')?.text();
  const members = isEmpty(fields.get('members')) ? [] : fields.names('members');
  members.forEach((member) => names.require('person', member.text(), member));
  const nested = isEmpty(fields.get('groups')) ? [] : fields.names('groups');
  nested.forEach((group) => names.require('group', group.text(), group));
  return {
    id,
    members: members.map((member) => member.text()),
    groups: nested.map((group) => group.text()),
    nested,
  };
}

/** A group may be empty, in contrast to a list of selectors. */
function isEmpty(list: Value | undefined): boolean {
  return list === undefined || (list.isList() && list.children().length === 0);
}

const GROUP_DEPTH_MAX = 16;

/** Reports each nesting that leads back to a group on the way to it, or that nobody could follow. */
function refuseCycles(groups: readonly ReadGroup[]): void {
  const byId = new Map(groups.map((group) => [group.id, group]));
  const done = new Set<string>();
  const visit = (group: ReadGroup, path: readonly string[]): void => {
    for (const nested of group.nested) {
      const id = nested.text();
      const next = byId.get(id);
      if (path.includes(id)) {
        nested.refuse(`group cycle: ${[...path.slice(path.indexOf(id)), id].join(' → ')}`);
      } else if (path.length > GROUP_DEPTH_MAX) {
        nested.refuse(`groups nested deeper than ${GROUP_DEPTH_MAX}`);
      } else if (next && !done.has(id)) {
        visit(next, [...path, id]);
      }
    }
    done.add(group.id);
  };
  for (const group of groups) if (!done.has(group.id)) visit(group, [group.id]);
}
