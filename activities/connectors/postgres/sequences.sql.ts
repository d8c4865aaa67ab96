import type { QueryResultRow } from 'pg';

/** A sequence that new rows take values from. */
export interface Sequence extends QueryResultRow {
  readonly name: string;
  /** How many values it still has. Where its place may not be read, as if it were new. */
  readonly left: number;
}

/**
 * The sequences behind identity columns and defaults of tables ($1), as the session's role may see them. A partition takes
 * its values from the sequence of its parent.
 */
export const SEQUENCES = `
  with tables(oid) as (
    select direct.oid from pg_catalog.unnest($1::oid[]) direct(oid)
    union
    select parent.relid from pg_catalog.unnest($1::oid[]) direct(oid)
      cross join lateral pg_catalog.pg_partition_ancestors(direct.oid) parent
  ), used(oid) as (
    select link.objid from pg_catalog.pg_depend link
      join tables on tables.oid = link.refobjid
     where link.classid = 'pg_catalog.pg_class'::regclass and link.refclassid = 'pg_catalog.pg_class'::regclass
       and link.deptype in ('a', 'i')
    union
    select link.refobjid from pg_catalog.pg_depend link
      join pg_catalog.pg_attrdef preset on preset.oid = link.objid
      join tables on tables.oid = preset.adrelid
     where link.classid = 'pg_catalog.pg_attrdef'::regclass and link.refclassid = 'pg_catalog.pg_class'::regclass
    union
    select link.refobjid from pg_catalog.pg_depend link
      join pg_catalog.pg_attribute col on col.atttypid = link.objid
      join tables on tables.oid = col.attrelid
     where link.classid = 'pg_catalog.pg_type'::regclass and link.refclassid = 'pg_catalog.pg_class'::regclass
  ), read as (
    select sequence.*, pg_catalog.format('%I.%I', schema.nspname, named.relname) as name,
           pg_catalog.has_schema_privilege(schema.oid, 'usage')
             and pg_catalog.has_sequence_privilege(sequence.seqrelid, 'select, usage') as is_known
      from pg_catalog.pg_sequence sequence
      join used on used.oid = sequence.seqrelid
      join pg_catalog.pg_class named on named.oid = sequence.seqrelid
      join pg_catalog.pg_namespace schema on schema.oid = named.relnamespace
  ), placed as (
    select read.*, case when is_known then pg_catalog.pg_sequence_last_value(seqrelid) end as last from read
  )
  select name,
         pg_catalog.trunc(
           case when seqincrement > 0 then (seqmax::numeric - coalesce(last::numeric, seqstart::numeric - seqincrement))
                else (coalesce(last::numeric, seqstart::numeric - seqincrement) - seqmin::numeric) end
           / pg_catalog.abs(seqincrement::numeric))::float8 as left
    from placed order by name`;
