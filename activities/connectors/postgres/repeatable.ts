import { nodesBelow, QueryNode, type NodeValue } from './node-text.ts';
import type { ExpressionRow, FunctionRow } from './owners-code.ts';
import { fieldOf, nodesOf, textOf } from './parse-tree.ts';
import type { QueryFacts } from './query-facts.ts';
import { entryAt, queriesIn } from './query-scope.ts';
import type { RewrittenRelation } from './rewriting.ts';
import type { Statement } from './statement.ts';
import { CONSTANT_KINDS } from './constant-expressions.sql.ts';
import { calledBy } from './varying-values.ts';
import type { WrittenTable } from './written-tables.ts';

/** What the target's analysis found out about a statement, and what it reaches. */
interface Reached {
  /** `isPlainStatement` of it. */
  readonly isPlain: boolean;
  readonly tables: readonly WrittenTable[];
  readonly rewritten: readonly RewrittenRelation[];
  readonly functions: readonly FunctionRow[];
  readonly expressions: readonly ExpressionRow[];
}

/**
 * True when one rehearsal shows what any other would as long as nobody changes the data, identities of new rows aside. What
 * is not known says no: code of the owner, whatever it is declared to be, and expressions that are not proven.
 */
export function isRepeatable({ isPlain, tables, rewritten, functions, expressions }: Reached): boolean {
  if (!isPlain || rewritten.length > 0 || functions.length > 0) return false;
  if (tables.some((table) => table.hasTriggers || table.isSetToDefaults)) return false;
  const written = expressions.filter(({ text }) => text !== null);
  const inserted = tables.find(({ takesDefaults }) => takesDefaults);
  if (inserted === undefined) return written.every((one) => one.is_constant || one.column !== null);
  // What is computed from an identity, or where it leads a row, is another one each time, too.
  return tables.length === 1 && written.every((one) => one.kind !== 'generated' && isKnown(one, inserted));
}

function isKnown({ is_constant: isConstant, column }: ExpressionRow, { sources }: WrittenTable): boolean {
  return isConstant || (column !== null && sources.has(column));
}

/**
 * True for INSERT … VALUES, and for UPDATE and DELETE of one table, that hold nothing but constants, columns, immutable
 * functions of the server, and sub-selects of the same in which no order matters.
 */
export function isPlainStatement(
  tree: NodeValue,
  { facts, statement }: { readonly facts: QueryFacts; readonly statement: Statement },
): boolean {
  const [write, ...others] = [...queriesIn(tree)].map(({ query }) => query);
  if (write === undefined || !isPlainWrite(write)) return false;
  const isPlain = others.every((query) => query.word('commandType') === '1' && isBare(query));
  return (
    isPlain && [...nodesBelow(tree)].every((node) => isPlainNode(node, facts)) && !mayReadClock(statement)
  );
}

/** Its own rows, or VALUES: what FROM or USING joins to a row may be one of several. */
function isPlainWrite(query: QueryNode): boolean {
  const command = query.word('commandType');
  const from = query.node('jointree')?.list('fromlist');
  if (from === undefined || !isBare(query) || !['2', '3', '4'].includes(command)) return false;
  const places = from.map((item) => (item instanceof QueryNode ? item.number('rtindex') : Number.NaN));
  if (command !== '3') return places.length === 1 && places[0] === query.number('resultRelation');
  return places.length <= 1 && places.every((place) => entryAt(query, place)?.word('rtekind') === VALUES);
}

const VALUES = '5';

/** True for a query without WITH, OVERRIDING, ON CONFLICT, groups, windows, DISTINCT, ORDER BY, LIMIT and set operations. */
function isBare(query: QueryNode): boolean {
  return [...query.fields].every(
    ([name, value]) => BARE.has(name) || value === null || value === 'false' || value === '0',
  );
}

const BARE: ReadonlySet<string> = new Set(
  [
    'commandType querySource canSetTag resultRelation hasSubLinks rtable rteperminfos jointree targetList',
    'returningList returningOldAlias returningNewAlias stmt_location stmt_len',
  ].flatMap((line) => line.split(' ')),
);

function isPlainNode(node: QueryNode, facts: QueryFacts): boolean {
  if (CONSTANT_KINDS.has(node.kind)) return isConstantNode(node, facts);
  return PLAIN[node.kind]?.(node) ?? false;
}

function isConstantNode(node: QueryNode, facts: QueryFacts): boolean {
  const called = calledBy(node, facts);
  const isConstant =
    called === null || (called.schema === 'pg_catalog' && called.volatility === 'i' && !called.isMade);
  // A column of a row: system columns say where a row lies and who wrote it.
  const isColumn = node.kind !== 'VAR' || node.number('varattno') > 0;
  return isConstant && isColumn && node.word('funcretset') !== 'true' && node.word('opretset') !== 'true';
}

const always = (): boolean => true;

/** What a statement is made of besides expressions. Tables, VALUES, joins and sub-selects; EXISTS, ALL, ANY, one value. */
const PLAIN: Readonly<Record<string, (node: QueryNode) => boolean>> = {
  QUERY: always,
  RANGETBLENTRY: (node) =>
    ['1', '2', VALUES].includes(node.word('rtekind')) ||
    (node.word('rtekind') === '0' && ['r', 'p'].includes(node.word('relkind'))),
  RTEPERMISSIONINFO: always,
  ALIAS: always,
  TARGETENTRY: always,
  FROMEXPR: always,
  JOINEXPR: always,
  RANGETBLREF: always,
  SUBLINK: (node) => ['0', '1', '2', '4'].includes(node.word('subLinkType')),
  // What a sub-select gives to the comparison in front of it.
  PARAM: (node) => node.word('paramkind') === '2',
};

/**
 * A constant such as 'now' is a time by the time it is analysed. Types that hold others take brackets, quotes and
 * backslashes out of it first.
 */
function mayReadClock({ tree }: Statement): boolean {
  return [...nodesOf(tree)].some(({ kind, node }) => {
    const text = kind === 'A_Const' ? textOf(fieldOf(node, 'sval') ?? {}, 'sval') : null;
    return text !== null && CLOCK_WORDS.test(text.toLowerCase().replaceAll(/[^a-z]/g, ''));
  });
}

const CLOCK_WORDS = /now|today|tomorrow|yesterday/;
