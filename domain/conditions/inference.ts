import type { Range, SyntaxNode } from './engine.ts';
import type { FactType, KnownNames } from './fact-type.ts';

/** A string that stands in the condition itself, where it stands. */
export interface Literal extends Range {
  readonly value: string;
}

/** A string type with the literals that are among its values, so that each can be held against an enum. */
export interface LiteralType {
  readonly kind: 'string';
  readonly enum: readonly string[] | null;
  readonly names?: KnownNames;
  readonly literals: readonly Literal[];
}

/** Where a node stands: variables of comprehensions around it, and paths that are certain to exist there. */
export interface Scope {
  readonly own: ReadonlyMap<string, FactType>;
  /** As `pathText` writes them. */
  readonly existing: ReadonlySet<string>;
}

/** Operations that can make a result much larger than its operands, so that their number must be small. */
export type GrowingOperation = 'joins of strings' | 'products of doubles';

/** The check in progress, as the rules for single operators see it. */
export interface Inference {
  readonly variables: Readonly<Record<string, FactType>>;
  /** The type of a node, or null when a problem in it was reported. */
  readonly infer: (node: SyntaxNode, scope: Scope) => FactType | null;
  /** Reports a problem. Returns null, so that a rule can end with it. */
  readonly report: (range: Range, message: string) => null;
  /** Reports what is probably a mistake. */
  readonly doubt: (range: Range, message: string) => void;
  readonly count: (operation: GrowingOperation, node: SyntaxNode) => void;
}

/** The literals behind a string type, or none when it comes from facts. */
export function literalsOf(type: FactType): readonly Literal[] {
  return 'literals' in type ? (type as LiteralType).literals : [];
}

/** A type as messages name it. */
export function typeName(type: FactType): string {
  switch (type.kind) {
    case 'list':
      return `list of ${typeName(type.items)}`;
    case 'map':
      return `map of ${typeName(type.values)}`;
    case 'string':
    case 'int':
    case 'double':
    case 'bool':
    case 'object':
    case 'any':
      return type.kind;
  }
}

/** The one type of two branches or elements, or null when they differ. Objects never unify: conditions compare scalars. */
export function unify(left: FactType, right: FactType): FactType | null {
  if (left.kind === 'string' && right.kind === 'string') return unifyStrings(left, right);
  if (left.kind === 'list' && right.kind === 'list') {
    const items = unify(left.items, right.items);
    return items && { kind: 'list', items };
  }
  return isScalar(left) && left.kind === right.kind ? left : null;
}

function unifyStrings(
  left: FactType & { kind: 'string' },
  right: FactType & { kind: 'string' },
): LiteralType {
  const values = left.enum && right.enum ? [...new Set([...left.enum, ...right.enum])] : null;
  const names = values === null ? unifyNames(left, right) : undefined;
  return {
    kind: 'string',
    enum: values,
    ...(names && { names }),
    literals: [...literalsOf(left), ...literalsOf(right)],
  };
}

/** The names of both sides, unless one of them may be any text. */
function unifyNames(
  left: FactType & { kind: 'string' },
  right: FactType & { kind: 'string' },
): KnownNames | undefined {
  const named = left.names ?? right.names;
  const [some, others] = [left, right].map((side) => side.names?.known ?? side.enum);
  if (!named || !some || !others) return undefined;
  const isOpen = [left, right].some((side) => side.names?.isOpen === true);
  return { what: named.what, known: [...new Set([...some, ...others])], isOpen };
}

/** More joined names than these are not looked at. */
const JOINED_MAX = 1_000;

/** The text of both sides put together, with its names where each side can be few things only. */
export function joined(left: FactType, right: FactType): FactType {
  const names = joinedNames(namesIn(left), namesIn(right));
  return { kind: 'string', enum: null, ...(names && { names }) };
}

function joinedNames(left: Partial<KnownNames>, right: Partial<KnownNames>): KnownNames | undefined {
  const what = left.what ?? right.what;
  const [first, second] = [left.known, right.known];
  if (what === undefined || !first || !second || first.length * second.length > JOINED_MAX) return undefined;
  const known = first.flatMap((start) => second.map((end) => start + end));
  return { what, known: [...new Set(known)], isOpen: left.isOpen === true || right.isOpen === true };
}

function namesIn(type: FactType): Partial<KnownNames> {
  if (type.kind !== 'string') return {};
  return type.names ?? (type.enum ? { known: type.enum } : {});
}

/** True for types whose values can be compared with `==` and looked up with `in`. */
export function isScalar(type: FactType): boolean {
  return type.kind === 'string' || type.kind === 'int' || type.kind === 'double' || type.kind === 'bool';
}
