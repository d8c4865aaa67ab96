import { record, TEXT, type FactType, type KnownNames } from '../conditions/fact-type.ts';
import type { FactResolver } from './fact-declarations.ts';
import { argumentName, namesKnownTo, UNCLASSIFIED } from './fact-resolvers.ts';
import { OWN_ACTIONS, OWN_TARGET, type ActionDefinition, type PolicySet } from './policy.ts';
import type { FactTypes } from './built-in-facts.ts';

/** Adds names to the types of facts, those that conditions on an action may read, or on reviewers. */
export type AddNames = (types: FactTypes, action?: Pick<ActionDefinition, 'facts'>) => FactTypes;

/**
 * The same types with the names that conditions may compare their facts with: agents, groups, targets and the like, as this
 * policy has them. For checking conditions only: facts of requests may be older or newer than the policy.
 */
export function knownNamesOf(policy: PolicySet): AddNames {
  const always = namesOfPolicy(policy);
  return (types, action = {}) => {
    const names = new Map([...always, ...namesOfFacts(policy, action)]);
    return Object.fromEntries(
      Object.entries(types).map(([name, type]) => [name, named(type, names, [name])]),
    );
  };
}

/** The types of conditions on reviewers, with the groups and people that the policy names. */
export function namedReviewerTypes(known: {
  readonly groups: readonly string[];
  readonly people: readonly string[];
}): FactTypes {
  const id = { ...TEXT, names: { what: 'person', known: known.people, isOpen: true } };
  const group = { ...TEXT, names: { what: 'group', known: known.groups, isOpen: false } };
  return { reviewer: record({ id, groups: { kind: 'list', items: group } }) };
}

/** Names by the path of the fact that they are compared with. */
type NamesByPath = ReadonlyMap<string, KnownNames>;

function named(type: FactType, names: NamesByPath, path: readonly string[]): FactType {
  if (type.kind === 'list') return { ...type, items: named(type.items, names, path) };
  if (type.kind === 'object') {
    const fields = Object.entries(type.fields).map(([name, field]) => [
      name,
      { ...field, type: named(field.type, names, [...path, name]) },
    ]);
    return { ...type, fields: Object.fromEntries(fields) };
  }
  const known = names.get(path.join('.'));
  return type.kind === 'string' && type.enum === null && known ? { ...type, names: known } : type;
}

function namesOfPolicy(policy: PolicySet): readonly (readonly [string, KnownNames])[] {
  const person = { ...people(policy), known: [...people(policy).known, ''] };
  return [
    ['request.agent', closed('agent', [...policy.directory.agents.map(({ id }) => id), ''])],
    ['request.owner', person],
    ['request.on_behalf_of', person],
    ['request.declared_on_behalf_of', person],
    ['request.chain', people(policy)],
    ['request.groups', groups(policy)],
    ['resource.id', closed('target', [...policy.targets.map(({ id }) => id), OWN_TARGET])],
    ['resource.env', closed('environment', [...policy.environments, OWN_TARGET])],
    ['data.class', classes(policy)],
    ...ofTarget('resource', policy),
  ];
}

/** What an action looks up by its arguments, and the arguments themselves: those may hold anything else as well. */
function namesOfFacts(
  policy: PolicySet,
  { facts = {} }: Pick<ActionDefinition, 'facts'>,
): readonly (readonly [string, KnownNames])[] {
  return Object.entries(facts).flatMap(([name, resolver]) => [
    [`args.${argumentName(resolver.of)}`, lookedUp(resolver, policy)] as const,
    ...ofFact(`facts.${name}`, resolver, policy),
  ]);
}

function ofFact(
  path: string,
  resolver: FactResolver,
  policy: PolicySet,
): readonly (readonly [string, KnownNames])[] {
  switch (resolver.resolver) {
    case 'identity':
      return [[`${path}.groups`, groups(policy)]];
    case 'target':
      return [[`${path}.class`, classes(policy)], ...ofTarget(path, policy)];
    case 'table':
      return selectorColumns(path, resolver.table, policy);
  }
}

function ofTarget(
  path: string,
  { actions, targets, operators = [] }: PolicySet,
): readonly (readonly [string, KnownNames])[] {
  const types = [...actions, ...OWN_ACTIONS].map(({ resource_type }) => resource_type);
  // Those of Keyturn itself are the operators.
  const owners = [...targets.flatMap((target) => target.owners), ...operators];
  const allTags = targets.flatMap(({ tags = [] }) => tags);
  return [
    [`${path}.type`, closed('resource type', types)],
    [`${path}.owners`, closed('owner of a target', owners)],
    [`${path}.tags`, closed('tag of a target', allTags)],
  ];
}

function selectorColumns(
  path: string,
  id: string,
  { tables = [] }: PolicySet,
): readonly (readonly [string, KnownNames])[] {
  const { columns = {}, rows = {} } = tables.find((table) => table.id === id) ?? {};
  const selectors = Object.keys(columns).filter((column) => columns[column] === 'selectors');
  return selectors.map((column) => {
    const listed = Object.values(rows).flatMap((row) => row[column] as readonly string[]);
    return [`${path}.${column}`, closed(`${column} of the table`, listed)];
  });
}

const LOOKED_UP: Readonly<Record<FactResolver['resolver'], string>> = {
  identity: 'person or agent',
  target: 'target',
  table: 'row of the table',
};

function lookedUp(resolver: FactResolver, policy: PolicySet): KnownNames {
  return { what: LOOKED_UP[resolver.resolver], known: namesKnownTo(resolver, policy), isOpen: true };
}

/** A group counts only if the policy names it, whatever the authority for its members. */
function groups({ directory }: PolicySet): KnownNames {
  const ids = directory.groups.map(({ id }) => id);
  return closed('group', ids);
}

/** Provisioning brings people whom no file names. */
function people({ directory }: PolicySet): KnownNames {
  return { what: 'person', known: directory.people.map(({ id }) => id), isOpen: true };
}

function classes({ targets }: PolicySet): KnownNames {
  return closed('class of data', [...targets.flatMap(({ data_class: one }) => one ?? []), UNCLASSIFIED]);
}

function closed(what: string, known: readonly string[]): KnownNames {
  return { what, known: [...new Set(known)], isOpen: false };
}
