import type { JsonValue } from '../canonical-json.ts';
import type { EngineValue } from './engine.ts';
import type { FactType } from './fact-type.ts';
import { pathText, type FactPath } from './reads.ts';

/** Longer lists and larger maps poison their path: loops of conditions are bounded by this. */
export const LIST_LENGTH_MAX = 256;

/** Longer strings poison their path. In UTF-16 units. */
export const STRING_LENGTH_MAX = 65_536;

/** A fact that is not what its type promises. The message names the path and the reason, never the value. */
export interface FactViolation {
  readonly path: FactPath;
  readonly message: string;
}

/**
 * Facts that were held against their types. Values of the right type are ready for evaluation; each violation poisons
 * the path it names and nothing else.
 */
export interface BoundFacts {
  /** The variables that conditions may name. */
  readonly variables: ReadonlySet<string>;
  /** The variables that are not known in this phase. */
  readonly missing: ReadonlySet<string>;
  readonly violations: readonly FactViolation[];
  readonly values: ReadonlyMap<string, EngineValue>;
  /** The facts as they were given, for explanations. */
  readonly facts: Readonly<Record<string, JsonValue>>;
}

type Report = (place: Place, reason: string) => void;

/**
 * Variables with their types, made ready once for holding many facts against them.
 *
 * Facts are held against their types before any condition sees them, so that a value of a wrong type can never make a
 * comparison false in silence. A variable without a fact is "not known in this phase"; a fact without a variable is
 * ignored. Nothing is ever truncated or converted to fit.
 */
export class Binding {
  readonly #names: ReadonlySet<string>;
  readonly #variables: readonly (readonly [string, BoundType])[];

  constructor(variables: Readonly<Record<string, FactType>>) {
    this.#names = new Set(Object.keys(variables));
    this.#variables = Object.entries(variables).map(([name, type]) => [name, boundType(type)]);
  }

