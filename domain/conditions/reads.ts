import { BoundedMap, remembered } from '../once-per.ts';
import type { NodeOf, SyntaxNode } from './engine.ts';

/** A path into the facts, as segments: `['args', 'role']`. The first is the variable. */
export type FactPath = readonly string[];

/** What a condition reads and calls, found without running it. */
export interface Reads {
  readonly paths: readonly FactPath[];
  readonly functions: ReadonlySet<string>;
}

/** The macros that walk over a list or map with a variable of their own. */
export const COMPREHENSIONS: ReadonlySet<string> = new Set(['exists', 'all', 'exists_one', 'filter', 'map']);

/** `args.role`, `args["x-y"]`: the text that reads a path in a condition. */
export function pathText(path: FactPath): string {
  const [root = '', ...segments] = path;
  return segments.reduce(
    (text, segment) =>
      /^[A-Za-z_]\w*$/u.test(segment) ? `${text}.${segment}` : `${text}[${JSON.stringify(segment)}]`,
    root,
  );
}

/** The path that a chain of field reads names, or null for anything computed. */
export function pathOf(node: SyntaxNode): FactPath | null {
  if (node.op === 'id') return [node.args];
  const step = stepOf(node);
  const parent = step && pathOf(step.parent);
  return parent ? [...parent, step.name] : null;
}

function stepOf(node: SyntaxNode): { readonly parent: SyntaxNode; readonly name: string } | null {
  if (node.op === '.') return { parent: node.args[0], name: node.args[1] };
  if (node.op !== '[]') return null;
  const [parent, index] = node.args;
  return index.op === 'value' && typeof index.args === 'string' ? { parent, name: index.args } : null;
}

/** All paths that a condition may read, whatever branch it takes, and all functions it may call. */
export function readsOf(root: SyntaxNode): Reads {
  const paths = new Map<string, FactPath>();
  const functions = new Set<string>();
  const visit = (node: SyntaxNode, own: ReadonlySet<string>): void => {
    const path = pathOf(node);
    if (!path) {
      if (node.op === 'call' || node.op === 'rcall') functions.add(node.args[0]);
      for (const [child, names] of scopesBelow(node, own)) visit(child, names);
    } else if (!own.has(path[0] ?? '')) {
      const key = JSON.stringify(path);
      paths.set(
        key,
        remembered(PATHS, key, () => path),
      );
    }
  };
  visit(root, new Set());
  return { paths: [...paths.values()], functions };
}

/** Conditions read the same few paths: what is kept about one is there for all. */
const PATHS = new BoundedMap<string, FactPath>(10_000);

/** The nodes below a node, each with the names that belong to comprehensions there. */
function scopesBelow(
  node: SyntaxNode,
  own: ReadonlySet<string>,
): readonly [SyntaxNode, ReadonlySet<string>][] {
  if (!isComprehension(node)) return childrenOf(node).map((child) => [child, own]);
  const [, receiver, [variable, ...rest]] = node.args;
  const inner = variable?.op === 'id' ? new Set([...own, variable.args]) : own;
  return [[receiver, own], ...rest.map((child): [SyntaxNode, ReadonlySet<string>] => [child, inner])];
}

/** True for `list.exists(x, …)` and its kind. */
export function isComprehension(node: SyntaxNode): node is NodeOf<'rcall'> {
  return node.op === 'rcall' && COMPREHENSIONS.has(node.args[0]);
}

/** The nodes directly below a node, in the order they are written. */
export function childrenOf(node: SyntaxNode): readonly SyntaxNode[] {
  return node.op === 'value' ? [] : nodesIn(node.args);
}

/** Arguments of a node are nodes, names, and lists of them. */
function nodesIn(part: unknown): readonly SyntaxNode[] {
  if (Array.isArray(part)) return part.flatMap(nodesIn);
  return typeof part === 'object' && part !== null ? [part as SyntaxNode] : [];
}
