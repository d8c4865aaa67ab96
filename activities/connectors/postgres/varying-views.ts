import { CALLS } from './called-functions.sql.ts';
import { listOf, namesOf, nodesOf, textOf } from './parse-tree.ts';
import type { SqlParser, TreeNode } from './parser-thread.ts';

/** Functions of pg_catalog that answer something else each time, or later. */
const VARYING: ReadonlySet<string> = new Set(
  [
    'random random_normal array_sample array_shuffle gen_random_uuid uuidv4 uuidv7 nextval now clock_timestamp age',
    'statement_timestamp transaction_timestamp timeofday pg_relation_size pg_table_size pg_indexes_size',
    'pg_total_relation_size',
  ].flatMap((line) => line.split(' ')),
);

/** Words that become the time when they are cast. */
const TIME_WORDS = /\b(now|today|tomorrow|yesterday)\b/i;

/** Whether views and rules ($1) call functions of the target's own that may answer something else each time. */
export const VARYING_RULES = `
  select 1
    from ${CALLS}
   where link.classid = 'pg_catalog.pg_rewrite'::regclass and link.objid = any ($1::oid[])
     and called.oid >= 16384 and called.provolatile <> 'i'
   limit 1`;

/**
 * True when rows or values of a view may be others each time: a statement that reads it may then carry a value that
 * nobody saw, though its own text holds nothing of the kind. Takes the views and rules that it reaches, as texts in SQL.
 */
export async function mayVary(texts: readonly string[], parser: SqlParser): Promise<boolean> {
  if (texts.length === 0) return false;
  const outcome = await parser.parse(texts.map((text) => text.replace(/;\s*$/, '')).join(';\n'));
  return (
    outcome.kind === 'unreadable' ||
    [...nodesOf(outcome.statements)].some(({ kind, node }) => VARIES[kind]?.(node) === true)
  );
}

const VARIES: Readonly<Record<string, (node: TreeNode) => boolean>> = {
  SQLValueFunction: (node) => CLOCK_OPS.test(textOf(node, 'op') ?? ''),
  FuncCall: (node) => VARYING.has(namesOf(listOf(node, 'funcname')).at(-1) ?? ''),
  Value: (node) => TIME_WORDS.test(textOf(node, 'sval') ?? ''),
};

const CLOCK_OPS = /DATE|TIME/;
