import type { JsonValue } from '../crypto/canonical-json.ts';
import type { EngineValue } from './engine.ts';
import { isRecord, type FactType } from './fact-type.ts';
import { evaluationSteps, type PatternSteps } from './pattern.ts';
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
  /** What all conditions that are held against these facts share. */
  readonly steps: PatternSteps;
}

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
    const conversion = new Conversion();
    const missing = new Set<string>();
    const values = new Map<string, EngineValue>();
    for (const [name, type] of this.#variables) {
      if (!Object.hasOwn(facts, name)) {
        missing.add(name);
        continue;
      }
      const value = conversion.convertField(name, type, facts[name]);
      if (value !== undefined) values.set(name, value);
    }
    const { violations } = conversion;
    return { variables: this.#names, missing, violations, values, facts, steps: evaluationSteps() };
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

/** The same facts and more of them, without holding the others against their types once again. */
export function withFacts(
  bound: BoundFacts,
  binding: Binding,
  facts: Readonly<Record<string, JsonValue>>,
): BoundFacts {
  const more = binding.bind(facts);
  return {
    variables: new Set([...bound.variables, ...more.variables]),
    missing: new Set([...bound.missing, ...more.missing]),
    violations: [...bound.violations, ...more.violations],
    values: new Map([...bound.values, ...more.values]),
    facts: { ...bound.facts, ...more.facts },
    steps: bound.steps,
  };
}

/** The same facts for conditions that name more variables, of which nothing is known: those are missing. */
export function withUnknown(bound: BoundFacts, unknown: ReadonlySet<string>): BoundFacts {
  return {
    ...bound,
    variables: new Set([...bound.variables, ...unknown]),
    missing: new Set([...bound.missing, ...unknown]),
  };
}

/** Makes the engine's form of values: undefined for one that is not of its type, which is noted with the path to it. */
class Conversion {
  readonly violations: FactViolation[] = [];
  readonly #path: string[] = [];
  /** How many lists and maps are around the value. */
  #depth = 0;
  #isSound = true;

  convertField(name: string, type: BoundType, value: unknown): EngineValue | undefined {
    this.#path.push(name);
    const converted = this.#convert(type, value);
    this.#path.pop();
    return converted;
  }

  #convert(type: BoundType, value: unknown): EngineValue | undefined {
    switch (type.kind) {
      case 'string':
        return this.#convertString(type.enum, value);
      case 'int':
        return this.#convertInt(value);
      case 'double':
        return this.#convertDouble(value);
      case 'bool':
        return typeof value === 'boolean' ? value : this.#refuse('is neither true nor false');
      case 'list':
        return this.#convertList(type.items, value);
      case 'map':
        return this.#convertMap(type.values, value);
      case 'object':
        return this.#convertObject(type.fields, value);
      case 'any':
        // Conditions may ask whether it is there, and read nothing of it.
        return true;
    }
  }

  #convertString(values: readonly string[] | null, value: unknown): EngineValue | undefined {
    if (typeof value !== 'string') return this.#refuse('is not a string');
    if (value.length > STRING_LENGTH_MAX)
      return this.#refuse(`is longer than ${STRING_LENGTH_MAX} characters`);
    if (!value.isWellFormed()) return this.#refuse('holds a lone surrogate');
    return !values || values.includes(value) ? value : this.#refuse('is none of the values of its enum');
  }

  #convertInt(value: unknown): EngineValue | undefined {
    // A number beyond 2^53-1 may already be another one than was sent.
    return typeof value === 'number' && Number.isSafeInteger(value)
      ? BigInt(value)
      : this.#refuse('is not an integer between -(2^53-1) and 2^53-1');
  }

  #convertDouble(value: unknown): EngineValue | undefined {
    // The bound keeps infinity and NaN, for which every comparison is false, out of the arithmetic of conditions.
    return typeof value === 'number' && Math.abs(value) <= Number.MAX_SAFE_INTEGER
      ? value
      : this.#refuse('is not a number between -(2^53-1) and 2^53-1');
  }

  #convertList(items: BoundType, value: unknown): EngineValue | undefined {
    if (!Array.isArray(value)) return this.#refuse('is not a list');
    if (value.length > LIST_LENGTH_MAX) {
      return this.#refuse(`has ${value.length} items, more than ${LIST_LENGTH_MAX}`);
    }
    return this.#whole(() => value.map((item) => this.#convert(items, item) as EngineValue));
  }

  #convertMap(values: BoundType, value: unknown): EngineValue | undefined {
    if (!isRecord(value)) return this.#refuse('is not a map');
    const entries = Object.entries(value);
    if (entries.length > LIST_LENGTH_MAX) {
      return this.#refuse(`has ${entries.length} entries, more than ${LIST_LENGTH_MAX}`);
    }
    return this.#whole(() => {
      const pairs = entries.map(
        ([key, item]) =>
          [this.#convertString(null, key) as string, this.#convert(values, item) as EngineValue] as const,
      );
      return new Map(pairs);
    });
  }

  /** Only declared fields are taken over: no condition can read another. */
  #convertObject(fields: readonly BoundField[], value: unknown): EngineValue | undefined {
    if (!isRecord(value)) return this.#refuse('is not an object');
    const converted = new Map<string, EngineValue>();
    for (const { name, type, optional } of fields) {
      if (Object.hasOwn(value, name)) {
        const field = this.convertField(name, type, value[name]);
        if (field !== undefined) converted.set(name, field);
      } else if (!optional) this.#refuseField(name, 'is missing');
    }
    return converted;
  }

  /** Conditions read lists and maps as a whole, so one wrong element poisons all of it. */
  #whole(make: () => EngineValue): EngineValue | undefined {
    const wasSound = this.#isSound;
    this.#isSound = true;
    this.#depth += 1;
    const made = make();
    this.#depth -= 1;
    const isSound = this.#isSound;
    this.#isSound = wasSound;
    return isSound ? made : this.#refuse('has an element that is not of its type');
  }

  #refuseField(name: string, reason: string): void {
    this.#path.push(name);
    this.#refuse(reason);
    this.#path.pop();
  }

  #refuse(reason: string): undefined {
    if (this.#depth > 0) {
      this.#isSound = false;
      return;
    }
    const path = [...this.#path];
    this.violations.push({ path, message: `${pathText(path)} ${reason}` });
  }
}
