import { isScalar } from 'yaml';

import type { Value } from './value.ts';

/**
 * For each character of a text value, and for its end, its offset in the file: quotes, escapes, indentation and folded line
 * breaks are what the file has more. Follows the text through the file, so every style of YAML scalar is understood.
 */
export function positionsInSource(value: Value): readonly number[] {
  const { node, source } = value;
  if (!isScalar(node) || typeof node.value !== 'string' || !node.range) return [];
  const [start, end] = node.range;
  const walk = {
    text: source.text.slice(start, end),
    at: openingOf(node.type, source.text.slice(start, end)),
  };
  const positions = Array.from(node.value).flatMap((character) => {
    const position = start + find(walk, character);
    // Characters outside of the basic plane take two positions of a JavaScript string.
    return Array.from({ length: character.length }, () => position);
  });
  return [...positions, start + walk.at];
}

interface Walk {
  readonly text: string;
  at: number;
}

/** Behind the opening quote, or behind the line that introduces a block. */
function openingOf(type: string | undefined, text: string): number {
  if (type === 'QUOTE_DOUBLE' || type === 'QUOTE_SINGLE') return 1;
  return type === 'BLOCK_LITERAL' || type === 'BLOCK_FOLDED' ? text.indexOf('\n') + 1 : 0;
}

/** The offset at which the next character of the value stands; moves behind it. */
function find(walk: Walk, character: string): number {
  for (let at = walk.at; at < walk.text.length; at += 1) {
    const found = walk.text.slice(at, at + character.length);
    const isFolded = /\s/.test(character) && /\s/.test(found);
    if (found !== character && !isFolded) continue;
    walk.at = at + character.length;
    return at;
  }
  return walk.at;
}
