import type { Client, QueryResultRow } from 'pg';

import type { ResourceEffect, Reversal } from '../../../domain/request/plan.ts';
import { keptIn } from './moved-rows.ts';
import { noteOwnersCode } from './kept-sessions.ts';
import { isOwners, readTriggers, unknownOf } from './triggers.ts';
import { effectOf, type EffectSessions } from './rehearsal.ts';
import { READING } from './effect.ts';
import type { TableEffect } from './images.ts';
import { answersTo, question } from './questions.ts';
import { bagOf, isUpdate } from './pairing.ts';
import { isSameValue } from './projection.ts';
import { StatementRefused } from './refusal.ts';
import { asOurselves, asStatement, beginningIn, endTransaction, together } from './session.ts';
import { isSurvivedError } from './sql-error.ts';
import { obstacleIn, wayBackOf, type UndoneTable, type WayBack } from './way-back.ts';
import type { PreparedCall } from './prepared-call.ts';

/** What looking for a way back needs: the open transaction that made the effect, and its effect. */
export interface ReversalSearch {
  readonly prepared: PreparedCall;
  readonly sessions: EffectSessions;
  readonly tables: readonly TableEffect[];
  readonly effects: readonly ResourceEffect[];
}

const STEPS_CHARACTERS_MAX = 256 * 1024;

/**
 * The way back, if there is one: it is run in the transaction of the dry run, and every row of every table must come out
 * as it was. So whatever stands in its way is met here: references, triggers that act again, missing rights.
 */
export async function findReversal(search: ReversalSearch): Promise<Reversal> {
  const wayBack = obstacle(search) ?? (await possibleWay(search));
  return typeof wayBack === 'string' ? impossible(wayBack) : tryOrders(search, wayBack);
}

/** A way back that may be tried: it calls nothing that nobody vouches for. */
async function possibleWay(search: ReversalSearch): Promise<WayBack | string> {
  const wayBack = wayBackOf(await orderedTables(search.sessions.reader, search));
  const size = Math.max(...wayBack.map((steps) => steps.join().length));
  if (size > STEPS_CHARACTERS_MAX) return 'There are too many rows to write the way back down.';
  return (await unforeseen(search)) ?? wayBack;
}

function impossible(how: string): Reversal {
  return { is_possible: false, how };
}

/** What stands in the way by the images alone. */
function obstacle({ effects, tables }: ReversalSearch): string | null {
  const blind = effects.filter((effect) => effect.is_counts_only || effect.sample !== undefined);
  if (blind.length > 0) {
    const names = blind.slice(0, NAMES_MAX).map(({ resource }) => resource);
    const more = blind.length > NAMES_MAX ? ` and ${blind.length - NAMES_MAX} more tables` : '';
    return `The earlier rows of ${names.join(', ')}${more} are not all recorded. Restore from a backup.`;
  }
  const lost = effects.find(
    ({ cause, deleted }) => deleted > 0 && ['trigger', 'function'].includes(cause ?? ''),
  );
  if (lost !== undefined) return `What is deleted from ${lost.resource} by ${lost.cause} is not undone.`;
  const assigned = assignedIn(effects);
  const obstacles = tables.map((table) => obstacleIn(table, assigned.get(table.resource) ?? []));
  return obstacles.find((found) => found !== null) ?? null;
}

/** Columns that are left out, by table. */
function assignedIn(effects: readonly ResourceEffect[]): ReadonlyMap<string, readonly string[]> {
  return new Map(effects.map((effect) => [effect.resource, effect.assigned_columns]));
}

const NAMES_MAX = 5;

interface LinkRow extends QueryResultRow {
  readonly oid: string;
  readonly root: string;
  readonly is_partition: boolean;
  readonly parents: readonly string[];
}

/** Changed tables ($1) with their roots and those of them that they refer to. */
const LINKS = `
  select relation.oid::text as oid, relation.relispartition as is_partition,
         pg_catalog.format('%I.%I', schema.nspname, root.relname) as root,
         array(select link.confrelid::text from pg_catalog.pg_constraint link
                where link.contype = 'f' and link.conrelid = relation.oid and link.confrelid = any ($1::oid[])) as parents
    from pg_catalog.pg_class relation
    join pg_catalog.pg_class root
      on root.oid = case when relation.relispartition then pg_catalog.pg_partition_root(relation.oid) else relation.oid end
    join pg_catalog.pg_namespace schema on schema.oid = root.relnamespace
   where relation.oid = any ($1::oid[])`;

async function orderedTables(client: Client, search: ReversalSearch): Promise<readonly UndoneTable[]> {
  const { tables, effects, prepared } = search;
  const start = beginningIn(client, { isolation: 'repeatable read' }, prepared);
  const kin = question<LinkRow>(LINKS, [tables.map(({ oid }) => oid)]);
  const [links] = await answersTo(client, [{ ...kin, after: start }]);
  const byOid = new Map(links.map((link) => [link.oid, link]));
  const assigned = assignedIn(effects);
  return parentsFirst(tables, byOid).map((effect) => ({
    effect,
    resource: byOid.get(effect.oid)?.root ?? effect.resource,
    isPartition: byOid.get(effect.oid)?.is_partition ?? false,
    assignedColumns: assigned.get(effect.resource) ?? [],
    keptColumns: keptIn(prepared.analysis, tables, effect).keptColumns ?? new Set(),
  }));
}

