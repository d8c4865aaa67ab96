import type { JsonValue } from '../../../domain/crypto/canonical-json.ts';
import { sha256, type Digest } from '../../../domain/crypto/digest.ts';
import { adviceOn, NODE_ADVICE } from './advice.ts';
import { functionName, readFunctionName } from './function-names.ts';
import { HARMLESS_FUNCTIONS } from './harmless-functions.ts';
import { kindOf, listOf, namesOf, nodesOf, textOf, type KindedNode } from './parse-tree.ts';
import type { SqlParser, TreeNode } from './parser-thread.ts';
import type { TargetSettings } from './settings.ts';
import { notPreviewable, StatementRefused } from './refusal.ts';

const BYTES_MAX = 64 * 1024;

/** One statement that was read and found harmless as far as its text can tell. */
export interface Statement {
  /** Exactly what the agent sent. */
  readonly text: string;
  /** True when nothing in it writes, apart from what functions may do. */
  readonly isRead: boolean;
  readonly tree: TreeNode;
  /** How many of its parts write. */
  readonly writesCount: number;
}

/** Reads the argument `statement`. Throws `StatementRefused` unless it is one harmless data statement. */
export async function readStatement(
  argument: JsonValue | undefined,
  { parser, allowedFunctions }: { readonly parser: SqlParser } & Pick<TargetSettings, 'allowedFunctions'>,
): Promise<Statement> {
  const text = textOfArgument(argument);
  const top = await onlyStatement(text, parser);
  const nodes = [...nodesOf(top)];
  for (const node of nodes) refuseForbiddenNode(node);
  for (const { kind, node } of nodes) {
    if (kind === 'FuncCall') refuseForbiddenCall(namesOf(listOf(node, 'funcname')), allowedFunctions);
  }
  const writesCount = nodes.filter(({ kind }) => WRITING_KINDS.has(kind)).length;
  return { text, tree: top, isRead: writesCount === 0, writesCount };
}

function textOfArgument(argument: JsonValue | undefined): string {
  if (typeof argument !== 'string') throw notOne('The statement is not text.');
  // The parser stops at a NUL and would not see what comes behind it.
  if (argument.includes('\0')) throw notOne('The statement holds a NUL character.');
  if (!argument.isWellFormed()) throw notOne('The statement is not valid Unicode.');
  if (Buffer.byteLength(argument, 'utf8') > BYTES_MAX)
    throw notOne(`The statement is longer than ${BYTES_MAX} bytes.`);
  return argument;
}

function notOne(detail: string): StatementRefused {
  return new StatementRefused('not_one_statement', detail);
}

const WRITING_KINDS: ReadonlySet<string> = new Set(['InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt']);

async function onlyStatement(text: string, parser: SqlParser): Promise<TreeNode> {
  const outcome = await parser.parse(text);
  if (outcome.kind === 'unreadable')
    throw notOne(`PostgreSQL's grammar does not accept it: ${outcome.reason}.`);
  const [first, ...others] = outcome.statements;
  if (first === undefined) throw notOne('There is no statement.');
  if (others.length > 0) throw notOne('There is more than one statement.');
  const kind = kindOf(first['stmt']) ?? 'unknown';
  if (kind === 'SelectStmt' || WRITING_KINDS.has(kind)) return first['stmt'] as TreeNode;
  throw new StatementRefused(
    'statement_kind',
    `Only SELECT, INSERT, UPDATE, DELETE and MERGE run here, not ${kind}.`,
  );
}

