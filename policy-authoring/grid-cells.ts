import type { JsonValue } from '../domain/crypto/canonical-json.ts';
import { Expression } from '../domain/conditions/expression.ts';
import type { FactField, FactType } from '../domain/conditions/fact-type.ts';
import { literalsIn, type Literals } from '../domain/conditions/literals.ts';
import { pathText, type FactPath } from '../domain/conditions/reads.ts';
import { argumentName, namesKnownTo } from '../domain/policy/fact-resolvers.ts';
import { actionOf, type ActionDefinition, type PolicySet, type Target } from '../domain/policy/policy.ts';
import type { FactTypes, PolicyFacts, StoredFacts } from '../domain/policy/built-in-facts.ts';

/** A value of a fact; undefined where it is absent. */
type GridValue = JsonValue | undefined;

export interface Axis {
  readonly path: FactPath;
  readonly values: readonly GridValue[];
}

/** One point of the grid: facts by the path that conditions read. */
export type Cell = ReadonlyMap<string, { readonly path: FactPath; readonly value: GridValue }>;

export interface GridScope {
  readonly action: ActionDefinition;
  readonly target: Target;
  readonly types: FactTypes;
}

/** Where a cell has the instant of the request: not a fact, because each policy reads it by its own clocks. */
export const AT_PATH: FactPath = ['at'];

/** Where a cell names the requester, whom each policy knows by its own directory. */
export const REQUESTER_PATH: FactPath = ['requester'];

/** The instant of cells that name none. */
export const AT = '2026-01-05T12:00:00.000Z';

const VALUES_MAX = 24;

const BREAK_GLASS: Axis = { path: ['request', 'break_glass'], values: [false, true] };

/** The types of facts, and what is tried beside the literals of conditions. */
export interface AxisInputs {
  readonly types: FactTypes;
  readonly hasBreakGlass: boolean;
  /** Names of people that facts may hold. */
  readonly people: readonly string[];
}

/** The facts that conditions read, each with the values around which their answers change. */
export function axesOf(
  conditions: readonly string[],
  { types, hasBreakGlass, people }: AxisInputs,
): readonly Axis[] {
  const axes = new Map<string, Axis>();
  if (hasBreakGlass) axes.set(pathText(BREAK_GLASS.path), BREAK_GLASS);
  const literals = conditions.map(literalsIn);
  const all: Literals = {
    integers: literals.flatMap(({ integers }) => integers),
    texts: [...literals.flatMap(({ texts }) => texts), ...people],
  };
  for (const path of conditions.flatMap((text) => new Expression(text).factPaths)) {
    const values = DERIVED.has(path[0] ?? '') ? [] : valuesAt(types, path, all);
    if (values.length > 0) axes.set(pathText(path), { path, values: values.slice(0, VALUES_MAX) });
  }
  return [...axes.values()];
}

/**
 * What a target is, what a clock shows and what arguments name, a policy says itself; risk is computed. They follow from
 * the rest of the cell.
 */
const DERIVED: ReadonlySet<string> = new Set(['resource', 'data', 'risk', 'calendar', 'calendars', 'facts']);

/**
 * The same axes, and the arguments from which facts are made that the conditions read: each takes what any of the
 * policies knows by it, and one thing that none knows.
 */
export function withLookups(
  axes: readonly Axis[],
  conditions: readonly string[],
  { action, policies }: { readonly action: string; readonly policies: readonly PolicySet[] },
): readonly Axis[] {
  const paths = conditions.flatMap((text) => new Expression(text).factPaths);
  const read = new Set(paths.map(([root, name]) => (root === 'facts' ? name : undefined)));
  const all = new Map(axes.map((axis) => [pathText(axis.path), axis]));
  for (const policy of policies) {
    for (const [name, resolver] of Object.entries(actionOf(policy, action)?.facts ?? {})) {
      if (!read.has(name)) continue;
      const path = ['args', argumentName(resolver.of)];
      const before = all.get(pathText(path))?.values ?? [''];
      const values = unique([...before, ...namesKnownTo(resolver, policy)]).slice(0, VALUES_MAX);
      all.set(pathText(path), { path, values });
    }
  }
  return [...all.values()];
}

function valuesAt(types: FactTypes, path: FactPath, literals: Literals): readonly GridValue[] {
  const field = factFieldAt(types, path);
  return field ? [...(field.optional ? [undefined] : []), ...valuesOf(field.type, literals)] : [];
}

/** The type of the fact at a path, and whether it may be absent; undefined where there is no such fact. */
export function factFieldAt(types: FactTypes, [root = '', ...rest]: FactPath): FactField | undefined {
  const type = types[root];
  let field: FactField | undefined = type && { type, optional: false };
  for (const name of rest) field = fieldOf(field?.type, name);
  return field;
}

