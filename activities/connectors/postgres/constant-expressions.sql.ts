/** Kinds of nodes that make an expression of constants, columns of its row and functions. */
export const CONSTANT_KINDS: ReadonlySet<string> = new Set(
  [
    'VAR CONST FUNCEXPR NAMEDARGEXPR OPEXPR DISTINCTEXPR NULLIFEXPR SCALARARRAYOPEXPR BOOLEXPR NULLTEST BOOLEANTEST',
    'RELABELTYPE COLLATEEXPR CASEEXPR CASEWHEN CASETESTEXPR ARRAYEXPR COALESCEEXPR MINMAXEXPR',
    'COERCETODOMAIN COERCETODOMAINVALUE',
  ].flatMap((line) => line.split(' ')),
);

/**
 * Whether an expression that the owner wrote (`tree`, a pg_node_tree) is the same for the same row at all times: it is made
 * of these kinds alone, of columns of the row, and of functions of the server that are immutable. No name in a tree can
 * look like a field: blanks and braces in it are written with a backslash.
 */
export function isConstantSql(tree: string): string {
  return `not exists (
    select from pg_catalog.regexp_matches(${tree}::text, '\\{(\\w*)|:(?:op)?funcid (\\d+)|:varattno (-\\d+|0) ', 'g') part(found)
      left join pg_catalog.pg_proc called on called.oid = part.found[2]::oid
     where part.found[1] <> all ('{${[...CONSTANT_KINDS].join(',')}}'::text[]) or part.found[3] is not null
        or part.found[2] is not null and (called.oid >= 16384 or called.provolatile is distinct from 'i'))`;
}