/** Everything a data statement is made of. What is not listed (locking, INTO, cursors, new grammar) is refused. */
const NODE_KINDS: ReadonlySet<string> = new Set(
  [
    'SelectStmt InsertStmt UpdateStmt DeleteStmt MergeStmt MergeWhenClause WithClause CommonTableExpr CTESearchClause',
    'CTECycleClause OnConflictClause InferClause IndexElem ReturningClause ReturningOption RangeVar RangeSubselect',
    'RangeFunction JoinExpr Alias ResTarget ColumnRef ColumnDef A_Star A_Const Value Integer Float Boolean String',
    'BitString A_Expr BoolExpr NullTest BooleanTest SubLink CaseExpr CaseWhen CoalesceExpr MinMaxExpr FuncCall',
    'TypeCast TypeName A_ArrayExpr A_Indirection A_Indices RowExpr SortBy WindowDef GroupingSet GroupingFunc',
    'SQLValueFunction SetToDefault CollateClause CollateExpr List NamedArgExpr MultiAssignRef XmlExpr XmlSerialize',
    'JsonFuncExpr JsonObjectConstructor JsonArrayConstructor JsonArrayQueryConstructor JsonKeyValue JsonValueExpr',
    'JsonFormat JsonOutput JsonReturning JsonBehavior JsonIsPredicate JsonParseExpr JsonScalarExpr JsonSerializeExpr',
    'JsonAggConstructor JsonObjectAgg JsonArrayAgg JsonArgument JsonTable JsonTableColumn JsonTablePathSpec',
    'MergeSupportFunc',
  ].flatMap((line) => line.split(' ')),
);

function refuseForbiddenNode({ kind, node }: KindedNode): void {
  if (!NODE_KINDS.has(kind)) {
    const advice = NODE_ADVICE[kind] ?? `The statement uses ${kind}, which is not allowed here.`;
    throw new StatementRefused('statement_kind', advice);
  }
  if (kind === 'RangeVar' && textOf(node, 'catalogname') !== null) {
    throw new StatementRefused('statement_kind', 'The statement names another database.');
  }
}

function refuseForbiddenCall(name: readonly string[], allowed: ReadonlySet<string>): void {
  const [last = '', schema] = [...name].reverse();
  if (name.length <= 2 && isAllowed(last, schema, allowed)) return;
  throw new StatementRefused('function_not_allowed', adviceOn(name.join('.')));
}

/**
 * A bare name that only the owner's list knows is let through here: the analysis checks which function it is, also for
 * calls that do not look like one.
 */
function isAllowed(name: string, schema: string | undefined, allowed: ReadonlySet<string>): boolean {
  if (schema === 'pg_catalog') return HARMLESS_FUNCTIONS.has(name);
  if (schema !== undefined) return allowed.has(functionName(schema, name));
  return HARMLESS_FUNCTIONS.has(name) || [...allowed].some((entry) => readFunctionName(entry)?.name === name);
}

/** Names of functions that the owner's own expressions call without a schema: deparsed, those are of pg_catalog. */
export async function calledFunctions(text: string, parser: SqlParser): Promise<readonly string[]> {
  const outcome = await parser.parse(text);
  if (outcome.kind === 'unreadable') {
    throw notPreviewable('A view, default, check or policy of the target cannot be read.');
  }
  const calls = [...nodesOf(outcome.statements)].filter(({ kind }) => kind === 'FuncCall');
  const names = calls.map(({ node }) => namesOf(listOf(node, 'funcname')));
  const ofServer = names.filter((name) => name.length === 1 || name[0] === 'pg_catalog');
  return [...new Set(ofServer.map((name) => name.at(-1) ?? ''))];
}

/** Fields that say where in the text something stands. */
const LOCATION = /(^|_)(location|list_start|list_end)$|^stmt_len$/;

/**
 * A digest of the statement as PostgreSQL's grammar reads it: the same whatever blanks, comments, brackets and letter case
 * it is written with. Iterative: hostile input must not exhaust the stack.
 */
export function normalForm({ tree }: Pick<Statement, 'tree'>): Digest {
  const parts: string[] = [];
  const open: unknown[] = [tree];
  while (open.length > 0) {
    const current = open.pop();
    if (Array.isArray(current)) {
      parts.push(`[${current.length}`);
      for (const item of current as readonly unknown[]) open.push(item);
    } else if (typeof current === 'object' && current !== null) {
      const fields = Object.entries(current).filter(([name]) => !LOCATION.test(name));
      parts.push(`{${fields.map(([name]) => name).join(' ')}`);
      for (const [, value] of fields) open.push(value);
    } else parts.push(JSON.stringify(current));
  }
  return sha256(parts.join('\n'));
}