/** Depth first; tables that refer to one another in a circle come in any order, and trying tells whether that works. */
function parentsFirst(
  tables: readonly TableEffect[],
  links: ReadonlyMap<string, LinkRow>,
): readonly TableEffect[] {
  const ordered = new Set<TableEffect>();
  const entered = new Set<string>();
  const visit = (table: TableEffect): void => {
    if (entered.has(table.oid)) return;
    entered.add(table.oid);
    for (const parent of links.get(table.oid)?.parents ?? []) {
      const found = tables.find(({ oid }) => oid === parent);
      if (found !== undefined) visit(found);
    }
    ordered.add(table);
  };
  for (const table of tables) visit(table);
  return [...ordered];
}

/** Changed tables ($1) and all that foreign keys may reach from them. */
const REACHED = `
  with recursive reached(oid) as (
    select direct.oid from pg_catalog.unnest($1::oid[]) direct(oid)
    union
    select next.oid
      from reached
      cross join lateral (
        select link.conrelid as oid from pg_catalog.pg_constraint link
         where link.contype = 'f' and link.confrelid = reached.oid
           and (link.confdeltype in ('c', 'n', 'd') or link.confupdtype in ('c', 'n', 'd'))
        union all
        select parent.inhparent from pg_catalog.pg_inherits parent where parent.inhrelid = reached.oid
      ) next
  )
  select oid::text as oid, exists (select from pg_catalog.pg_rewrite rule where rule.ev_class = reached.oid) as has_rules
    from reached`;

/** What a way back must not set off: nobody has looked at the rules, nor at triggers of other operations. */
async function unforeseen({ prepared, sessions, tables }: ReversalSearch): Promise<string | null> {
  const oids = tables.map(({ oid }) => oid);
  const [reached] = await answersTo(sessions.reader, [
    question<{ oid: string; has_rules: boolean }>(REACHED, [oids]),
  ]);
  if (reached.some((table) => table.has_rules)) return 'Rules would rewrite what undoes it.';
  const operations = ['insert', 'update', 'delete'] as const;
  const watched = reached.map(({ oid }) => ({ oid, operations }));
  const triggers = await readTriggers(sessions.reader, watched);
  if (triggers.some(isOwners)) noteOwnersCode(sessions.writer);
  const isKnown = unknownOf(triggers, prepared.settings.allowedFunctions).length === 0;
  return isKnown ? null : "Undoing it would call trigger functions that are not on the target's list.";
}

async function tryOrders(search: ReversalSearch, orders: readonly (readonly string[])[]): Promise<Reversal> {
  let how = '';
  for (const steps of orders) {
    const failure = await triedOut(search, steps);
    const what = steps.length === 1 ? 'one statement' : `${steps.length} statements, in this order`;
    if (failure === null)
      return { is_possible: true, how: `By ${what}; tried out, every row came back as it was.`, steps };
    how = failure;
  }
  return impossible(how);
}

/** Null when the steps restored everything; otherwise why they do not. */
async function triedOut(
  { prepared, sessions }: ReversalSearch,
  steps: readonly string[],
): Promise<string | null> {
  const { writer, reader } = sessions;
  await writer.query('savepoint keyturn_way_back');
  try {
    const immediately = 'set constraints all immediate';
    await together(writer, [...asAnybody(prepared), ...steps, immediately, ...asOurselves()]);
    const changed = await effectOf(prepared, { ...sessions, countsOnly: new Set() });
    const left = changed.find((table) => !isRestored(table));
    if (left === undefined) return null;
    return `What was tried to undo it leaves ${left.resource} changed: triggers act again, or rows are not told apart.`;
  } catch (error) {
    if (error instanceof StatementRefused)
      return `Undoing it does more than can be foreseen: ${error.message}`;
    if (!isSurvivedError(error)) throw error;
    return `What was tried to undo it is refused by the target (${error.code}).`;
  } finally {
    await together(writer, ['rollback to savepoint keyturn_way_back']);
    // What it has read stays locked until then.
    await endTransaction(reader);
  }
}

/** The role of the statement, in a session as it is when nothing was set. */
function asAnybody({ settings }: PreparedCall): readonly string[] {
  const names = Object.keys(READING).map((name) => `'${name}'`);
  return [
    `select pg_catalog.set_config(name, reset_val, true) from pg_catalog.pg_settings where name in (${names.join(', ')})`,
    ...asStatement(settings),
  ];
}

/** True when what was there before is there again, and nothing else. */
function isRestored({ rows }: TableEffect): boolean {
  if (rows === null) return false;
  if (rows.every(isUpdate))
    return rows.every(({ before, after }) => before.every((value, at) => isSameValue(value, after[at])));
  const [before, after] = [rows.map((row) => row.before), rows.map((row) => row.after)];
  return bagOf(before.filter((row) => row !== null)) === bagOf(after.filter((row) => row !== null));
}
