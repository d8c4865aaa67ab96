import type { Client, QueryResultRow } from 'pg';

import { adviceOn } from './advice.ts';
import { HARMLESS_FUNCTIONS } from './harmless-functions.ts';
import { functionName } from './function-names.ts';
import { answersTo, question, type Question } from './questions.ts';
import { nodesBelow, type NodeValue, type QueryNode } from './node-text.ts';
import { notPreviewable, StatementRefused } from './refusal.ts';

/** A function or operator that an analysed statement names. */
export interface CallFact {
  readonly schema: string;
  readonly name: string;
  /** `i`, `s` or `v`. */
  readonly volatility: string;
  /** Of an operator: the name of its function. */
  readonly code: string;
  /** True where the target lets its value be made at execution. */
  readonly isMade: boolean;
}

/** What the catalogue says of the functions, operators and types that an analysed statement names. */
export interface QueryFacts {
  readonly functions: ReadonlyMap<string, CallFact>;
  /** Those of functions that are called as such, and not by an operator or a cast. */
  readonly calls: ReadonlySet<string>;
  readonly operators: ReadonlyMap<string, CallFact>;
  readonly types: ReadonlyMap<string, string>;
}

interface FactRow extends QueryResultRow {
  readonly kind: 'function' | 'operator' | 'type';
  readonly oid: string;
  readonly schema: string;
  readonly name: string;
  readonly volatility: string;
  readonly code: string;
}

const FACTS = `
  select 'function' as kind, called.oid::text as oid, schema.nspname as schema, called.proname as name,
         called.provolatile::text as volatility, '' as code
    from pg_catalog.pg_proc called join pg_catalog.pg_namespace schema on schema.oid = called.pronamespace
   where called.oid = any ($1::oid[])
  union all
  select 'operator', sign.oid::text, schema.nspname, sign.oprname, called.provolatile::text, called.proname
    from pg_catalog.pg_operator sign
    join pg_catalog.pg_proc called on called.oid = sign.oprcode
    join pg_catalog.pg_namespace schema on schema.oid = sign.oprnamespace
   where sign.oid = any ($2::oid[])
  union all
  select 'type', kind.oid::text, schema.nspname, pg_catalog.format_type(kind.oid, null), '', ''
    from pg_catalog.pg_type kind join pg_catalog.pg_namespace schema on schema.oid = kind.typnamespace
   where kind.oid = any ($3::oid[])`;

/** Asks for what an analysed statement names. */
export function queryFacts(tree: NodeValue): Question<FactRow> {
  const nodes = [...nodesBelow(tree)];
  return question(FACTS, [
    oidsIn(nodes, FUNCTION_FIELDS),
    oidsIn(nodes, ['opno']),
    oidsIn(nodes, TYPE_FIELDS),
  ]);
}

/** Looks up what an analysed statement names. */
export async function readQueryFacts(
  client: Client,
  tree: NodeValue,
  made: ReadonlySet<string>,
): Promise<QueryFacts> {
  const [rows] = await answersTo(client, [queryFacts(tree)]);
  return factsOf(tree, rows, made);
}

/** What `queryFacts` has answered. Throws `StatementRefused` for a statement of parts that nobody knows. */
export function factsOf(tree: NodeValue, rows: readonly FactRow[], made: ReadonlySet<string>): QueryFacts {
  const nodes = [...nodesBelow(tree)];
  const unknown = nodes.find(({ kind }) => !KINDS.has(kind));
  if (unknown !== undefined)
    throw notPreviewable(
      `The statement uses ${unknown.kind.toLowerCase()}, whose effect cannot be followed. Write the statement without it.`,
    );
  const ofKind = (wanted: FactRow['kind']): readonly FactRow[] => rows.filter(({ kind }) => kind === wanted);
  const facts = (kind: FactRow['kind']): QueryFacts['functions'] =>
    new Map(
      ofKind(kind).map(({ oid, schema, name, volatility, code }) => [
        oid,
        { schema, name, volatility, code, isMade: made.has(functionName(schema, name)) },
      ]),
    );
  return {
    functions: facts('function'),
    calls: new Set(oidsIn(nodes.filter(isCall), FUNCTION_FIELDS)),
    operators: facts('operator'),
    types: new Map(ofKind('type').map(({ oid, name }) => [oid, name])),
  };
}

