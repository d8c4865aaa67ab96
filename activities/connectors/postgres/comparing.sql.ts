/**
 * Whether a function (`called`, a row of pg_proc) is in C, came with an extension, and takes or returns what only the server
 * itself holds. Nothing in SQL can name it: access methods and estimates call it, and aggregates, which are functions in
 * their own right, looked for on the list by their own names and as volatile as the functions that they are made of. Such
 * code computes, though some extensions do not declare that, and so have it count as volatile.
 */
export function isInternal(called: string): string {
  return `(${called}.prolang = 13
    and (${called}.prorettype = 'pg_catalog.internal'::pg_catalog.regtype
      or 'pg_catalog.internal'::pg_catalog.regtype = any (${called}.proargtypes))
    and exists (select from pg_catalog.pg_depend member
                 where member.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass and member.objid = ${called}.oid
                   and member.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass and member.deptype = 'e'))`;
}

/** Immutable functions in C only compute: it takes a superuser to make one, and to make a class of it. */
export const COMPUTES = `((code.prolang = 13 and code.provolatile = 'i') or ${isInternal('code')})`;

/** Operators and functions by which `class`, an operator class for B-trees or hashing, compares. */
export const COMPARING = `
  select 'pg_catalog.pg_operator'::regclass, sign.oid
    from pg_catalog.pg_amop member
    join pg_catalog.pg_operator sign on sign.oid = member.amopopr
    join pg_catalog.pg_proc code on code.oid = sign.oprcode
   where member.amopfamily = class.opcfamily and class.opcmethod in (403, 405) and sign.oid >= 16384 and not ${COMPUTES}
  union all
  select 'pg_catalog.pg_proc'::regclass, code.oid
    from pg_catalog.pg_amproc support
    join pg_catalog.pg_proc code on code.oid = support.amproc
   where support.amprocfamily = class.opcfamily and class.opcmethod in (403, 405) and code.oid >= 16384 and not ${COMPUTES}`;
