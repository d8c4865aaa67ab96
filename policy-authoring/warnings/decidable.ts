import { isParsed, parseExpression, type NodeOf, type SyntaxNode } from '../../domain/conditions/engine.ts';
import { remembered } from '../../domain/once-per.ts';
import { pathOf, pathText, type FactPath } from '../../domain/conditions/reads.ts';

/** A literal that a fact is compared with. */
export type Literal = string | number | boolean;

/** A fact that a condition reads, and all that it is compared with. */
export interface ComparedFact {
  readonly path: FactPath;
  readonly literals: readonly Literal[];
}

/**
 * The facts of a condition that only compares facts with literals, each with those literals: whatever the facts are, its
 * outcome is that of the nearest boundary. Null for any other condition, of which no list of values tells everything.
 */
export function comparedFacts(condition: string): readonly ComparedFact[] | null {
  const parsed = parseExpression(condition);
  if (!isParsed(parsed)) return null;
  const facts = new Map<string, { readonly path: FactPath; readonly literals: Set<Literal> }>();
  const note = (path: FactPath, literals: readonly Literal[]): boolean => {
    const known = remembered(facts, pathText(path), () => ({ path, literals: new Set<Literal>() }));
    for (const literal of literals) known.literals.add(literal);
    return true;
  };
  if (!isDecidable(parsed.root, note)) return null;
  const compared = [...facts.values()].map(({ path, literals }) => ({ path, literals: [...literals] }));
  return compared.some(({ path }) => compared.some((other) => leadsTo(path, other.path))) ? null : compared;
}

type Note = (path: FactPath, literals: readonly Literal[]) => boolean;

/** A fact and a field of it cannot be varied one by one. */
function leadsTo(path: FactPath, other: FactPath): boolean {
  return path.length < other.length && path.every((segment, index) => segment === other[index]);
}

function isDecidable(node: SyntaxNode, note: Note): boolean {
  if (node.op === '||' || node.op === '&&' || node.op === '?:')
    return node.args.every((side) => isDecidable(side, note));
  if (node.op === '!_') return isDecidable(node.args, note);
  if (isComparison(node)) return isComparedWithLiterals(node.args, note);
  if (node.op === 'call') return node.args[0] === 'has' && isFact(node.args[1][0], note);
  return node.op === 'value' ? typeof node.args === 'boolean' : isFact(node, note);
}

const COMPARISONS: ReadonlySet<string> = new Set(['==', '!=', '<', '<=', '>', '>=', 'in']);

function isComparison(node: SyntaxNode): node is NodeOf<'==' | 'in'> {
  return COMPARISONS.has(node.op);
}

function isFact(node: SyntaxNode | undefined, note: Note): boolean {
  const path = node && pathOf(node);
  return path ? note(path, []) : false;
}

/** A fact on one side, and on the other what is written in the condition. */
function isComparedWithLiterals([left, right]: readonly [SyntaxNode, SyntaxNode], note: Note): boolean {
  const [path, other] = [pathOf(left), pathOf(right)];
  if (path && other) return false;
  if (path) return noteAll(path, literalsOf(right), note);
  return other ? noteAll(other, literalsOf(left), note) : false;
}

function noteAll(path: FactPath, literals: readonly Literal[] | null, note: Note): boolean {
  return literals !== null && note(path, literals);
}

function literalsOf(node: SyntaxNode): readonly Literal[] | null {
  if (node.op === 'list') {
    const items = node.args.map(literalsOf);
    return items.includes(null) ? null : items.flatMap((item) => item ?? []);
  }
  if (node.op === '-_') {
    const [literal] = literalsOf(node.args) ?? [];
    return typeof literal === 'number' ? [-literal] : null;
  }
  return node.op === 'value' ? literalOf(node.args) : null;
}

function literalOf(value: unknown): readonly Literal[] | null {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? [Number(value)] : null;
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? [value]
    : null;
}
