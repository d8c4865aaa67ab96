import { type Client, type QueryResultRow } from 'pg';

import { acting, acts } from './firing.sql.ts';
import { placesOf } from './images.ts';
import { catalogueRows } from './questions.ts';
import { rowsWithin, type ReadingBudget } from './raw-rows.ts';
import { notPreviewable, StatementRefused } from './refusal.ts';

/** Rows of one table that are met, by place, and what happens to them. */
export interface MetTable {
  readonly oid: string;
  readonly resource: string;
  readonly deleted: Set<string>;
  readonly updated: Set<string>;
}

/** What a statement does to rows of one table by itself. */
export interface Start {
  readonly oid: string;
  readonly resource: string;
  readonly operation: 'delete' | 'update';
  readonly places: readonly string[];
  /** Columns that the statement sets. */
  readonly columns: readonly string[];
}

/**
 * Follows foreign keys from the rows that a statement changes: rows that are deleted with them, and rows that lose or
 * change what refers to them. All in one state, on a session of who may read the tables. The statement's own table comes
 * first. Throws where it cannot follow them.
 */
export async function followCascades(
  client: Client,
  start: Start,
  budget: ReadingBudget,
): Promise<readonly MetTable[]> {
  const met = new Map<string, MetTable>();
  const queue: Start[] = [{ ...start, places: noted(met, start) }];
  for (let step = queue.shift(); step !== undefined; step = queue.shift()) {
    const links = await catalogueRows<LinkRow>(client, LINKS, [step.oid]);
    for (const link of links) {
      const next = await nextStep(client, { step, link, budget });
      if (next === null) continue;
      const places = noted(met, next);
      if (places.length > 0) queue.push({ ...next, places });
    }
  }
  return [...met.values()];
}

/** Notes what happens to rows, and answers those to which it did not happen before. */
function noted(met: Map<string, MetTable>, { oid, resource, operation, places }: Start): readonly string[] {
  const table = met.get(oid) ?? { oid, resource, deleted: new Set(), updated: new Set() };
  met.set(oid, table);
  const fresh = places.filter(
    (place) => !table.deleted.has(place) && (operation === 'delete' || !table.updated.has(place)),
  );
  for (const place of fresh) {
    if (operation === 'update') table.updated.add(place);
    else {
      table.deleted.add(place);
      table.updated.delete(place);
    }
  }
  return fresh;
}

interface LinkRow extends QueryResultRow {
  readonly oid: string;
  readonly resource: string;
  readonly on_delete: string;
  readonly on_update: string;
  readonly parent_columns: readonly string[];
  readonly child_columns: readonly string[];
  readonly set_columns: readonly string[];
  readonly conditions: readonly string[];
  readonly is_plain: boolean;
  readonly is_filtered: boolean;
}

/** Columns that generated columns of the key are computed from: who sets them changes the key. */
const GENERATED_FROM = `
         array(select source.attname::text from pg_catalog.unnest(link.confkey) part
                 join pg_catalog.pg_attrdef made on made.adrelid = link.confrelid and made.adnum = part
                 join pg_catalog.pg_depend need on need.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass
                  and need.objid = made.oid and need.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
                  and need.refobjid = link.confrelid and need.refobjsubid > 0
                 join pg_catalog.pg_attribute source
                   on source.attrelid = link.confrelid and source.attnum = need.refobjsubid)`;

/** Foreign keys that refer to a table ($1) and act on the rows that refer. */
const LINKS = `
  select link.conrelid::text as oid, pg_catalog.format('%I.%I', schema.nspname, child.relname) as resource,
         ${acting('confdeltype')} as on_delete, ${acting('confupdtype')} as on_update,
         array(select col.attname::text from pg_catalog.unnest(link.confkey) part join pg_catalog.pg_attribute col
                 on col.attrelid = link.confrelid and col.attnum = part) || ${GENERATED_FROM} as parent_columns,
         array(select col.attname::text from pg_catalog.unnest(link.conkey) part join pg_catalog.pg_attribute col
                 on col.attrelid = link.conrelid and col.attnum = part) as child_columns,
         array(select col.attname::text from pg_catalog.unnest(coalesce(link.confdelsetcols, link.conkey)) part
                 join pg_catalog.pg_attribute col on col.attrelid = link.conrelid and col.attnum = part) as set_columns,
         array(select pg_catalog.format('parent.%I operator(%I.%s) child.%I', key.attname, home.nspname, sign.oprname,
                                        reference.attname)
                 from rows from (pg_catalog.unnest(link.confkey), pg_catalog.unnest(link.conkey),
                                pg_catalog.unnest(link.conpfeqop)) part(key, reference, operator)
                 join pg_catalog.pg_attribute key on key.attrelid = link.confrelid and key.attnum = part.key
                 join pg_catalog.pg_attribute reference
                   on reference.attrelid = link.conrelid and reference.attnum = part.reference
                 join pg_catalog.pg_operator sign on sign.oid = part.operator
                 join pg_catalog.pg_namespace home on home.oid = sign.oprnamespace) as conditions,
         child.relkind = 'r' and not child.relispartition and not parent.relispartition
           and not exists (select from pg_catalog.pg_inherits heir where heir.inhparent in (child.oid, parent.oid))
           as is_plain,
         pg_catalog.row_security_active(child.oid) as is_filtered
    from pg_catalog.pg_constraint link
    join pg_catalog.pg_class child on child.oid = link.conrelid
    join pg_catalog.pg_class parent on parent.oid = link.confrelid
    join pg_catalog.pg_namespace schema on schema.oid = child.relnamespace
   where link.contype = 'f' and link.confrelid = $1::oid and (${acts('confdeltype')} or ${acts('confupdtype')})`;

async function nextStep(
  client: Client,
  { step, link, budget }: { readonly step: Start; readonly link: LinkRow; readonly budget: ReadingBudget },
): Promise<Start | null> {
  const acts = actionOf(step, link);
  if (acts === null) return null;
  if (!link.is_plain || link.is_filtered)
    throw notFollowed(link.resource, 'it is not a plain table that can be read');
  const text = `select child.ctid from only ${link.resource} child, only ${step.resource} parent
    where parent.ctid = any (${placesOf(step.places)}) and ${link.conditions.join(' and ')}`;
  const rows = await rowsWithin(client, text, budget);
  if (rows === null) throw notFollowed(link.resource, 'too many of its rows refer to what changes');
  const places = rows.flatMap(([place]) => place ?? []);
  return { oid: link.oid, resource: link.resource, places, ...acts };
}

/** What happens to rows that refer to a changed row; null for nothing. */
function actionOf(step: Start, link: LinkRow): Pick<Start, 'operation' | 'columns'> | null {
  if (step.operation === 'delete') {
    if (link.on_delete === 'c') return { operation: 'delete', columns: [] };
    return ['n', 'd'].includes(link.on_delete) ? { operation: 'update', columns: link.set_columns } : null;
  }
  const isHit = link.parent_columns.some((column) => step.columns.includes(column));
  const isActing = ['c', 'n', 'd'].includes(link.on_update);
  return isHit && isActing ? { operation: 'update', columns: link.child_columns } : null;
}

function notFollowed(resource: string, why: string): StatementRefused {
  return notPreviewable(
    `Its triggers call functions that are not on the target's list, and what cascades to ${resource} cannot be ` +
      `counted: ${why}.`,
  );
}
