import { fieldOf, kindOf, listOf, namesOf, textOf, unwrap, type KindedNode } from './parse-tree.ts';
import type { TreeNode } from './parser-thread.ts';

/**
 * Where a statement's value for a column comes from. `run_time` is a bare `now()`, `current_timestamp` or
 * `gen_random_uuid()`: everybody sees from the text that it is assigned when the action runs.
 */
export type ValueSource = 'run_time' | 'expression';

/** One relation that a statement (or one of its WITH parts) writes itself. */
export interface WrittenRelation {
  readonly schema: string | null;
  readonly name: string;
  readonly operations: readonly WriteOperation[];
  /** Columns it sets by name. Columns set to DEFAULT are not in it. */
  readonly byName: ReadonlyMap<string, ValueSource>;
  /** Columns it sets by position (an INSERT without a column list), in the order of the table. */
  readonly byPosition: readonly (ValueSource | null)[];
  /** True when it sets columns that cannot be told from the text (`INSERT … SELECT *`). */
  readonly isOpen: boolean;
}

export type WriteOperation = 'insert' | 'update' | 'delete';

/** What the data-modifying nodes of a statement write, one entry a node. */
export function readAssignments(nodes: readonly KindedNode[]): readonly WrittenRelation[] {
  return nodes.flatMap(({ kind, node }) => {
    if (kind === 'InsertStmt') return [inserted(node)];
    if (kind === 'UpdateStmt') return [written(node, ['update'], targetsOf(listOf(node, 'targetList')))];
    if (kind === 'DeleteStmt') return [written(node, ['delete'], NOTHING)];
    return kind === 'MergeStmt' ? listOf(node, 'mergeWhenClauses').map((clause) => merged(node, clause)) : [];
  });
}

interface Assigned {
  readonly byName: ReadonlyMap<string, ValueSource>;
  readonly byPosition: readonly (ValueSource | null)[];
  readonly isOpen: boolean;
}

const NOTHING: Assigned = { byName: new Map(), byPosition: [], isOpen: false };

function written(node: TreeNode, operations: readonly WriteOperation[], assigned: Assigned): WrittenRelation {
  const relation = fieldOf(node, 'relation') ?? {};
  return {
    schema: textOf(relation, 'schemaname'),
    name: textOf(relation, 'relname') ?? '',
    operations,
    ...assigned,
  };
}

function inserted(node: TreeNode): WrittenRelation {
  const rows = insertedRows(unwrap(node['selectStmt'], 'SelectStmt'));
  const values = insertedValues(listOf(node, 'cols'), rows);
  const conflict = fieldOf(node, 'onConflictClause');
  const updates = conflict === null ? NOTHING : targetsOf(listOf(conflict, 'targetList'));
  const operations: WriteOperation[] = updates.byName.size > 0 ? ['insert', 'update'] : ['insert'];
  return written(node, operations, joined(values, updates));
}

function merged(node: TreeNode, clause: unknown): WrittenRelation {
  const when = unwrap(clause, 'MergeWhenClause') ?? {};
  const targets = listOf(when, 'targetList');
  if (when['commandType'] === 'CMD_DELETE') return written(node, ['delete'], NOTHING);
  if (when['commandType'] === 'CMD_NOTHING') return written(node, [], NOTHING);
  if (when['commandType'] === 'CMD_UPDATE') return written(node, ['update'], targetsOf(targets));
  return written(node, ['insert'], insertedValues(targets, [listOf(when, 'values')]));
}

/** The rows of values of an INSERT, or null when the text does not show them one by one. */
function insertedRows(select: TreeNode | null): readonly (readonly unknown[])[] | null {
  if (select === null) return [];
  const values = listOf(select, 'valuesLists');
  if (values.length > 0) return values.map((list) => listOf(unwrap(list, 'List') ?? {}, 'items'));
  if (select['op'] !== 'SETOP_NONE') return null;
  const row = listOf(select, 'targetList').map((target) => (unwrap(target, 'ResTarget') ?? {})['val']);
  return row.some(isStar) ? null : [row];
}

function isStar(value: unknown): boolean {
  return listOf(unwrap(value, 'ColumnRef') ?? {}, 'fields').some((field) => kindOf(field) === 'A_Star');
}

function insertedValues(columns: readonly unknown[], rows: readonly (readonly unknown[])[] | null): Assigned {
  const names = columns.map((column) => textOf(unwrap(column, 'ResTarget') ?? {}, 'name') ?? '');
  if (rows === null) {
    return names.length === 0
      ? { ...NOTHING, isOpen: true }
      : { ...NOTHING, byName: new Map(names.map(asExpression)) };
  }
  const width = Math.max(names.length, ...rows.map((row) => row.length));
  const sources = Array.from({ length: width }, (_, index) =>
    worstOf(rows.map((row) => sourceOf(row[index]))),
  );
  if (names.length === 0) return { ...NOTHING, byPosition: sources };
  const byName = new Map<string, ValueSource>();
  for (const [index, name] of names.entries()) note(byName, name, sources[index] ?? null);
  return { ...NOTHING, byName };
}

function asExpression(name: string): readonly [string, ValueSource] {
  return [name, 'expression'];
}

function targetsOf(targets: readonly unknown[]): Assigned {
  const byName = new Map<string, ValueSource>();
  for (const item of targets) {
    const target = unwrap(item, 'ResTarget') ?? {};
    const isPart = listOf(target, 'indirection').length > 0;
    note(byName, textOf(target, 'name') ?? '', isPart ? 'expression' : sourceOf(elementOf(target['val'])));
  }
  return { ...NOTHING, byName };
}

/** `SET (a, b) = (1, now())` names one element a column; a sub-select stays an expression. */
function elementOf(value: unknown): unknown {
  const reference = unwrap(value, 'MultiAssignRef');
  if (reference === null) return value;
  const row = unwrap(reference['source'], 'RowExpr');
  const position = reference['colno'];
  return row === null || typeof position !== 'number' ? value : listOf(row, 'args')[position - 1];
}

function sourceOf(value: unknown): ValueSource | null {
  if (value === undefined || kindOf(value) === 'SetToDefault') return null;
  const clock = unwrap(value, 'SQLValueFunction');
  if (clock !== null) return clock['op'] === 'SVFOP_CURRENT_TIMESTAMP' ? 'run_time' : 'expression';
  const call = unwrap(value, 'FuncCall');
  return call !== null && isBareCall(call) ? 'run_time' : 'expression';
}

function isBareCall(call: TreeNode): boolean {
  const name = namesOf(listOf(call, 'funcname'));
  const isPlain = Object.keys(call).every((field) => ['funcname', 'funcformat', 'location'].includes(field));
  const isCatalog = name.length === 1 || name[0] === 'pg_catalog';
  return isPlain && isCatalog && ['now', 'gen_random_uuid'].includes(name.at(-1) ?? '');
}

function worstOf(sources: readonly (ValueSource | null)[]): ValueSource | null {
  if (sources.includes('expression')) return 'expression';
  return sources.includes('run_time') ? 'run_time' : null;
}

function joined(left: Assigned, right: Assigned): Assigned {
  const byName = new Map(left.byName);
  for (const [name, source] of right.byName) note(byName, name, source);
  return { byName, byPosition: left.byPosition, isOpen: left.isOpen || right.isOpen };
}

function note(byName: Map<string, ValueSource>, name: string, source: ValueSource | null): void {
  const worst = worstOf([source, byName.get(name) ?? null]);
  if (worst !== null) byName.set(name, worst);
}
