import { KeyturnError } from '../errors.ts';

/** A value that JSON can express without loss. */
export type JsonValue =
  null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** Nesting deeper than this is refused: recursion on hostile input must end long before the stack does. */
export const DEPTH_MAX = 64;

/** Keys that frameworks drop or misread. */
export const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/**
 * The RFC 8785 (JCS) form of a value. Two values with the same meaning give the same text, in every implementation.
 * Stricter than the RFC where implementations disagree: refuses (`not_canonical`) integers beyond 2^53-1, NaN and
 * infinities, lone surrogates, `undefined`, anything that is not plain JSON, and the keys `__proto__`, `constructor`
 * and `prototype`, which frameworks drop or misread.
 */
export function canonicalJson(value: unknown): string {
  return write(value, 0);
}

function write(value: unknown, depth: number): string {
  if (depth > DEPTH_MAX) throw refuse(`nested deeper than ${DEPTH_MAX}`);
  if (value === null) return 'null';
  if (typeof value === 'boolean') return value ? 'true' : 'false';
  if (typeof value === 'number') return writeNumber(value);
  if (typeof value === 'string') return writeString(value);
  if (typeof value !== 'object') throw refuse(`a ${typeof value} is not JSON`);
  return Array.isArray(value) ? writeArray(value, depth) : writeObject(value, depth);
}

function writeNumber(value: number): string {
  if (!Number.isFinite(value)) throw refuse('NaN and infinities are not JSON');
  if (Number.isInteger(value) && !Number.isSafeInteger(value) && Math.abs(value) < 1e21) {
    throw refuse('an integer beyond 2^53-1 would lose digits: send it as a string');
  }
  // RFC 8785 section 3.2.2.3: ECMAScript's own number serialisation is the canonical one (-0 becomes 0).
  return JSON.stringify(value);
}

function writeString(value: string): string {
  // RFC 8785 section 3.2.2.2: a lone surrogate cannot be encoded as UTF-8 and must end in an error.
  if (!value.isWellFormed()) throw refuse('a string holds a lone surrogate');
  return JSON.stringify(value);
}

function writeArray(items: readonly unknown[], depth: number): string {
  const parts: string[] = [];
  for (let index = 0; index < items.length; index += 1) parts.push(write(items[index], depth + 1));
  return `[${parts.join(',')}]`;
}

function writeObject(value: object, depth: number): string {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) throw refuse('only plain objects are JSON');
  if (Object.getOwnPropertySymbols(value).length > 0) throw refuse('symbol keys are not JSON');
  // RFC 8785 section 3.2.3: keys sorted by UTF-16 code units, which is what JavaScript sorts by.
  const keys = Object.keys(value).sort();
  const parts = keys.map((key) => {
    if (FORBIDDEN_KEYS.has(key)) throw refuse(`the key ${key} is not allowed`);
    return `${writeString(key)}:${write((value as Record<string, unknown>)[key], depth + 1)}`;
  });
  return `{${parts.join(',')}}`;
}

function refuse(reason: string): KeyturnError {
  return new KeyturnError('not_canonical', `The value has no canonical form: ${reason}.`);
}
