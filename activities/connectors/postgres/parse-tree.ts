import type { SqlParser, TreeNode } from './parser-thread.ts';

/** One node of a parse tree with its kind. */
export interface KindedNode {
  readonly kind: string;
  readonly node: TreeNode;
}

/**
 * Every node below a value, in no particular order. Iterative: hostile input must not exhaust the stack.
 * The printed tree wraps most nodes as `{ Kind: {…} }`; where the grammar allows one kind only, the field's name says
 * which. A field that is not known here comes out as `field:name`, so that an allow-list refuses it.
 */
export function* nodesOf(value: unknown): Generator<KindedNode> {
  const open: unknown[] = [value];
  while (open.length > 0) {
    const current = open.pop();
    if (Array.isArray(current)) for (const item of current as readonly unknown[]) open.push(item);
    else if (isNode(current)) yield* fieldsOf(current, open);
  }
}

function* fieldsOf(parent: TreeNode, open: unknown[]): Generator<KindedNode> {
  for (const [name, value] of Object.entries(parent)) {
    if (typeof value !== 'object' || value === null) continue;
    open.push(value);
    if (Array.isArray(value) || isWrapper(value as TreeNode)) continue;
    const kind = isKind(name) ? name : (KIND_OF_FIELD.get(name) ?? `field:${name}`);
    yield { kind, node: value as TreeNode };
  }
}

/** The fields whose kind the grammar fixes. */
const KIND_OF_FIELD: ReadonlyMap<string, string> = new Map(
  [
    'alias Alias, arg JsonValueExpr, boolval Value, bsval Value, constructor JsonAggConstructor',
    'context_item JsonValueExpr, cycle_clause CTECycleClause, expr JsonValueExpr, format JsonFormat',
    'fval Value, infer InferClause, intoClause IntoClause, ival Value, larg SelectStmt',
    'on_empty JsonBehavior, on_error JsonBehavior, onConflictClause OnConflictClause, output JsonOutput',
    'over WindowDef, pathspec JsonTablePathSpec, rarg SelectStmt, relation RangeVar',
    'returning JsonReturning, returningClause ReturningClause, search_clause CTESearchClause, sval Value',
    'typeName TypeName, value JsonValueExpr, withClause WithClause',
  ].flatMap((line) => line.split(', ').map((entry) => entry.split(' ') as [string, string])),
);

/** The node inside `{ Kind: {…} }`, or null when it is of another kind. */
export function unwrap(value: unknown, kind: string): TreeNode | null {
  if (!isNode(value)) return null;
  const inner = Object.hasOwn(value, kind) ? value[kind] : undefined;
  return isNode(inner) ? inner : null;
}

/** The tree of the one statement of a text; null where it is not one. */
export async function onlyOf(text: string, parser: SqlParser): Promise<unknown> {
  const outcome = await parser.parse(text);
  if (outcome.kind === 'unreadable' || outcome.statements.length !== 1) return null;
  return outcome.statements[0]?.['stmt'];
}

/** The kind of a wrapped node, or null. */
export function kindOf(value: unknown): string | null {
  if (!isNode(value)) return null;
  const [name] = Object.keys(value);
  return name !== undefined && isKind(name) ? name : null;
}

/** A field that holds a list, as a list. */
export function listOf(node: TreeNode, field: string): readonly unknown[] {
  const value = Object.hasOwn(node, field) ? node[field] : undefined;
  return Array.isArray(value) ? (value as readonly unknown[]) : [];
}

/** A field that holds a node of a fixed kind. */
export function fieldOf(node: TreeNode, field: string): TreeNode | null {
  const value = Object.hasOwn(node, field) ? node[field] : undefined;
  return isNode(value) ? value : null;
}

/** A field that holds text. */
export function textOf(node: TreeNode, field: string): string | null {
  const value = Object.hasOwn(node, field) ? node[field] : undefined;
  return typeof value === 'string' ? value : null;
}

/** The value of a constant that is a whole number, or null. */
export function integerOf(constant: TreeNode): number | null {
  const value = fieldOf(constant, 'ival');
  // The printed tree leaves nought out.
  return value === null ? null : Number(value['ival'] ?? 0);
}

/** A list of `String` nodes as text, e.g. the parts of a function's name. */
export function namesOf(values: readonly unknown[]): readonly string[] {
  return values.map((value) => textOf(unwrap(value, 'String') ?? {}, 'sval') ?? '');
}

function isNode(value: unknown): value is TreeNode {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isWrapper(node: TreeNode): boolean {
  const names = Object.keys(node);
  return names.length === 1 && isKind(names[0] ?? '');
}

function isKind(name: string): boolean {
  return /^[A-Z]/.test(name);
}
