import type { Client, QueryResultRow } from 'pg';

import { adviceOn } from './advice.ts';
import { HARMLESS_FUNCTIONS } from './harmless-functions.ts';
import { functionName } from './function-names.ts';
import { catalogueRows } from './kept-sessions.ts';
import { childrenOf, wordField, type NodeValue, type QueryNode } from './node-text.ts';
import { notPreviewable, StatementRefused } from './refusal.ts';

/** A function or operator that an analysed statement names. */
export interface CallFact {
  readonly schema: string;
  readonly name: string;
  /** `i`, `s` or `v`. */
  readonly volatility: string;
  /** True where the target lets its value be made at execution. */
  readonly isMade: boolean;
}

/** What the catalogue says of the functions, operators and types that an analysed statement names. */
export interface QueryFacts {
  readonly functions: ReadonlyMap<string, CallFact>;
  readonly operators: ReadonlyMap<string, CallFact & { readonly code: string }>;
  readonly types: ReadonlyMap<string, string>;
}

interface FactRow extends QueryResultRow {
  readonly kind: 'function' | 'operator' | 'type';
  readonly oid: string;
  readonly schema: string;
  readonly name: string;
  readonly volatility: string | null;
  readonly code: string | null;
}

const FACTS = `
  select 'function' as kind, called.oid::text as oid, schema.nspname as schema, called.proname as name,
         called.provolatile::text as volatility, null as code
    from pg_catalog.pg_proc called join pg_catalog.pg_namespace schema on schema.oid = called.pronamespace
   where called.oid = any ($1::oid[])
  union all
  select 'operator', sign.oid::text, schema.nspname, sign.oprname, called.provolatile::text, called.proname
    from pg_catalog.pg_operator sign
    join pg_catalog.pg_proc called on called.oid = sign.oprcode
    join pg_catalog.pg_namespace schema on schema.oid = sign.oprnamespace
   where sign.oid = any ($2::oid[])
  union all
  select 'type', kind.oid::text, schema.nspname, pg_catalog.format_type(kind.oid, null), null, null
    from pg_catalog.pg_type kind join pg_catalog.pg_namespace schema on schema.oid = kind.typnamespace
   where kind.oid = any ($3::oid[])`;

/** Looks up what an analysed statement names. */
export async function readQueryFacts(
  client: Client,
  tree: NodeValue,
  made: ReadonlySet<string>,
): Promise<QueryFacts> {
  const oids = new Named();
  gather(tree, oids);
  const values = [oids.functions, oids.operators, oids.types].map((set) => [...set]);
  const rows = await catalogueRows<FactRow>(client, FACTS, values);
  const calls = (kind: FactRow['kind']): readonly (readonly [string, CallFact & { code: string }])[] =>
    rows
      .filter((row) => row.kind === kind)
      .map(({ oid, schema, name, volatility, code }) => [
        oid,
        {
          schema,
          name,
          volatility: volatility ?? 'v',
          isMade: made.has(functionName(schema, name)),
          code: code ?? '',
        },
      ]);
  const types = rows.filter(({ kind }) => kind === 'type').map(({ oid, name }) => [oid, name] as const);
  return {
    functions: new Map(calls('function')),
    operators: new Map(calls('operator')),
    types: new Map(types),
  };
}

/**
 * Refuses functions of the server that may do harm. Whatever the statement looks like, this is what runs: `(value).name`
 * calls a function as well. What stands there as a call must be on the list; operators and casts of the server only
 * compute, but their owner may make others.
 */
export function refuseHarmfulCalls(tree: NodeValue, { functions }: QueryFacts): void {
  const oids = new Named();
  gather(tree, oids);
  for (const [oid, { schema, name, volatility }] of functions) {
    const isHarmless = oids.calls.has(oid) ? HARMLESS_FUNCTIONS.has(name) : volatility !== 'v';
    if (schema === 'pg_catalog' && !isHarmless)
      throw new StatementRefused('function_not_allowed', adviceOn(`${schema}.${name}`));
  }
}

/** Oids that stand in an analysed statement. */
class Named {
  readonly functions = new Set<string>();
  /** Those of functions that are called as such, and not by an operator or a cast. */
  readonly calls = new Set<string>();
  readonly operators = new Set<string>();
  readonly types = new Set<string>();
}

/** `COERCE_EXPLICIT_CALL`, and `COERCE_SQL_SYNTAX` for EXTRACT and the like. */
const CALL_FORMATS: ReadonlySet<string> = new Set(['0', '3']);

function isCall(node: QueryNode): boolean {
  if (node.kind === 'FUNCEXPR') return CALL_FORMATS.has(wordField(node, 'funcformat'));
  return node.kind === 'AGGREF' || node.kind === 'WINDOWFUNC';
}

const FUNCTION_FIELDS = ['funcid', 'opfuncid', 'aggfnoid', 'winfnoid'] as const;
const TYPE_FIELDS = [
  ...(['funcresulttype', 'opresulttype', 'resulttype', 'consttype', 'type'] as const),
  ...(['vartype', 'aggtype', 'wintype', 'casetype', 'coalescetype', 'minmaxtype', 'refrestype'] as const),
  ...(['array_typeid', 'element_typeid', 'row_typeid'] as const),
];

function gather(value: NodeValue, oids: Named): void {
  for (const node of childrenOf(value)) {
    if (!KINDS.has(node.kind)) throw unknownKind(node);
    for (const field of FUNCTION_FIELDS) {
      noteOid(oids.functions, wordField(node, field));
      if (isCall(node)) noteOid(oids.calls, wordField(node, field));
    }
    for (const field of TYPE_FIELDS) noteOid(oids.types, wordField(node, field));
    noteOid(oids.operators, wordField(node, 'opno'));
    gather(node, oids);
  }
}

function noteOid(oids: Set<string>, word: string): void {
  if (/^[1-9]\d*$/.test(word)) oids.add(word);
}

function unknownKind(node: QueryNode): StatementRefused {
  return notPreviewable(
    `The statement uses ${node.kind.toLowerCase()}, whose effect cannot be followed. Write it without.`,
  );
}

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
