import { oncePer } from '../once-per.ts';
import type { JsonValue } from '../crypto/canonical-json.ts';
import { isRecord } from './fact-type.ts';
import { pathText, type FactPath } from './reads.ts';

/** A fact that a condition read. When `is_shortened`, `value` is only a part of it, or a sentence in its place. */
export interface ValueRead {
  readonly path: string;
  readonly value: JsonValue;
  readonly is_shortened: boolean;
  /**
   * The request does not have it: it would, were what the caller declares proven, or had the caller declared nothing. See
   * `declaredViews`.
   */
  readonly as_if?: 'proven' | 'undeclared';
}

const TEXT_LENGTH_MAX = 200;
const ITEMS_MAX = 10;

/** The facts at these paths, each at most about 2,000 characters. Paths without a fact are left out. */
export function readValues(
  paths: readonly FactPath[],
  facts: Readonly<Record<string, JsonValue>>,
): readonly ValueRead[] {
  const found: ValueRead[] = [];
  for (const path of paths) {
    const value = valueAt(path, facts);
    if (value === undefined) continue;
    const { value: shown, is_shortened } = shorten(value);
    found.push({ path: textOf(path), value: shown, is_shortened });
  }
  return found;
}

/** Conditions read the same paths at every evaluation. */
const textOf = oncePer(pathText);

function valueAt(path: FactPath, facts: JsonValue): JsonValue | undefined {
  let value: JsonValue | undefined = facts;
  for (const segment of path) {
    if (!isRecord(value) || !Object.hasOwn(value, segment)) return undefined;
    value = value[segment];
  }
  return value;
}

type Shortened = Pick<ValueRead, 'value' | 'is_shortened'>;

function shorten(value: JsonValue): Shortened {
  if (!Array.isArray(value)) return shortenItem(value);
  const shown = value.slice(0, ITEMS_MAX).map(shortenItem);
  const is_shortened = value.length > ITEMS_MAX || shown.some((item) => item.is_shortened);
  const items = shown.map((item) => item.value);
  return {
    value: value.length > ITEMS_MAX ? [...items, `… ${value.length} items in all`] : items,
    is_shortened,
  };
}

function shortenItem(value: JsonValue): Shortened {
  if (typeof value === 'string' && value.length > TEXT_LENGTH_MAX) {
    const start = value.slice(0, TEXT_LENGTH_MAX).toWellFormed();
    return { value: `${start}… ${value.length} characters in all`, is_shortened: true };
  }
  if (typeof value !== 'object' || value === null) return { value, is_shortened: false };
  const size = Array.isArray(value) ? `list of ${value.length}` : `object of ${Object.keys(value).length}`;
  return { value: `… ${size}`, is_shortened: true };
}
