import { integerOf, listOf, nodesOf, onlyOf, unwrap } from './parse-tree.ts';
import type { ScannedToken, SqlParser, TreeNode } from './parser-thread.ts';
import { isSameTree, outsideParentheses } from './token-text.ts';
import type { Statement } from './statement.ts';

/** A statement that takes at most so many values of each sequence behind the table that it names. */
interface BoundedStatement {
  readonly text: string;
  /** Null: its text does not say how many rows it inserts, and no limit can be put into it. */
  readonly rowsMax: number | null;
  /** How many rows it proposes to insert, as far as its text lists them. */
  readonly listed: number;
}

/** True when the statement makes the server assign defaults, which is what uses sequences up. */
export function assignsDefaults({ tree }: Statement): boolean {
  return [...nodesOf(tree)].some(({ kind }) => ['InsertStmt', 'MergeStmt', 'SetToDefault'].includes(kind));
}

/** True when rows that are updated have taken values of defaults as well. */
export function updatesTakeDefaults({ tree }: Statement): boolean {
  return [...nodesOf(tree)].some(({ kind }) => ['OnConflictClause', 'SetToDefault'].includes(kind));
}

/**
 * The statement with a limit on the rows that it inserts. Counting them first would not do: what a query returns may
 * vary from one run to the next. With one row more than is allowed, the caller sees that it would have been too many.
 */
export async function boundRows(
  statement: Statement,
  rowsMax: number,
  parser: SqlParser,
): Promise<BoundedStatement> {
  const unbounded = limitless(statement);
  const insert = unwrap(statement.tree, 'InsertStmt');
  if (insert === null || statement.writesCount !== 1) return unbounded;
  const select = unwrap(insert['selectStmt'], 'SelectStmt');
  const values = select === null ? 1 : listOf(select, 'valuesLists').length;
  // `values (generate_series(1, 9))` is not allowed by the server, so a list of values is a list of rows.
  if (select === null || (values > 0 && ['SETOP_NONE', undefined].includes(select['op'] as string)))
    return { text: statement.text, rowsMax: values, listed: values };
  if (select['limitCount'] !== undefined) return limitedAlready(statement, select);
  // Rows that meet a conflict and are left alone are in no count, so nobody would see that the limit was reached.
  if (insert['onConflictClause'] !== undefined) return unbounded;
  const text = await withLimit(statement, rowsMax + 1, parser);
  return text === null ? unbounded : { text, rowsMax: rowsMax + 1, listed: 0 };
}

/** The statement as it is: whatever limit it had, nobody would see that it was reached. */
export function limitless(statement: Statement): BoundedStatement {
  return { text: statement.text, rowsMax: null, listed: 0 };
}

function limitedAlready(statement: Statement, select: TreeNode): BoundedStatement {
  const isCount = select['limitOption'] === 'LIMIT_OPTION_COUNT';
  const rowsMax = isCount ? integerOf(unwrap(select['limitCount'], 'A_Const') ?? {}) : null;
  return { text: statement.text, rowsMax, listed: 0 };
}

async function withLimit(statement: Statement, limit: number, parser: SqlParser): Promise<string | null> {
  const tokens = await parser.scan(statement.text);
  const end = tokens === null ? null : endOfSelect(tokens);
  if (end === null) return null;
  const bytes = Buffer.from(statement.text, 'utf8');
  const text = `${bytes.subarray(0, end).toString('utf8')} limit ${limit} ${bytes.subarray(end).toString('utf8')}`;
  const parsed = await onlyOf(text, parser);
  return parsed !== null && isSameTree(withoutLimit(parsed), withoutLimit(statement.tree)) ? text : null;
}

/** Where the rows of an INSERT end: before what is said about conflicts and what is returned. */
function endOfSelect(tokens: readonly ScannedToken[]): number | null {
  const words = tokens.filter(({ text }) => !/^(--|\/\*)/.test(text));
  const outer = outsideParentheses(words);
  const stop = outer.find((token, index) => {
    const word = token.text.toLowerCase();
    const next = outer[index + 1]?.text.toLowerCase();
    return word === ';' || word === 'returning' || (word === 'on' && next === 'conflict');
  });
  const inside = stop === undefined ? words : words.filter(({ start }) => start < stop.start);
  return inside.at(-1)?.end ?? null;
}

/** The same tree with the limit of the inserted rows taken out. */
function withoutLimit(tree: unknown): unknown {
  const insert = unwrap(tree, 'InsertStmt') ?? {};
  const select = unwrap(insert['selectStmt'], 'SelectStmt') ?? {};
  const { limitCount: _count, limitOption: _option, ...rest } = select;
  return { ...insert, selectStmt: rest };
}
