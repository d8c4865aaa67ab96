import { isInternal } from './comparing.sql.ts';
import { isConstantSql } from './constant-expressions.sql.ts';
import { FIRES } from './firing.sql.ts';
import { functionNameSql } from './function-names.ts';

/** A function's name as a list of the target has it. */
const NAME = functionNameSql('schema.nspname', 'called.proname');

/** How volatile a function (`called`) is; an aggregate always says that it is not, but calls functions that may be. */
const VOLATILITY = `
  case when called.prokind = 'a' and exists (
         select from pg_catalog.pg_aggregate whole
           join pg_catalog.pg_proc part on part.oid in (whole.aggtransfn, whole.aggfinalfn, whole.aggcombinefn,
             whole.aggserialfn, whole.aggdeserialfn, whole.aggmtransfn, whole.aggminvtransfn, whole.aggmfinalfn)
          where whole.aggfnoid = called.oid and part.provolatile = 'v')
       then 'v' else called.provolatile::text end`;

/**
 * Internals of extensions (`called`, a row of pg_proc) that compute from their arguments only. Their code is the server's or
 * comes from a superuser.
 */
const ONLY_COMPUTES = `(called.provolatile <> 'v' and called.prolang in (12, 13) and exists (
    select from pg_catalog.pg_depend member
      join pg_catalog.pg_extension extension on extension.oid = member.refobjid
     where member.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass and member.objid = called.oid and member.deptype = 'e'
       and member.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
       and extension.extname in ('citext', 'hstore', 'pg_trgm', 'ltree', 'intarray', 'isn', 'seg', 'cube',
                                 'btree_gist', 'btree_gin', 'unaccent', 'fuzzystrmatch')))`;

/** Functions ($1) and those of operators ($2) by name. */
export const FUNCTIONS = `
  select distinct ${NAME} as name, ${VOLATILITY} as volatility,
         exists (select from pg_catalog.pg_proc other
                  where other.pronamespace = called.pronamespace and other.proname = called.proname
                    and other.proowner <> called.proowner) as has_others
    from pg_catalog.pg_proc called
    join pg_catalog.pg_namespace schema on schema.oid = called.pronamespace
   where called.oid = any ($1::oid[] || array(select sign.oprcode::oid from pg_catalog.pg_operator sign
                                               where sign.oid = any ($2::oid[])))
     -- What the server itself brings (below the first oid that it gives out) is reached by operators, casts and indexes
     -- here. Those that come with it only compute; others may have been made of functions that act.
     and (called.oid >= 16384 or called.provolatile = 'v')
     and not ${isInternal('called')} and not ${ONLY_COMPUTES}
   order by 1`;

/** What objects (`link`, a row of pg_depend) call, by name or through an operator: functions (`called`). */
export const CALLS = `pg_catalog.pg_depend link
    left join pg_catalog.pg_operator sign
      on link.refclassid = 'pg_catalog.pg_operator'::regclass and sign.oid = link.refobjid
    join pg_catalog.pg_proc called
      on called.oid = case link.refclassid when 'pg_catalog.pg_proc'::regclass then link.refobjid else sign.oprcode end`;

/**
 * Whether the statement ($1) itself calls volatile functions, which may write, by name or through an operator, beside
 * those ($2) that the target's owner says only make up a value.
 */
export const VOLATILE_CALLS = `
  select 1
    from ${CALLS}
    join pg_catalog.pg_namespace schema on schema.oid = called.pronamespace
   where link.classid = 'pg_catalog.pg_proc'::regclass and link.objid = $1::oid and ${VOLATILITY} = 'v'
     and ${NAME} <> all ($2::text[])
   limit 1`;

/**
 * Whether an object (`oid`, of the catalogue `catalog`) calls functions of the target's owner, by name or through an operator,
 * beside those ($7) that the owner says only make up a value.
 */
