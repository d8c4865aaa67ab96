import { isParsed, parseExpression, type SyntaxNode } from './engine.ts';
import { childrenOf } from './reads.ts';

/** The values that are written in a condition. */
export interface Literals {
  /** Whole numbers, negative ones as they are written behind the minus. */
  readonly integers: readonly number[];
  readonly texts: readonly string[];
}

/** The literals of a condition, each once, in the order they are written. None when it does not parse. */
export function literalsIn(text: string): Literals {
  const parsed = parseExpression(text);
  const integers = new Set<number>();
  const texts = new Set<string>();
  const visit = (node: SyntaxNode): void => {
    if (node.op === 'value') {
      const value: unknown = node.args;
      if (typeof value === 'bigint' && Number.isSafeInteger(Number(value))) integers.add(Number(value));
      if (typeof value === 'string') texts.add(value);
    }
    for (const child of childrenOf(node)) visit(child);
  };
  if (isParsed(parsed)) visit(parsed.root);
  return { integers: [...integers], texts: [...texts] };
}
