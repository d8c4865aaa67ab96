import type { Start } from './cascades.ts';
import { placesOf } from './images.ts';
import { fieldOf, listOf, onlyOf, unwrap } from './parse-tree.ts';
import type { ScannedToken, SqlParser, TreeNode } from './parser-thread.ts';
import type { PreparedCall } from './prepared-call.ts';
import type { Statement } from './statement.ts';
import { isSameTree, outsideParentheses } from './token-text.ts';

/** How an UPDATE or DELETE of one table chooses its rows. */
interface ChosenRows {
  /** `select … from … where …` by the same table and the same condition. */
  readonly selecting: string;
  /** Of the statement's text, what stands before its condition, the condition, and what stands behind it. */
  readonly head: string;
  readonly condition: string | null;
  readonly tail: string;
}

/** Null for other shapes of statements. */
export async function chosenRows(statement: Statement, parser: SqlParser): Promise<ChosenRows | null> {
  const update = unwrap(statement.tree, 'UpdateStmt');
  const node = update ?? unwrap(statement.tree, 'DeleteStmt');
  const others = ['withClause', 'fromClause', 'usingClause'];
  if (node === null || others.some((field) => node[field] !== undefined)) return null;
  const tokens = await parser.scan(statement.text);
  const chosen = tokens === null ? null : sliced(statement.text, tokens, update !== null);
  return chosen !== null && (await isSameSelection(chosen.selecting, node, parser)) ? chosen : null;
}

/** Cuts table and condition out of the text at the keywords outside of parentheses. */
function sliced(text: string, tokens: readonly ScannedToken[], isUpdate: boolean): ChosenRows {
  const outer = outsideParentheses(tokens);
  const at = (word: string): ScannedToken | undefined =>
    outer.find((token) => token.text.toLowerCase() === word);
  const bytes = Buffer.from(text, 'utf8');
  const cut = (from: number | undefined, to: number | undefined): string =>
    bytes.subarray(from, to).toString('utf8');
  const startOf = (word: string): number => at(word)?.start ?? bytes.length;
  const end = Math.min(startOf('returning'), startOf(';'));
  const [first, last] = isUpdate ? (['update', 'set'] as const) : (['from', 'where'] as const);
  const table = cut(at(first)?.end, Math.min(startOf(last), end));
  const where = at('where');
  const condition = where === undefined ? null : cut(where.end, end);
  const head = cut(0, Math.min(startOf('where'), end));
  return { selecting: selectingBy(table, condition), head, condition, tail: cut(end, undefined) };
}

function selectingBy(table: string, condition: string | null): string {
  const where = condition === null ? '' : `where ${condition}`;
  return `select tableoid::pg_catalog.text as home, ctid::pg_catalog.text as place from ${table}\n${where}\n`;
}

/** The cut-out text is only used when the grammar says that it selects by the same table and the same condition. */
async function isSameSelection(text: string, node: TreeNode, parser: SqlParser): Promise<boolean> {
  const select = unwrap(await onlyOf(text, parser), 'SelectStmt') ?? {};
  const [from] = listOf(select, 'fromClause');
  const relation = unwrap(from, 'RangeVar');
  return (
    isSameTree(relation, fieldOf(node, 'relation')) && isSameTree(select['whereClause'], node['whereClause'])
  );
}

/** The text of the statement with the places of rows as one more condition; null where the grammar reads it otherwise. */
export async function limitedTo(
  { oid, places }: Pick<Start, 'oid' | 'places'>,
  {
    statement,
    parser,
    chosen: { head, condition, tail },
  }: Pick<PreparedCall, 'statement' | 'parser'> & { readonly chosen: ChosenRows },
): Promise<string | null> {
  const limits = [
    `tableoid operator(pg_catalog.=) '${oid}'::pg_catalog.oid`,
    `ctid operator(pg_catalog.=) any (${placesOf(places)})`,
  ];
  const conditions = condition === null ? limits : [...limits, `(${condition}\n)`];
  const text = `${head}\nwhere ${conditions.join(' and ')}\n${tail}`;
  const kind = unwrap(statement.tree, 'UpdateStmt') === null ? 'DeleteStmt' : 'UpdateStmt';
  const limited = unwrap(await onlyOf(text, parser), kind) ?? {};
  const { whereClause: both, ...rest } = limited;
  const { whereClause: own, ...ownRest } = unwrap(statement.tree, kind) ?? {};
  const parts = unwrap(both, 'BoolExpr') ?? {};
  const ownPart = listOf(parts, 'args')[limits.length];
  const isSame = parts['boolop'] === 'AND_EXPR' && isSameTree(rest, ownRest) && isSameTree(ownPart, own);
  return isSame && listOf(parts, 'args').length === conditions.length ? text : null;
}