function oidsIn(nodes: readonly QueryNode[], fields: readonly string[]): readonly string[] {
  return [...new Set(nodes.flatMap((node) => fields.flatMap((field) => node.oid(field) ?? [])))];
}

/**
 * Refuses functions of the server that may do harm. Whatever the statement looks like, this is what runs: `(value).name`
 * calls a function as well. What stands there as a call must be on the list; operators and casts of the server only
 * compute, but their owner may make others.
 */
export function refuseHarmfulCalls({ functions, calls }: QueryFacts): void {
  for (const [oid, { schema, name, volatility }] of functions) {
    const isHarmless = calls.has(oid) ? HARMLESS_FUNCTIONS.has(name) : volatility !== 'v';
    if (schema === 'pg_catalog' && !isHarmless)
      throw new StatementRefused('function_not_allowed', adviceOn(`${schema}.${name}`));
  }
}

/** `COERCE_EXPLICIT_CALL`, and `COERCE_SQL_SYNTAX` for EXTRACT and the like. */
const CALL_FORMATS: ReadonlySet<string> = new Set(['0', '3']);

function isCall(node: QueryNode): boolean {
  if (node.kind === 'FUNCEXPR') return CALL_FORMATS.has(node.word('funcformat'));
  return node.kind === 'AGGREF' || node.kind === 'WINDOWFUNC';
}

/** Where a node names the function that it calls. */
export const FUNCTION_FIELDS = ['funcid', 'opfuncid', 'aggfnoid', 'winfnoid'] as const;
const TYPE_FIELDS = [
  'funcresulttype opresulttype resulttype consttype type vartype aggtype wintype casetype coalescetype minmaxtype',
  'refrestype array_typeid element_typeid row_typeid',
].flatMap((line) => line.split(' '));

/** Everything that an analysed data statement is made of. */
const KINDS: ReadonlySet<string> = new Set(
  [
    'QUERY RANGETBLENTRY RTEPERMISSIONINFO ALIAS RANGETBLFUNCTION TABLEFUNC TARGETENTRY FROMEXPR JOINEXPR RANGETBLREF',
    'ONCONFLICTEXPR MERGEACTION COMMONTABLEEXPR CTESEARCHCLAUSE CTECYCLECLAUSE SORTGROUPCLAUSE GROUPINGSET',
    'WINDOWCLAUSE SETOPERATIONSTMT INFERENCEELEM VAR CONST PARAM AGGREF GROUPINGFUNC WINDOWFUNC MERGESUPPORTFUNC',
    'SUBSCRIPTINGREF FUNCEXPR NAMEDARGEXPR OPEXPR DISTINCTEXPR NULLIFEXPR SCALARARRAYOPEXPR BOOLEXPR SUBLINK',
    'FIELDSELECT FIELDSTORE RELABELTYPE COERCEVIAIO ARRAYCOERCEEXPR CONVERTROWTYPEEXPR COLLATEEXPR CASEEXPR CASEWHEN',
    'CASETESTEXPR ARRAYEXPR ROWEXPR ROWCOMPAREEXPR COALESCEEXPR MINMAXEXPR SQLVALUEFUNCTION XMLEXPR JSONFORMAT',
    'JSONRETURNING JSONVALUEEXPR JSONCONSTRUCTOREXPR JSONISPREDICATE JSONBEHAVIOR JSONEXPR JSONTABLEPATH',
    'JSONTABLEPATHSCAN JSONTABLESIBLINGJOIN NULLTEST BOOLEANTEST COERCETODOMAIN SETTODEFAULT RETURNINGEXPR',
  ].flatMap((line) => line.split(' ')),
);
