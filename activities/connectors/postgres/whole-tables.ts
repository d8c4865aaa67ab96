import { truthOf } from './constant-condition.ts';
import { fieldOf, kindOf, listOf, namesOf, nodesOf, textOf, unwrap } from './parse-tree.ts';
import type { TreeNode } from './parser-thread.ts';
import type { Statement } from './statement.ts';

/**
 * An UPDATE or DELETE without a condition, or with one that does not choose among the table's rows, is often one that was
 * forgotten. One that is never true changes nothing, which the plan shows.
 */
export function wholeTables({ tree }: Statement): readonly string[] {
  return [...nodesOf({ tree: [tree] })].flatMap((part) => {
    const read = WRITES.get(part.kind);
    return read === undefined ? [] : read(part.node);
  });
}

const WRITES: ReadonlyMap<string, (node: TreeNode) => readonly string[]> = new Map([
  ['UpdateStmt', (node: TreeNode) => conditional('UPDATE', node)],
  ['DeleteStmt', (node: TreeNode) => conditional('DELETE', node)],
  ['MergeStmt', merging],
]);

function conditional(verb: string, node: TreeNode): readonly string[] {
  const { name } = tableOf(node);
  const condition = node['whereClause'];
  if (condition === undefined) return [`${verb} of ${name} has no WHERE clause: ${EVERY}.`];
  const truth = truthOf(condition);
  if (truth === true) return [`The WHERE clause of ${verb} of ${name} is always true: ${EVERY}.`];
  if (truth !== undefined || looksAt(node, condition)) return [];
  return [`The WHERE clause of ${verb} of ${name} looks at no column of it: ${EVERY}, or none.`];
}

const EVERY = 'it may change every row of the table';

/** Rows that no source row matches may be changed as well: then a condition that is never true meets all of them. */
function merging(node: TreeNode): readonly string[] {
  const { name } = tableOf(node);
  const condition = node['joinCondition'];
  const truth = truthOf(condition);
  if (truth === true) return [`MERGE meets every row of ${name}: ${EVERY}.`];
  if (truth !== undefined) return hasUnmatched(node) ? [`No row of ${name} matches in MERGE: ${EVERY}.`] : [];
  return looksAt(node, condition) ? [] : [`MERGE looks at no column of ${name} to match: ${EVERY}, or none.`];
}

function hasUnmatched(node: TreeNode): boolean {
  return listOf(node, 'mergeWhenClauses').some(
    (clause) => unwrap(clause, 'MergeWhenClause')?.['matchKind'] === 'MERGE_WHEN_NOT_MATCHED_BY_SOURCE',
  );
}

/** The table that is written, and what its columns may be qualified with. */
function tableOf(node: TreeNode): { readonly name: string; readonly alias: string } {
  const relation = fieldOf(node, 'relation') ?? {};
  const name = textOf(relation, 'relname') ?? 'the table';
  return { name, alias: textOf(fieldOf(relation, 'alias') ?? {}, 'aliasname') ?? name };
}

/** False where every column in the condition is certainly of another table. A bare name may be of this one. */
function looksAt(node: TreeNode, condition: unknown): boolean {
  const { alias } = tableOf(node);
  return [...nodesOf([condition])].some(({ kind, node: column }) => {
    if (kind !== 'ColumnRef') return false;
    const fields = listOf(column, 'fields');
    // `*` alone is all of a subquery.
    if (fields.length === 1) return kindOf(fields[0]) !== 'A_Star';
    return namesOf(fields.slice(0, -1)).includes(alias);
  });
}