  /** Holds facts against the types. */
  bind(facts: Readonly<Record<string, JsonValue>>): BoundFacts {
    const violations: FactViolation[] = [];
    const report: Report = (place, reason) => {
      const path = pathOfPlace(place);
      violations.push({ path, message: `${pathText(path)} ${reason}` });
    };
    const missing = new Set<string>();
    const values = new Map<string, EngineValue>();
    for (const [name, type] of this.#variables) {
      if (!Object.hasOwn(facts, name)) {
        missing.add(name);
        continue;
      }
      const value = convert(type, { value: facts[name], name, within: null }, report);
      if (value !== undefined) values.set(name, value);
    }
    return { variables: this.#names, missing, violations, values, facts };
  }
}

/** Holds facts against types that are used once. */
export function bindFacts(
  variables: Readonly<Record<string, FactType>>,
  facts: Readonly<Record<string, JsonValue>>,
): BoundFacts {
  return new Binding(variables).bind(facts);
}

/** A type with the fields of its objects as a list, which is walked once for each fact. */
type BoundType =
  | Exclude<FactType, { readonly kind: 'list' | 'map' | 'object' }>
  | { readonly kind: 'list'; readonly items: BoundType }
  | { readonly kind: 'map'; readonly values: BoundType }
  | { readonly kind: 'object'; readonly fields: readonly BoundField[] };

interface BoundField {
  readonly name: string;
  readonly type: BoundType;
  readonly optional: boolean;
}

function boundType(type: FactType): BoundType {
  if (type.kind === 'list') return { kind: 'list', items: boundType(type.items) };
  if (type.kind === 'map') return { kind: 'map', values: boundType(type.values) };
  if (type.kind !== 'object') return type;
  const fields = Object.entries(type.fields).map(([name, field]) => {
    return { name, type: boundType(field.type), optional: field.optional };
  });
  return { kind: 'object', fields };
}

/** The same facts and one more variable, without holding the others against their types once again. */
export function withFact(
  bound: BoundFacts,
  { name, type }: { readonly name: string; readonly type: FactType },
  value: JsonValue | undefined,
): BoundFacts {
  const more = bindFacts({ [name]: type }, value === undefined ? {} : { [name]: value });
  return {
    variables: new Set([...bound.variables, ...more.variables]),
    missing: new Set([...bound.missing, ...more.missing]),
    violations: [...bound.violations, ...more.violations],
    values: new Map([...bound.values, ...more.values]),
    facts: { ...bound.facts, ...more.facts },
  };
}

/** The same facts for a condition that names more variables: what nothing is known of is missing. */
export function withUnknown(bound: BoundFacts, names: ReadonlySet<string>): BoundFacts {
  const unknown = [...names].filter((name) => !bound.variables.has(name));
  return {
    ...bound,
    variables: new Set([...bound.variables, ...unknown]),
    missing: new Set([...bound.missing, ...unknown]),
  };
}

/** A value and where it stands: the path is only put together for a report. */
interface Place {
  readonly value: unknown;
  readonly name: string;
  readonly within: Place | null;
}

function pathOfPlace({ name, within }: Place): FactPath {
  return within === null ? [name] : [...pathOfPlace(within), name];
}

/** The engine's form of a value, or undefined after a report. */
function convert(type: BoundType, place: Place, report: Report): EngineValue | undefined {
  switch (type.kind) {
    case 'string':
      return convertString(type.enum, place, report);
    case 'int':
      return convertInt(place, report);
    case 'double':
      return convertDouble(place, report);
    case 'bool':
      return typeof place.value === 'boolean'
        ? place.value
        : refuse(place, 'is neither true nor false', report);
    case 'list':
      return convertList(type.items, place, report);
    case 'map':
      return convertMap(type.values, place, report);
    case 'object':
      return convertObject(type.fields, place, report);
    case 'any':
      // Conditions may ask whether it is there, and read nothing of it.
      return true;
  }
}

function convertString(
  values: readonly string[] | null,
  place: Place,
  report: Report,
): EngineValue | undefined {
  const { value } = place;
  if (typeof value !== 'string') return refuse(place, 'is not a string', report);
  if (value.length > STRING_LENGTH_MAX)
    return refuse(place, `is longer than ${STRING_LENGTH_MAX} characters`, report);
  if (!value.isWellFormed()) return refuse(place, 'holds a lone surrogate', report);
  return !values || values.includes(value)
    ? value
    : refuse(place, 'is none of the values of its enum', report);
}

function convertInt(place: Place, report: Report): EngineValue | undefined {
  const { value } = place;
  // A number beyond 2^53-1 may already be another one than was sent.
  return typeof value === 'number' && Number.isSafeInteger(value)
    ? BigInt(value)
    : refuse(place, 'is not an integer between -(2^53-1) and 2^53-1', report);
}

function convertDouble(place: Place, report: Report): EngineValue | undefined {
  const { value } = place;
  // The bound keeps infinity and NaN, for which every comparison is false, out of the arithmetic of conditions.
  return typeof value === 'number' && Math.abs(value) <= Number.MAX_SAFE_INTEGER
    ? value
    : refuse(place, 'is not a number between -(2^53-1) and 2^53-1', report);
}

function convertList(items: BoundType, place: Place, report: Report): EngineValue | undefined {
  const { value } = place;
  if (!Array.isArray(value)) return refuse(place, 'is not a list', report);
  if (value.length > LIST_LENGTH_MAX) {
    return refuse(place, `has ${value.length} items, more than ${LIST_LENGTH_MAX}`, report);
  }
  return whole(place, report, (inner) =>
    value.map((item, index) => convert(items, { value: item, name: String(index), within: place }, inner)),
  );
}

function convertMap(values: BoundType, place: Place, report: Report): EngineValue | undefined {
  const { value } = place;
  if (!isRecord(value)) return refuse(place, 'is not a map', report);
  const entries = Object.entries(value);
  if (entries.length > LIST_LENGTH_MAX) {
    return refuse(place, `has ${entries.length} entries, more than ${LIST_LENGTH_MAX}`, report);
  }
  const keyType: BoundType = { kind: 'string', enum: null };
  return whole(
    place,
    report,
    (inner) =>
      new Map(
        entries.map(([key, item]) => [
          convert(keyType, { ...place, value: key }, inner) as string,
          convert(values, { value: item, name: key, within: place }, inner) as EngineValue,
        ]),
      ),
  );
}

/** Only declared fields are taken over: no condition can read another. */
function convertObject(fields: readonly BoundField[], place: Place, report: Report): EngineValue | undefined {
  const { value } = place;
  if (!isRecord(value)) return refuse(place, 'is not an object', report);
  const converted = new Map<string, EngineValue>();
  for (const { name, type, optional } of fields) {
    const inner = { value: value[name], name, within: place };
    if (!Object.hasOwn(value, name)) {
      if (!optional) refuse(inner, 'is missing', report);
      continue;
    }
    const field = convert(type, inner, report);
    if (field !== undefined) converted.set(name, field);
  }
  return converted;
}

/** Conditions read lists and maps as a whole, so one wrong element poisons all of it. */
function whole(
  place: Place,
  report: Report,
  make: (inner: Report) => (EngineValue | undefined)[] | Map<string, EngineValue>,
): EngineValue | undefined {
  let isSound = true;
  const made = make(() => {
    isSound = false;
  });
  return isSound ? (made as EngineValue) : refuse(place, 'has an element that is not of its type', report);
}

function refuse(place: Place, reason: string, report: Report): undefined {
  report(place, reason);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
