import type { JsonValue } from '../crypto/canonical-json.ts';
import { groupsOf, personById, type Directory } from '../identity/directory.ts';
import {
  factTypeOf,
  FLAG,
  INTEGER,
  TEXT,
  TEXTS,
  words,
  type FactField,
  type FactType,
} from '../conditions/fact-type.ts';
import type {
  ColumnType,
  FactResolver,
  LookupTable,
  OwnersResolver,
  ResolvedFact,
  ResolvedFacts,
} from './fact-declarations.ts';
import type { ActionDefinition, PolicySet, Target } from './policy.ts';

/** The data of a target that says nothing of them. */
export const UNCLASSIFIED = 'unclassified';

/** What facts are made from. */
export interface ResolverInputs {
  readonly policy: PolicySet;
  readonly directory: Directory;
  readonly args: Readonly<Record<string, JsonValue>>;
  /** Who asks: ids of the people behind the request, and of its agent or empty. */
  readonly request: {
    readonly agent: string;
    readonly chain: readonly string[];
    readonly with_declared?: { readonly chain: readonly string[] };
  };
}

/** The facts of an action, made now; undefined for an action that declares none. */
export function resolveFacts(
  action: Pick<ActionDefinition, 'facts'>,
  inputs: ResolverInputs,
): ResolvedFacts | undefined {
  return factsOf(action, inputs.args, (resolver, of) =>
    resolver.resolver === 'identity' ? identityFact(of, inputs) : fromPolicy(resolver, of, inputs.policy),
  );
}

/**
 * The same for facts that were kept: what the policy itself says is asked of the policy that is looked at; who was who is
 * as it was then. A fact about somebody of whom nothing was kept is absent, and a condition on it cannot be evaluated.
 */
export function recallFacts(
  action: Pick<ActionDefinition, 'facts'>,
  { policy, args }: Pick<ResolverInputs, 'policy' | 'args'>,
  kept: ResolvedFacts = {},
): ResolvedFacts | undefined {
  return factsOf(action, args, (resolver, of) =>
    resolver.resolver === 'identity' ? keptIdentity(kept, of) : fromPolicy(resolver, of, policy),
  );
}

function factsOf(
  { facts }: Pick<ActionDefinition, 'facts'>,
  args: ResolverInputs['args'],
  make: (resolver: FactResolver, of: string) => ResolvedFact | undefined,
): ResolvedFacts | undefined {
  if (facts === undefined) return undefined;
  const made = Object.entries(facts).flatMap(([name, resolver]) => {
    const of = argumentOf(args, resolver.of);
    const fact = of === undefined ? undefined : make(resolver, of);
    return fact ? [[name, fact] as const] : [];
  });
  return Object.fromEntries(made);
}

/** Whatever it was called: it is about the same identity. */
function keptIdentity(kept: ResolvedFacts, of: string): ResolvedFact | undefined {
  return Object.values(kept).find((fact) => fact.resolver === 'identity' && fact.of === of);
}

/** The text of the argument that `of` names; undefined when it is absent, or no text. */
export function argumentOf(args: ResolverInputs['args'], of: string): string | undefined {
  const name = argumentName(of);
  const value = Object.hasOwn(args, name) ? args[name] : undefined;
  return typeof value === 'string' ? value : undefined;
}

/** `args.grantee` is the argument `grantee`. */
export function argumentName(of: string): string {
  return of.slice('args.'.length);
}

const UNKNOWN = { known: false };

function identityFact(of: string, { directory, request }: ResolverInputs): ResolvedFact {
  const named = request.with_declared?.chain ?? [];
  const fact = (value: ResolvedFact['value'], owner = of): ResolvedFact => ({
    resolver: 'identity',
    of,
    value,
    ...(value['known'] === true && named.includes(owner) ? { is_named: true } : {}),
  });
  const person = personById(directory, of);
  const agent = directory.agents.find(({ id }) => id === of);
  // An id that names both could mean either: neither is known by it.
  if (person && agent) return fact(UNKNOWN);
  if (person) {
    const { active } = person;
    const groups = [...groupsOf(directory, of)];
    return fact({ known: true, active, kind: 'person', groups, is_in_chain: request.chain.includes(of) });
  }
  if (!agent) return fact(UNKNOWN);
  const isInChain = request.agent === of || request.chain.includes(agent.owner);
  const { active, owner } = agent;
  return fact({ known: true, active, kind: 'agent', groups: [], is_in_chain: isInChain }, owner);
}

