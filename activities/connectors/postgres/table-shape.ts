import type { Client, QueryResultRow } from 'pg';

import { answersTo, question, type Question } from './questions.ts';

/** One column of a table that is read. */
export interface Column {
  readonly name: string;
  /** As SQL writes it, so that every name can be recorded and pasted, also `__proto__`. */
  readonly shown: string;
  readonly type: string;
  /** What reads its value: the output of some types of names is ambiguous, so they are read as more exact ones. */
  readonly expression: string;
  /** False where different values may be read as the same text. */
  readonly isReadExactly: boolean;
  readonly isKey: boolean;
  /** Computed by the server from the row's other columns: nobody can set it. */
  readonly isGenerated: boolean;
  /** Counted up by the server wherever a new row is not given a value. */
  readonly isIdentity: boolean;
  readonly isIdentityAlways: boolean;
  /**
   * The expression of its default or of what it is generated from, with those of the same column of tables that it is a
   * partition or child of, and of its domain: what names such a table takes its, and where it has none the domain's.
   * Null where there is none.
   */
  readonly definition: string | null;
}

/** What a table looks like to whom reads its rows: columns in the table's order, and which of them make the key. */
export interface TableShape {
  readonly columns: readonly Column[];
  /** Positions of the key's columns, in the key's order. Empty where nothing tells rows apart. */
  readonly key: readonly number[];
  /** True where policies may hide rows from who reads: then every row that was counted must be seen. */
  readonly isFiltered: boolean;
}

const FIRST_OWN_OID = 16_384;

/** Base types whose output leaves something out. */
const AMBIGUOUS = `'{xml, regproc, regoper}'::pg_catalog.regtype[]`;
const AMBIGUOUS_ARRAYS = `'{xml[], regproc[], regoper[]}'::pg_catalog.regtype[]`;

/** Of a column's type: whether it is a domain of xml, or holds inside what reads alike for different values. */
const AMBIGUITY = `
  (with recursive part(oid, is_inside) as (
     select col.atttypid, false
     union
     select next.oid, part.is_inside or held.typtype <> 'd'
       from part
       join pg_catalog.pg_type held on held.oid = part.oid
      cross join lateral (select held.typbasetype where held.typbasetype <> 0
                          union all
                          select held.typelem where held.typelem <> 0
                          union all
                          select inner_col.atttypid from pg_catalog.pg_attribute inner_col
                           where inner_col.attrelid = held.typrelid and inner_col.attnum > 0
                             and not inner_col.attisdropped) next(oid))
   select case when pg_catalog.bool_or(part.oid = 'xml'::pg_catalog.regtype and not part.is_inside) then 'xml'
               when pg_catalog.count(*) > 0 then 'inside' end
     from part where part.oid = any (${AMBIGUOUS}))`;

const SHAPE = `
  with recursive kin(oid, depth) as (
    select $1::oid, 0
    union
    select link.inhparent, kin.depth + 1 from kin join pg_catalog.pg_inherits link on link.inhrelid = kin.oid
  )
  select col.attname as name, pg_catalog.quote_ident(col.attname) as quoted, col.atttypid::text as type_oid,
         pg_catalog.format_type(col.atttypid, col.atttypmod) as type, col.attgenerated <> '' as is_generated,
         nullif(pg_catalog.concat_ws(E'\\n',
           (select pg_catalog.string_agg(pg_catalog.pg_get_expr(preset.adbin, preset.adrelid), E'\\n' order by kin.depth, kin.oid)
              from kin
              join pg_catalog.pg_attribute same on same.attrelid = kin.oid and same.attname = col.attname
              join pg_catalog.pg_attrdef preset on preset.adrelid = same.attrelid and preset.adnum = same.attnum),
           base.typdefault), '') as definition,
         col.attidentity <> '' as is_identity, col.attidentity = 'a' as is_identity_always, pg_catalog.row_security_active($1::oid) as is_filtered,
         case when col.atttypid = 'xml'::pg_catalog.regtype then 'xml'
              when col.atttypid < ${FIRST_OWN_OID} and col.atttypid <> all (${AMBIGUOUS_ARRAYS}) then null
              else ${AMBIGUITY} end as ambiguity,
         (select part.place
            from (select entry.indkey, entry.indnkeyatts
                    from pg_catalog.pg_index entry
                   where entry.indrelid = $1::oid and entry.indisunique and entry.indisvalid
                     and entry.indpred is null and entry.indexprs is null
                     and not exists (select from pg_catalog.unnest(entry.indkey[0:entry.indnkeyatts - 1]) part
                                      join pg_catalog.pg_attribute other on other.attrelid = $1::oid and other.attnum = part
                                     where not other.attnotnull)
                   order by entry.indisprimary desc, entry.indexrelid
                   limit 1) chosen
            cross join lateral pg_catalog.unnest(chosen.indkey[0:chosen.indnkeyatts - 1])
                               with ordinality part(attnum, place)
           where part.attnum = col.attnum
           limit 1)::int as key_place
    from pg_catalog.pg_attribute col
    join pg_catalog.pg_type base on base.oid = col.atttypid
   where col.attrelid = $1::oid and col.attnum > 0 and not col.attisdropped
   order by col.attnum`;

interface ShapeRow extends QueryResultRow {
  readonly name: string;
  readonly quoted: string;
  readonly type_oid: string;
  readonly type: string;
  readonly is_generated: boolean;
  readonly is_identity: boolean;
  readonly is_identity_always: boolean;
  readonly definition: string | null;
  readonly is_filtered: boolean;
  readonly ambiguity: 'xml' | 'inside' | null;
  readonly key_place: number | null;
}

/** Asks for columns and key of a table. */
export function shapeOf(oid: string): Question<ShapeRow> {
  return question(SHAPE, [oid]);
}

/** Columns and key of a table. */
export async function readShape(client: Client, oid: string): Promise<TableShape> {
  const [rows] = await answersTo(client, [shapeOf(oid)]);
  return shapeIn(rows);
}

/** What `shapeOf` answered. */
export function shapeIn(rows: readonly ShapeRow[]): TableShape {
  const placed = rows.flatMap(({ key_place: place }, position) =>
    place === null ? [] : [{ place, position }],
  );
  return {
    columns: rows.map(columnOf),
    key: placed.sort((left, right) => left.place - right.place).map(({ position }) => position),
    isFiltered: rows[0]?.is_filtered ?? true,
  };
}

function columnOf(row: ShapeRow): Column {
  return {
    name: row.name,
    shown: FORBIDDEN_NAMES.has(row.quoted) ? `"${row.quoted}"` : row.quoted,
    type: row.type,
    expression: `keyturn_row.${row.quoted}${exactly(row)}`,
    isReadExactly: row.ambiguity !== 'inside',
    isKey: row.key_place !== null,
    isGenerated: row.is_generated,
    isIdentity: row.is_identity,
    isIdentityAlways: row.is_identity_always,
    definition: row.definition,
  };
}

/** Names that canonical JSON refuses. Quoted they mean the same, and no other column is written so. */
const FORBIDDEN_NAMES: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/** The output of xml leaves out what its declaration says; as text it is what is stored. */
function exactly({ type_oid: type, ambiguity }: ShapeRow): string {
  return ambiguity === 'xml' ? '::pg_catalog.text' : (EXACT_TYPES[type] ?? '');
}

/** `regproc` and `regoper` print overloaded functions and operators alike. */
const EXACT_TYPES: Readonly<Record<string, string>> = {
  '24': '::pg_catalog.regprocedure',
  '2203': '::pg_catalog.regoperator',
};