function callsOwn(oid: string, catalog: string): string {
  return `exists (
           select from ${CALLS}
             join pg_catalog.pg_namespace schema on schema.oid = called.pronamespace
            where link.classid = '${catalog}'::regclass and link.objid = ${oid} and called.oid >= 16384
              and not ${ONLY_COMPUTES} and ${NAME} <> all ($7::text[]))`;
}

/**
 * Expressions that the target's owner wrote, as SQL: rules $1, defaults $2, constraints $3, policies $4, indexes $5, types $6; null
 * for those that are not there. Not filtered here: the server would print every view it has to see whether it is null.
 * `column` is named where nothing but an INSERT takes its default.
 */
export const EXPRESSIONS = `
  select case ev_type when '1' then pg_catalog.pg_get_viewdef(ev_class) else pg_catalog.pg_get_ruledef(oid) end as text,
         'rule' as kind, false as calls_own, null::name as column, false as is_constant
    from pg_catalog.pg_rewrite where oid = any ($1::oid[])
  union all
  select 'select ' || pg_catalog.pg_get_expr(adbin, adrelid), case col.attgenerated when '' then 'default' else 'generated' end,
         ${callsOwn('preset.oid', 'pg_catalog.pg_attrdef')},
         case when col.attgenerated = '' and not exists (
                select from pg_catalog.pg_constraint link
                 where link.conrelid = adrelid and link.contype = 'f' and 'd' in (link.confdeltype, link.confupdtype)
                   and adnum = any (link.conkey))
              then col.attname end,
         ${isConstantSql('adbin')}
    from pg_catalog.pg_attrdef preset
    join pg_catalog.pg_attribute col on col.attrelid = preset.adrelid and col.attnum = preset.adnum
   where preset.oid = any ($2::oid[])
  union all
  select 'select ' || pg_catalog.pg_get_expr(conbin, conrelid), 'other', false, null, ${isConstantSql('conbin')}
    from pg_catalog.pg_constraint where oid = any ($3::oid[])
  union all
  select 'select ' || pg_catalog.pg_get_expr(part, polrelid), 'other', false, null, ${isConstantSql('part')}
    from pg_catalog.pg_policy, lateral (values (polqual), (polwithcheck)) parts(part)
   where oid = any ($4::oid[])
  union all
  select 'select ' || pg_catalog.pg_get_expr(part, indrelid), 'other', false, null, ${isConstantSql('part')}
    from pg_catalog.pg_index, lateral (values (indexprs), (indpred)) parts(part)
   where indexrelid = any ($5::oid[])
  union all
  select 'select ' || pg_catalog.pg_get_expr(typdefaultbin, 0), 'default',
         typdefaultbin is not null and ${callsOwn('kind.oid', 'pg_catalog.pg_type')}, null, ${isConstantSql('typdefaultbin')}
    from pg_catalog.pg_type kind where oid = any ($6::oid[])`;

/**
 * Enabled triggers of tables ($1 oids, $2 event masks: 4 insert, 8 delete, 16 update, $3 whether the statement names them)
 * that call user functions. Those of statements, those before a row and those instead of it also fire where no row changes
 * in the end; but nothing is deleted or updated by a cascade unless a row of another table is.
 */
export const TRIGGERS = `
  select distinct ${NAME} as name, called.provolatile = 'v' as is_volatile,
         pg_catalog.md5(pg_catalog.pg_get_functiondef(called.oid)) as version,
         case when attached.tgqual is null then null else pg_catalog.pg_get_triggerdef(attached.oid) end as definition,
         watched.is_named and (attached.tgtype & 1 = 0 or attached.tgtype & 66 <> 0) as fires_without_rows
    from unnest($1::oid[], $2::int[], $3::boolean[]) watched(oid, mask, is_named)
    join pg_catalog.pg_trigger attached on attached.tgrelid = watched.oid and attached.tgtype & watched.mask <> 0
    join pg_catalog.pg_proc called on called.oid = attached.tgfoid
    join pg_catalog.pg_namespace schema on schema.oid = called.pronamespace
   where ${FIRES} and (schema.nspname <> 'pg_catalog' or attached.tgqual is not null)
   order by 1`;