function fromPolicy(
  resolver: Exclude<FactResolver, { resolver: 'identity' }>,
  of: string,
  policy: PolicySet,
): ResolvedFact {
  const value = resolver.resolver === 'target' ? targetValue(policy, of) : rowOf(policy, resolver.table, of);
  return { resolver: resolver.resolver, of, value: value ? { known: true, ...value } : UNKNOWN };
}

function targetValue(policy: PolicySet, id: string): ResolvedFact['value'] | undefined {
  // Keyturn itself is none that an argument could mean.
  const target = policy.targets.find((candidate) => candidate.id === id);
  return target && { ...resourceValues(policy, target), class: classOf(target) };
}

/** The class of a target's data. */
export function classOf({ data_class }: Target): string {
  return data_class ?? UNCLASSIFIED;
}

/** What conditions may know of a target beside its id and the class of its data. */
export function resourceValues(policy: PolicySet, target: Target): Readonly<Record<string, JsonValue>> {
  return {
    type: target.resource_type,
    env: target.environment,
    production: policy.production.includes(target.environment),
    owners: [...target.owners],
    tags: [...(target.tags ?? [])],
  };
}

/** A row of a lookup table, by id and key. */
export function rowOf(
  { tables = [] }: PolicySet,
  id: string,
  key: string,
): LookupTable['rows'][string] | undefined {
  const rows = tables.find((table) => table.id === id)?.rows ?? {};
  return Object.hasOwn(rows, key) ? rows[key] : undefined;
}

/** The type of the variable `facts` for an action; undefined where it declares none. */
export function resolvedType(
  policy: PolicySet,
  { facts, arguments: schema }: ActionDefinition,
): FactType | undefined {
  if (facts === undefined) return undefined;
  const args = factTypeOf(schema);
  const fields = Object.entries(facts).map(([name, resolver]): [string, FactField] => {
    const argument = args.kind === 'object' ? args.fields[argumentName(resolver.of)] : undefined;
    return [name, { type: typeOf(policy, resolver), optional: argument?.optional ?? true }];
  });
  return { kind: 'object', fields: Object.fromEntries(fields) };
}

function typeOf(policy: PolicySet, resolver: FactResolver): FactType {
  switch (resolver.resolver) {
    case 'identity':
      return known({ active: FLAG, kind: words('person', 'agent'), groups: TEXTS, is_in_chain: FLAG });
    case 'target':
      return known({ ...resourceTypes(policy), class: classType(policy) });
    case 'table':
      return known(columnTypes(policy, resolver.table));
  }
}

/** Nothing is made up for what is not known: a condition asks `known` before it reads anything else. */
function known(fields: Readonly<Record<string, FactType>>): FactType {
  const guarded = Object.entries(fields).map(([name, type]): [string, FactField] => [
    name,
    { type, optional: true, known_by: 'known' },
  ]);
  return {
    kind: 'object',
    fields: { known: { type: FLAG, optional: false }, ...Object.fromEntries(guarded) },
  };
}

function columnTypes({ tables = [] }: PolicySet, id: string): Readonly<Record<string, FactType>> {
  const columns = tables.find((table) => table.id === id)?.columns ?? {};
  return Object.fromEntries(Object.entries(columns).map(([name, type]) => [name, columnType(type)]));
}

function columnType(type: ColumnType): FactType {
  if (typeof type !== 'string') return words(...type);
  return { text: TEXT, integer: INTEGER, flag: FLAG, selectors: TEXTS }[type];
}

/** The types of `resourceValues`. */
export function resourceTypes({ enums, environments }: PolicySet): Readonly<Record<string, FactType>> {
  const tags: FactType = enums['tags'] ? { kind: 'list', items: words(...enums['tags']) } : TEXTS;
  return { type: TEXT, env: words(...environments), production: FLAG, owners: TEXTS, tags };
}

/** The type of the class of a target's data. */
export function classType({ enums }: PolicySet): FactType {
  const classes = enums['data_class'];
  return classes ? words(...classes, UNCLASSIFIED) : TEXT;
}

/** The facts as conditions read them. */
export function resolvedValues(facts: ResolvedFacts): JsonValue {
  return Object.fromEntries(Object.entries(facts).map(([name, { value }]) => [name, value]));
}

/** Every argument that something known goes by: for trying out what a policy says of each. */
export function namesKnownTo(
  { resolver, ...rest }: FactResolver | OwnersResolver,
  { directory, targets, tables = [] }: PolicySet,
): readonly string[] {
  switch (resolver) {
    case 'identity':
      return [...directory.people, ...directory.agents].map(({ id }) => id);
    case 'target':
      return targets.map(({ id }) => id);
    case 'table':
      return tables.flatMap((table) =>
        'table' in rest && table.id === rest.table ? Object.keys(table.rows) : [],
      );
  }
}
