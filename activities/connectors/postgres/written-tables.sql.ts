import { acting, acts, FIRES } from './firing.sql.ts';

/**
 * Tables that may be written: $1 named ones, their partitions and children, and where foreign keys cascade, as deletes ($2)
 * and updates ($3) do.
 */
export const WRITTEN_TABLES = `
  with recursive written(oid, root) as (
    select direct.oid, direct.oid from unnest($1::oid[]) direct(oid)
    union
    select next.oid, next.root
      from written
      cross join lateral (
        select child.inhrelid as oid, written.root from pg_catalog.pg_inherits child where child.inhparent = written.oid
        union all
        select link.conrelid, 0::oid
          from pg_catalog.pg_constraint link
         where link.contype = 'f' and link.confrelid = written.oid
           and (($2 and ${acts('confdeltype')}) or ($3 and ${acts('confupdtype')}))
      ) next
  )
  select table_class.oid::text as oid, array_agg(written.root::text) as roots, table_class.relkind::text as kind,
         format('%I.%I', schema.nspname, table_class.relname) as resource, schema.nspname as schema,
         table_class.relispartition as is_partition,
         exists (select from pg_catalog.pg_rewrite rule
                  where rule.ev_class = table_class.oid and rule.ev_type <> '1') as has_rules,
         exists (select from pg_catalog.pg_trigger attached
                  where attached.tgrelid = table_class.oid and not attached.tgisinternal and ${FIRES}) as has_triggers,
         exists (select from pg_catalog.pg_trigger attached
                  where attached.tgrelid = table_class.oid and not attached.tgisinternal and ${FIRES} and attached.tgtype & 7 = 7) as may_skip_rows,
         exists (select from pg_catalog.pg_constraint link
                  where link.contype = 'f' and link.conrelid = table_class.oid
                    and link.confrelid in (select above.oid from written above)
                    and ('d' = case when $2 then ${acting('confdeltype')} end
                      or 'd' = case when $3 then ${acting('confupdtype')} end)
                    and exists (
                      select from pg_catalog.pg_attribute referring
                        left join pg_catalog.pg_attrdef preset
                          on preset.adrelid = referring.attrelid and preset.adnum = referring.attnum
                       where referring.attrelid = link.conrelid and referring.attnum = any (link.conkey)
                         and (referring.attidentity <> '' or exists (
                           select from pg_catalog.pg_depend need
                             join pg_catalog.pg_class counter on counter.oid = need.refobjid and counter.relkind = 'S'
                            where need.classid = 'pg_catalog.pg_attrdef'::regclass and need.objid = preset.oid
                              and need.refclassid = 'pg_catalog.pg_class'::regclass)))) as is_set_to_defaults
    from written
    join pg_catalog.pg_class table_class on table_class.oid = written.oid
    join pg_catalog.pg_namespace schema on schema.oid = table_class.relnamespace
   group by table_class.oid, table_class.relkind, table_class.relispartition, schema.nspname, table_class.relname
   order by resource`;
