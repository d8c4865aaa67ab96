import type { JsonValue } from '../crypto/canonical-json.ts';

/** A field of an object: its type, and whether it may be absent. */
export interface FactField {
  readonly type: FactType;
  readonly optional: boolean;
  /** On an optional field: the flag beside it that is true exactly when the field is there. */
  readonly known_by?: string;
}

/** The names that a policy has for one kind of thing, such as its groups. */
export interface KnownNames {
  /** What one of them is called in messages: `group`, `target`, … */
  readonly what: string;
  readonly known: readonly string[];
  /** Others than the policy may bring more: that a name is none of these proves no mistake. */
  readonly isOpen: boolean;
}

/**
 * What a condition may know about a fact before it sees one. `enum` lists every value a string can have, or is null.
 * `names` says what a condition may compare it with, where the policy knows; it binds no fact, which may be of another time.
 * `any` is a fact without one type (a union, an unknown keyword): a condition may ask whether it exists, nothing else.
 */
export type FactType =
  | { readonly kind: 'string'; readonly enum: readonly string[] | null; readonly names?: KnownNames }
  | { readonly kind: 'int' | 'double' | 'bool' | 'any' }
  | { readonly kind: 'list'; readonly items: FactType }
  | { readonly kind: 'map'; readonly values: FactType }
  | { readonly kind: 'object'; readonly fields: Readonly<Record<string, FactField>> };

/** Any text. */
export const TEXT: FactType = { kind: 'string', enum: null };

/** A whole number. */
export const INTEGER: FactType = { kind: 'int' };

/** True or false. */
export const FLAG: FactType = { kind: 'bool' };

/** A list of any texts. */
export const TEXTS: FactType = { kind: 'list', items: TEXT };

/** One of these words. */
export function words(...allowed: readonly string[]): FactType {
  return { kind: 'string', enum: allowed };
}

/** An object with these fields, all of them. */
export function record(fields: Readonly<Record<string, FactType>>): FactType {
  return {
    kind: 'object',
    fields: Object.fromEntries(
      Object.entries(fields).map(([name, type]) => [name, { type, optional: false }]),
    ),
  };
}

type Schema = Readonly<Record<string, unknown>>;

const ANY: FactType = { kind: 'any' };

/** A schema nested deeper than this is `any`: conditions have no use for it, and recursion must end. */
const DEPTH_MAX = 16;

/** Keywords that narrow values or explain them, and keywords that `factTypeOf` reads. Any other may change the type. */
const KNOWN_KEYWORDS: ReadonlySet<string> = new Set(
  `type enum const properties required additionalProperties items
   minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength pattern format
   minItems maxItems uniqueItems minProperties maxProperties
   title description default examples deprecated $schema $id $comment`.split(/\s+/u),
);

/**
 * The type of the values that a JSON Schema (2020-12) accepts: every value it accepts is of the type. Bounds such as
 * `maximum` and `pattern` are not carried over. What it cannot tell for certain (unions, references, unknown keywords)
 * is `any`.
 */
export function factTypeOf(schema: JsonValue): FactType {
  return typeAt(schema, 0);
}

function typeAt(schema: unknown, depth: number): FactType {
  if (!isRecord(schema) || depth > DEPTH_MAX) return ANY;
  if (!Object.keys(schema).every((keyword) => KNOWN_KEYWORDS.has(keyword))) return ANY;
  const values = valuesOf(schema);
  if (values !== null) return typeOfValues(values, schema['type']);
  return typeOfKeyword(schema, depth);
}

function typeOfKeyword(schema: Schema, depth: number): FactType {
  switch (schema['type']) {
    case 'string':
      return { kind: 'string', enum: null };
    case 'integer':
      return { kind: 'int' };
    case 'number':
      return { kind: 'double' };
    case 'boolean':
      return { kind: 'bool' };
    case 'array':
      return { kind: 'list', items: typeAt(schema['items'], depth + 1) };
    case 'object':
      return objectType(schema, depth);
    default:
      return ANY;
  }
}

/** The values of `enum` and `const`, or null without either. */
function valuesOf(schema: Schema): readonly unknown[] | null {
  if (Object.hasOwn(schema, 'const')) return [schema['const']];
  if (!Object.hasOwn(schema, 'enum')) return null;
  const listed: unknown = schema['enum'];
  return Array.isArray(listed) ? listed : [];
}

function typeOfValues(values: readonly unknown[], type: unknown): FactType {
  const isOf = (name: string, holds: (value: unknown) => boolean): boolean =>
    (type === undefined || type === name) && values.length > 0 && values.every(holds);
  if (isOf('string', (value) => typeof value === 'string')) {
    return { kind: 'string', enum: [...new Set(values as readonly string[])] };
  }
  if (isOf('integer', Number.isSafeInteger)) return { kind: 'int' };
  if (isOf('number', (value) => typeof value === 'number')) return { kind: 'double' };
  if (isOf('boolean', (value) => typeof value === 'boolean')) return { kind: 'bool' };
  return ANY;
}

function objectType(schema: Schema, depth: number): FactType {
  const properties = schema['properties'];
  if (properties === undefined) {
    const others = schema['additionalProperties'];
    return others === undefined || others === false
      ? { kind: 'object', fields: {} }
      : { kind: 'map', values: typeAt(others, depth + 1) };
  }
  if (!isRecord(properties)) return ANY;
  const required: readonly unknown[] = Array.isArray(schema['required']) ? schema['required'] : [];
  const fields = Object.entries(properties).map(([name, inner]): [string, FactField] => [
    name,
    { type: typeAt(inner, depth + 1), optional: !required.includes(name) },
  ]);
  return { kind: 'object', fields: Object.fromEntries(fields) };
}

/** True for what JSON calls an object. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