function fieldOf(type: FactType | undefined, name: string): FactField | undefined {
  if (type?.kind === 'map') return { type: type.values, optional: true };
  return type?.kind === 'object' && Object.hasOwn(type.fields, name) ? type.fields[name] : undefined;
}

function valuesOf(type: FactType, literals: Literals): readonly JsonValue[] {
  switch (type.kind) {
    case 'bool':
      return [false, true];
    case 'int':
    case 'double':
      return unique([0, ...literals.integers.flatMap((one) => [one - 1, one, one + 1])]);
    case 'string':
      return type.enum ?? unique(['', ...literals.texts.flatMap((text) => [text, witnessOf(text)])]);
    case 'list':
      return [[], ...valuesOf(type.items, literals).map((value) => [value])];
    case 'any':
      return [false];
    case 'map':
    case 'object':
      return [];
  }
}

/** A text that a glob of this form matches, should it be one. */
function witnessOf(text: string): string {
  return text.replaceAll(/\*+|\?/gu, 'x');
}

function unique<Value>(values: readonly Value[]): readonly Value[] {
  return [...new Set(values)];
}

/** Every combination of values, without holding them all. */
export function* cellsOf(axes: readonly Axis[]): Generator<Cell> {
  const total = axes.reduce((product, { values }) => product * values.length, 1);
  for (let index = 0; index < total; index += 1) {
    let rest = index;
    const cell = new Map<string, { readonly path: FactPath; readonly value: GridValue }>();
    for (const axis of axes) {
      const value = axis.values[rest % axis.values.length];
      rest = Math.floor(rest / axis.values.length);
      cell.set(pathText(axis.path), { path: axis.path, value });
    }
    yield cell;
  }
}

/** The facts of a cell; others are as harmless as their types allow. */
export function factsOf({ action, target, types }: GridScope, cell: Cell): StoredFacts {
  const values = harmlessValues(types);
  if (values['plan']) values['plan'] = { ...(values['plan'] as object), reversible: true, previewed: true };
  for (const { path, value } of cell.values()) setAt(values, path, value);
  const at = cell.get(pathText(AT_PATH))?.value;
  const plan = values['plan'] as PlanValues | undefined;
  const facts = values as unknown as Pick<PolicyFacts, 'args' | 'history' | 'request'> & {
    readonly windows: NonNullable<PolicyFacts['windows']>;
  };
  return {
    action: action.action,
    target: target.id,
    args: facts.args,
    plan: plan && action.connector !== null ? planOf(plan) : null,
    request: facts.request,
    at: typeof at === 'string' ? at : AT,
    history: facts.history,
    windows: facts.windows,
  };
}

type PlanValues = Readonly<Record<'rows' | 'resources', number>> &
  Readonly<Record<'destructive' | 'reversible' | 'previewed', boolean>> & {
    readonly names: readonly string[];
  };

function planOf(plan: PlanValues): StoredFacts['plan'] {
  return {
    rows_changed: plan.rows,
    resources_changed: plan.resources,
    names: plan.names,
    is_destructive: plan.destructive,
    is_reversible: plan.reversible,
    is_fully_previewed: plan.previewed,
  };
}

/** A value for each variable, as harmless as its type allows. */
export function harmlessValues(types: FactTypes): Record<string, JsonValue> {
  return Object.fromEntries(Object.entries(types).map(([name, type]) => [name, harmless(type)]));
}

function harmless(type: FactType): JsonValue {
  switch (type.kind) {
    case 'string':
      return firstOf(type.enum);
    case 'int':
    case 'double':
      return 0;
    case 'list':
      return [];
    case 'map':
      return {};
    case 'object':
      return harmlessObject(type.fields);
    case 'bool':
    case 'any':
      return false;
  }
}

function harmlessObject(fields: Readonly<Record<string, FactField>>): JsonValue {
  const required = Object.entries(fields).filter(([, { optional }]) => !optional);
  return Object.fromEntries(required.map(([name, { type }]) => [name, harmless(type)]));
}

/** Sets, or removes, the value at a path. Objects on the path are copied, never changed. */
export function setAt(values: Record<string, JsonValue>, path: FactPath, value: GridValue): void {
  const [name = '', ...rest] = path;
  if (rest.length === 0) {
    if (value === undefined) delete values[name];
    else values[name] = value;
    return;
  }
  const inner = values[name];
  const isObject = typeof inner === 'object' && inner !== null && !Array.isArray(inner);
  const copy: Record<string, JsonValue> = isObject ? { ...(inner as Record<string, JsonValue>) } : {};
  setAt(copy, rest, value);
  values[name] = copy;
}

function firstOf(words: readonly string[] | null): string {
  return words?.[0] ?? '';
}
