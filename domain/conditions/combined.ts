import { isParsed, parseExpression, type SyntaxNode } from './engine.ts';

/** The condition that holds where all of these do. Each must have been checked on its own. */
export function allOf(...conditions: readonly string[]): string {
  const [only = '', ...more] = conditions;
  return more.length === 0 ? only : conditions.map(grouped).join(' && ');
}

/** The condition that holds where this one does not. */
export function not(condition: string): string {
  return `!${grouped(condition)}`;
}

/** A comment would take the parenthesis behind it along. */
function grouped(condition: string): string {
  return condition.includes('//') ? `(${condition}\n)` : `(${condition})`;
}

/**
 * True where `strict` asks for all that `loose` asks for, and perhaps for more: everything that must hold for `loose` is, word
 * for word, among what must hold for `strict`. False proves nothing.
 */
export function asksForAllOf(strict: string, loose: string): boolean {
  const required = partsOf(strict);
  return strict === loose || [...partsOf(loose)].every((part) => required.has(part));
}

/** The sides of `&&`, each in a form in which blanks and parentheses make no difference. */
function partsOf(condition: string): ReadonlySet<string> {
  const parsed = parseExpression(condition);
  return isParsed(parsed) ? new Set(sidesOf(parsed.root).map(formOf)) : new Set([condition]);
}

function sidesOf(node: SyntaxNode): readonly SyntaxNode[] {
  return node.op === '&&' ? node.args.flatMap(sidesOf) : [node];
}

function formOf(node: SyntaxNode): string {
  return JSON.stringify(node, (_key: string, value: unknown) => {
    if (typeof value === 'bigint') return `int ${value}`;
    const isNode = typeof value === 'object' && value !== null && 'op' in value && 'args' in value;
    return isNode ? [value.op, value.args] : value;
  });
}
