import type { Client } from 'pg';

import { FIRES } from './firing.sql.ts';
import { catalogueRows } from './questions.ts';
import { notPreviewable } from './refusal.ts';
import type { RewrittenRelation } from './rewriting.ts';
import { eventMask } from './triggers.ts';
import type { WrittenTable } from './written-tables.ts';
import type { RelationWrite } from './written-values.ts';

/**
 * What may read a column ($2, by name) of a table ($1) when it is written by operations ($3, an event mask), and so
 * carry its value to where nobody looks for it.
 */
const USES = `
  select col.attname as column, used.use
    from pg_catalog.pg_attribute col
    cross join lateral (
      select 'is part of a key' as use
        from pg_catalog.pg_index entry
        join pg_catalog.pg_depend link on link.classid = 'pg_catalog.pg_class'::regclass and link.objid = entry.indexrelid
       where entry.indrelid = col.attrelid and (entry.indisunique or entry.indisexclusion)
         and link.refclassid = 'pg_catalog.pg_class'::regclass and link.refobjid = col.attrelid
         and link.refobjsubid in (col.attnum, 0)
      union all
      select 'is part of a key' from pg_catalog.pg_constraint rule
       where rule.conrelid = col.attrelid and rule.contype in ('p', 'u', 'x') and col.attnum = any (rule.conkey)
      union all
      select 'is part of a foreign key' from pg_catalog.pg_constraint link
       where link.contype = 'f' and ((link.conrelid = col.attrelid and col.attnum = any (link.conkey))
                                  or (link.confrelid = col.attrelid and col.attnum = any (link.confkey)))
      union all
      select 'decides into which partition a row goes' from pg_catalog.pg_partitioned_table parts
       where parts.partrelid = col.attrelid and (col.attnum = any (parts.partattrs) or parts.partexprs is not null)
      union all
      select 'is read by a generated column' from pg_catalog.pg_attribute other
       where other.attrelid = col.attrelid and other.attgenerated <> '' and not other.attisdropped
         and exists (select from pg_catalog.pg_depend link
                       left join pg_catalog.pg_attrdef preset on preset.oid = link.objid
                      where link.refclassid = 'pg_catalog.pg_class'::regclass and link.refobjid = col.attrelid
                        and link.refobjsubid = col.attnum
                        and ((link.classid = 'pg_catalog.pg_attrdef'::regclass and preset.adrelid = other.attrelid
                              and preset.adnum = other.attnum)
                          or (link.classid = 'pg_catalog.pg_class'::regclass and link.objid = other.attrelid
                              and link.objsubid = other.attnum)))
      union all
      select 'may be read by a trigger' from pg_catalog.pg_trigger attached
       where attached.tgrelid = col.attrelid and not attached.tgisinternal and ${FIRES}
         and attached.tgtype & $3::int <> 0
    ) used
   where col.attrelid = $1::oid and col.attname = any ($2::name[]) and not col.attisdropped
   order by col.attnum, used.use
   limit 1`;

/**
 * Refuses values that the target lets be made at execution where something else could depend on them: only the column
 * itself is left out of what is compared.
 */
export async function refuseUsedMadeValues(client: Client, tables: readonly WrittenTable[]): Promise<void> {
  for (const table of tables) {
    const columns = [...table.sources].flatMap(([name, { kind }]) => (kind === 'drawn' ? [name] : []));
    if (columns.length === 0) continue;
    const values = [table.oid, columns, eventMask(table.operations)];
    const [row] = await catalogueRows<{ column: string; use: string }>(client, USES, values);
    if (row === undefined) continue;
    throw notPreviewable(
      `${table.resource}.${row.column} gets a value that is made at execution, and it ${row.use}. Write the value itself.`,
    );
  }
}

/** The same for values that are handed to triggers and rules of what the statement names. */
export function refuseMadeValuesPassedOn(
  writes: readonly RelationWrite[],
  rewritten: readonly RewrittenRelation[],
): void {
  const by = rewritten.find((relation) => relation.by !== 'view');
  const hasMade = writes.some(({ sources }) => [...sources.values()].some(({ kind }) => kind === 'drawn'));
  if (by === undefined || !hasMade) return;
  throw notPreviewable(
    `A value that is made at execution is handed to the ${by.by} of ${by.resource}. Write the value itself.`,
  );
}
