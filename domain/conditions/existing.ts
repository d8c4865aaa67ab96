import type { SyntaxNode } from './engine.ts';
import { pathOf, pathText, type FactPath } from './reads.ts';

const NONE: ReadonlySet<string> = new Set();

/**
 * The optional paths that must exist when a condition has come out as `outcome`: after `has(args.x) && …` on the right,
 * after `!has(args.x) || …` on the right; and the flags that must be true then (`isTrue`). Left to right only, which is
 * how people read a guard.
 */
export function existingWhen(node: SyntaxNode, outcome: boolean): ReadonlySet<string> {
  if (node.op === '!_') return existingWhen(node.args, !outcome);
  if (node.op === '&&' || node.op === '||') {
    const sides = node.args.map((side) => existingWhen(side, outcome));
    const bothHold = (node.op === '&&') === outcome;
    return bothHold ? union(sides) : intersection(sides);
  }
  return outcome ? provenBy(node) : NONE;
}

/** What a test proves by being true. */
function provenBy(node: SyntaxNode): ReadonlySet<string> {
  if (node.op === 'call' && node.args[0] === 'has') return pathSet(node.args[1][0]);
  if (node.op === 'in') return keySet(node.args[0], node.args[1]);
  const path = node.op === '.' ? pathOf(node) : null;
  return path ? new Set([isTrue(path)]) : NONE;
}

/** Says in a set of existing paths that the flag at the path is true: no path is written like that. */
export function isTrue(path: FactPath): string {
  return `${pathText(path)} is true`;
}

/** The paths of both sets. */
export function union(sets: readonly ReadonlySet<string>[]): ReadonlySet<string> {
  return new Set(sets.flatMap((set) => [...set]));
}

function intersection(sets: readonly ReadonlySet<string>[]): ReadonlySet<string> {
  const [first = NONE, ...rest] = sets;
  return new Set([...first].filter((path) => rest.every((set) => set.has(path))));
}

function pathSet(node: SyntaxNode | undefined): ReadonlySet<string> {
  const path = node && pathOf(node);
  return path ? new Set([pathText(path)]) : NONE;
}

/** `"team" in args.labels` proves the path `args.labels.team`. */
function keySet(key: SyntaxNode, map: SyntaxNode): ReadonlySet<string> {
  const path = pathOf(map);
  return path && key.op === 'value' && typeof key.args === 'string'
    ? new Set([pathText([...path, key.args])])
    : NONE;
}
