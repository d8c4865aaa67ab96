import { COMPARING, COMPUTES } from './comparing.sql.ts';
import { FIRES } from './firing.sql.ts';

/**
 * Queries over the catalogue that answer what a statement may touch and call. They start from what PostgreSQL itself
 * noted when it analysed the statement (`pg_depend` of a function that holds it), so names and overloads are resolved
 * exactly as they will be when it runs.
 */

/** The function that holds the statement, and the statement as it was analysed. */
export const NOTED = `
  select noted.oid::pg_catalog.text as oid, noted.prosqlbody::pg_catalog.text as body
    from pg_catalog.pg_proc noted
   where noted.oid operator(pg_catalog.=) 'pg_temp.keyturn_statement()'::pg_catalog.regprocedure`;

/** Everything that the statement ($1, a function's oid, of types $3) and the tables it may write ($2) evaluate. */
export const OBJECTS = `
  with recursive objects(class, oid, is_written) as (
    select 'pg_catalog.pg_proc'::regclass::oid, $1::oid, false
    union
    select 'pg_catalog.pg_class'::regclass::oid, written.oid, true from unnest($2::oid[]) written(oid)
    union
    select 'pg_catalog.pg_type'::regclass, used.oid, false from unnest($3::oid[]) used(oid) where used.oid >= 16384
    union
    -- Types of the server that somebody made comparable: no dependency leads to those classes.
    select used.class, used.oid, false
      from pg_catalog.pg_opclass class
     cross join lateral (${COMPARING}) used(class, oid)
     where class.oid >= 16384 and class.opcintype < 16384 and class.opcdefault
    union
    select next.class, next.oid, next.is_written
      from objects
      cross join lateral (
        select link.refclassid as class, link.refobjid as oid, false as is_written
          from pg_catalog.pg_depend link
         where link.classid = objects.class and link.objid = objects.oid
           and case objects.class
                 when 'pg_catalog.pg_proc'::regclass then objects.oid = $1::oid
                 when 'pg_catalog.pg_type'::regclass then link.refclassid = 'pg_catalog.pg_type'::regclass
                   or exists (select from pg_catalog.pg_type kind where kind.oid = objects.oid and kind.typtype = 'd')
                 when 'pg_catalog.pg_trigger'::regclass then not (link.refclassid = 'pg_catalog.pg_proc'::regclass
                   and link.refobjid = (select tgfoid from pg_catalog.pg_trigger attached where attached.oid = objects.oid))
                 else objects.class not in ('pg_catalog.pg_class'::regclass, 'pg_catalog.pg_statistic_ext'::regclass)
                   or link.refclassid <> 'pg_catalog.pg_class'::regclass
               end
           and link.refclassid in ('pg_catalog.pg_class'::regclass, 'pg_catalog.pg_proc'::regclass,
                                   'pg_catalog.pg_operator'::regclass, 'pg_catalog.pg_type'::regclass)
        union all
        select 'pg_catalog.pg_rewrite'::regclass, rule.oid, false
          from pg_catalog.pg_rewrite rule
          join pg_catalog.pg_class ruled on ruled.oid = rule.ev_class
         where objects.class = 'pg_catalog.pg_class'::regclass and rule.ev_class = objects.oid
           and case rule.ev_type when '1' then ruled.relkind = 'v' else objects.is_written end
        union all
        select 'pg_catalog.pg_policy'::regclass, policy.oid, false
          from pg_catalog.pg_policy policy
         where objects.class = 'pg_catalog.pg_class'::regclass and policy.polrelid = objects.oid
        union all
        select 'pg_catalog.pg_attrdef'::regclass, preset.oid, false
          from pg_catalog.pg_attrdef preset
          join pg_catalog.pg_attribute col on col.attrelid = preset.adrelid and col.attnum = preset.adnum
         where objects.class = 'pg_catalog.pg_class'::regclass and preset.adrelid = objects.oid
           and (objects.is_written or col.attgenerated <> '')
        union all
        select 'pg_catalog.pg_constraint'::regclass, rule.oid, false
          from pg_catalog.pg_constraint rule
         where objects.class = 'pg_catalog.pg_class'::regclass and rule.conrelid = objects.oid
           and (rule.contype = 'c' or objects.is_written and rule.contype = 'x') -- Planning a read calculates constants in checks.
        union all
        select 'pg_catalog.pg_constraint'::regclass, rule.oid, false
          from pg_catalog.pg_constraint rule
         where objects.class = 'pg_catalog.pg_type'::regclass and rule.contypid = objects.oid
           and rule.contype in ('c', 'x')
        union all
        -- Also of what is only read: a search compares, and the planner calculates what is constant in expressions.
        select 'pg_catalog.pg_class'::regclass, entry.indexrelid, false
          from pg_catalog.pg_index entry
         where objects.class = 'pg_catalog.pg_class'::regclass and entry.indrelid = objects.oid
           and (objects.is_written or entry.indexprs is not null or entry.indpred is not null
             or exists (select from unnest(entry.indclass) used(oid) where used.oid >= 16384))
        union all
        select 'pg_catalog.pg_statistic_ext'::regclass, planned.oid, false
          from pg_catalog.pg_statistic_ext planned
         where objects.class = 'pg_catalog.pg_class'::regclass and planned.stxrelid = objects.oid
        union all
        select 'pg_catalog.pg_class'::regclass, child.inhrelid, objects.is_written
          from pg_catalog.pg_inherits child
         where objects.class = 'pg_catalog.pg_class'::regclass and child.inhparent = objects.oid
        union all
        -- Also of what is only read: a whole row is a value of its type, and functions make others like it.
        select 'pg_catalog.pg_type'::regclass, col.atttypid, false
          from pg_catalog.pg_attribute col
         where objects.class = 'pg_catalog.pg_class'::regclass and col.attrelid = objects.oid and col.attnum > 0
        union all
        -- The server notes no dependency on the type that a JSON function is to return.
        select 'pg_catalog.pg_type'::regclass, returned.found[1]::oid, false
          from (select rule.ev_action::text from pg_catalog.pg_rewrite rule
                 where objects.class = 'pg_catalog.pg_rewrite'::regclass and rule.oid = objects.oid
                union all
                select preset.adbin::text from pg_catalog.pg_attrdef preset
                 where objects.class = 'pg_catalog.pg_attrdef'::regclass and preset.oid = objects.oid
                union all
                select rule.conbin::text from pg_catalog.pg_constraint rule
                 where objects.class = 'pg_catalog.pg_constraint'::regclass and rule.oid = objects.oid
                union all
                select concat(policy.polqual::text, policy.polwithcheck::text) from pg_catalog.pg_policy policy
                 where objects.class = 'pg_catalog.pg_policy'::regclass and policy.oid = objects.oid
                union all
                select concat(entry.indexprs::text, entry.indpred::text) from pg_catalog.pg_index entry
                 where objects.class = 'pg_catalog.pg_class'::regclass and entry.indexrelid = objects.oid
                union all
                select kind.typdefaultbin::text from pg_catalog.pg_type kind
                 where objects.class = 'pg_catalog.pg_type'::regclass and kind.oid = objects.oid
                union all
                select noted.prosqlbody::text from pg_catalog.pg_proc noted
                 where objects.oid = $1::oid and noted.oid = objects.oid) body(tree)
          cross join lateral pg_catalog.regexp_matches(body.tree, ':typid ([1-9][0-9]*)', 'g') returned(found)
         where body.tree like '%{JSONRETURNING%'
        union all
        -- The planner may turn NOT (a < b) into another operator's call, or swap its sides.
        select 'pg_catalog.pg_operator'::regclass, kin.oid, false
          from pg_catalog.pg_operator sign
         cross join lateral (values (sign.oprnegate), (sign.oprcom)) kin(oid)
         where objects.class = 'pg_catalog.pg_operator'::regclass and sign.oid = objects.oid and kin.oid >= 16384
        union all
        select 'pg_catalog.pg_type'::regclass, part.oid, false
          from pg_catalog.pg_type kind
          cross join lateral (
            select col.atttypid as oid from pg_catalog.pg_attribute col
             where kind.typtype = 'c' and col.attrelid = kind.typrelid and col.attnum > 0
            union all
            select kind.typelem where kind.typelem <> 0
            union all
            select range.rngsubtype from pg_catalog.pg_range range where kind.oid in (range.rngtypid, range.rngmultitypid)
          ) part
         where objects.class = 'pg_catalog.pg_type'::regclass and kind.oid = objects.oid
        union all
        -- Comparing values, also inside of arrays and rows, sorting and grouping call what the classes of their type name.
        select used.class, used.oid, false
          from pg_catalog.pg_depend link
          join pg_catalog.pg_opclass class on class.oid = link.objid
         cross join lateral (${COMPARING}) used(class, oid)
         where link.refclassid = 'pg_catalog.pg_type'::regclass and link.refobjid = case objects.class
                 when 'pg_catalog.pg_type'::regclass then objects.oid
                 when 'pg_catalog.pg_class'::regclass then
                   (select rows.reltype from pg_catalog.pg_class rows where rows.oid = objects.oid) end
           and link.classid = 'pg_catalog.pg_opclass'::regclass
        union all
        select 'pg_catalog.pg_type'::regclass, same.casttarget, false
          from pg_catalog.pg_cast same
         where objects.class = 'pg_catalog.pg_type'::regclass and same.castsource = objects.oid
           and same.castmethod = 'b' and same.oid >= 16384
        union all
        select 'pg_catalog.pg_proc'::regclass, used.oid, false
          from pg_catalog.pg_range range
          cross join lateral (
            values (range.rngcanonical::oid), (range.rngsubdiff::oid)
            union all
            select support.amproc::oid
              from pg_catalog.pg_opclass class
              join pg_catalog.pg_amproc support on support.amprocfamily = class.opcfamily
             where class.oid = range.rngsubopc
          ) used(oid)
         where objects.class = 'pg_catalog.pg_type'::regclass and objects.oid in (range.rngtypid, range.rngmultitypid)
        union all
        select 'pg_catalog.pg_proc'::regclass, converting.castfunc, false
          from pg_catalog.pg_cast converting
         where objects.class = 'pg_catalog.pg_type'::regclass and converting.castsource = objects.oid
           and converting.casttarget = any ('{json, jsonb, text}'::pg_catalog.regtype[]) -- as || and quote_literal() do
        union all
        select 'pg_catalog.pg_trigger'::regclass, attached.oid, false
          from pg_catalog.pg_trigger attached
         where objects.class = 'pg_catalog.pg_class'::regclass and attached.tgrelid = objects.oid and objects.is_written
           and attached.tgqual is not null and ${FIRES}
        union all
        select 'pg_catalog.pg_proc'::regclass, support.amproc::oid, false
          from pg_catalog.pg_index entry
          cross join lateral unnest(entry.indclass) used(oid)
          join pg_catalog.pg_opclass class on class.oid = used.oid
          join pg_catalog.pg_amproc support on support.amprocfamily = class.opcfamily
          join pg_catalog.pg_proc code on code.oid = support.amproc
         where objects.class = 'pg_catalog.pg_class'::regclass and entry.indexrelid = objects.oid and not ${COMPUTES}
        union all
        select 'pg_catalog.pg_operator'::regclass, used.oid, false
          from pg_catalog.pg_constraint link
         cross join lateral unnest(link.conpfeqop || link.conppeqop || link.conffeqop || link.conexclop) used(oid)
         where objects.class = 'pg_catalog.pg_class'::regclass and objects.is_written
           and objects.oid in (link.conrelid, link.confrelid)
        union all
        select used.class, used.oid, false
          from pg_catalog.pg_partition_ancestors(objects.oid::regclass) above
          join pg_catalog.pg_partitioned_table parted on parted.partrelid = above.relid
         cross join lateral (
            select support.amproc::oid, 'pg_catalog.pg_proc'::regclass
              from pg_catalog.pg_opclass class
              join pg_catalog.pg_amproc support on support.amprocfamily = class.opcfamily
             where class.oid = any (parted.partclass)
            union all
            select member.amopopr, 'pg_catalog.pg_operator'::regclass
              from pg_catalog.pg_opclass class
              join pg_catalog.pg_amop member on member.amopfamily = class.opcfamily
             where class.oid = any (parted.partclass)
            union all
            select link.refobjid, link.refclassid
              from pg_catalog.pg_depend link
             where link.classid = 'pg_catalog.pg_class'::regclass and link.objid = above.relid
               and link.refclassid in ('pg_catalog.pg_proc'::regclass, 'pg_catalog.pg_operator'::regclass)
          ) used(oid, class)
         where objects.class = 'pg_catalog.pg_class'::regclass
      ) next
  )
  select distinct class::regclass::text as class, oid::text as oid from objects where not (oid = $1::oid)`;

/** Relations ($1) that a statement must not read: foreign tables act elsewhere. */
export const FOREIGN_TABLES = `
  select format('%I.%I', schema.nspname, relation.relname) as name
    from pg_catalog.pg_class relation
    join pg_catalog.pg_namespace schema on schema.oid = relation.relnamespace
   where relation.oid = any ($1::oid[]) and relation.relkind = 'f'`;
