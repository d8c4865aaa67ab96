import { isDeepStrictEqual } from 'node:util';

import type { ScannedToken } from './parser-thread.ts';

/** The tokens that stand outside of all brackets. */
export function outsideParentheses(tokens: readonly ScannedToken[]): readonly ScannedToken[] {
  let depth = 0;
  return tokens.filter(({ text }) => {
    if (text === '(' || text === '[') depth += 1;
    if (text === ')' || text === ']') depth -= 1;
    return depth === 0;
  });
}

/** True when two parts of parse trees say the same, wherever they stand in their texts. Never for the deepest of trees. */
export function isSameTree(left: unknown, right: unknown): boolean {
  try {
    return isDeepStrictEqual(withoutLocations(left), withoutLocations(right));
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** Where in the text a node stands. */
const LOCATIONS = new Set(['location', 'rexpr_list_start', 'rexpr_list_end', 'list_start', 'list_end']);

function withoutLocations(value: unknown): unknown {
  if (value === undefined) return null;
  return JSON.parse(
    JSON.stringify(value, (name, inner: unknown) => (LOCATIONS.has(name) ? undefined : inner)),
  );
}
