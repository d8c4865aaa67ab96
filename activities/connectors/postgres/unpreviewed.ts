import type { Client } from 'pg';

import { canonicalJson, type JsonValue } from '../../../domain/crypto/canonical-json.ts';
import { digestOf, sha256, type Digest } from '../../../domain/crypto/digest.ts';
import type { ResourceEffect } from '../../../domain/request/plan.ts';
import { followCascades, type MetTable, type Start } from './cascades.ts';
import { runStatement } from './run-statement.ts';
import { observerOf, READING } from './effect.ts';
import { placesOf, readRows } from './images.ts';
import { noteRowsRead } from './kept-sessions.ts';
import { keyText } from './pairing.ts';
import { chosenRows, limitedTo } from './chosen-rows.ts';
import { listOf, textOf, unwrap } from './parse-tree.ts';
import type { TreeNode } from './parser-thread.ts';
import type { PreparedCall } from './prepared-call.ts';
import { digestedRewriting } from './fingerprint.ts';
import { recordOf } from './projection.ts';
import type { ReadingBudget } from './raw-rows.ts';
import { notPreviewable, StatementRefused } from './refusal.ts';
import { asStatement, extended, LOOKED, LOOKING, settingLocally, takingRole, together } from './session.ts';
import { readShape } from './table-shape.ts';
import { lackingText } from './triggers.ts';
import type { WrittenTable } from './written-tables.ts';

/** Why a statement is not tried out while it is planned. */
export type Untried = 'unknown_triggers' | 'count' | 'none';

/** Null: it is run and rolled back. A read is only opened, so it always may. */
export function untriedBecause({ analysis, settings, statement }: PreparedCall): Untried | null {
  if (statement.isRead && !analysis.callsOwnerFunctions) return null;
  const { rehearse } = settings.planning;
  if (rehearse !== 'rows') return rehearse;
  return analysis.unknownTriggers.length > 0 ? 'unknown_triggers' : null;
}

/** What an unpreviewed statement meets: all that can be known without running it. */
export interface Met {
  readonly effects: readonly ResourceEffect[];
  /** How many rows the statement itself changes; null where not even that is counted. */
  readonly own: number | null;
  /** Of the rows that it meets, whole. */
  readonly rows: Digest;
  /** The rows that the statement itself changes; null where none were looked for. */
  readonly found: Start | null;
}

/**
 * Runs the statement limited to the rows that were found for it. Its condition may answer otherwise the
 * second time: then fewer rows are changed, and never others. Returns how many.
 */
export async function runOnFound(prepared: PreparedCall, writer: Client, { found }: Met): Promise<number> {
  if (found === null) return runStatement(prepared, writer);
  const chosen = await chosenRows(prepared.statement, prepared.parser);
  const text = chosen === null ? null : await limitedTo(found, { ...prepared, chosen });
  if (text === null) throw notCountable(prepared);
  return runStatement({ ...prepared, statement: { ...prepared.statement, text } }, writer);
}

/**
 * Finds the rows that the statement itself would change and those that cascades would, without running it: its triggers
 * call functions that nobody vouches for, and trying them out might already do harm. Only for statements whose rows a
 * plain SELECT shows.
 */
export async function countUnpreviewed(prepared: PreparedCall, client: Client): Promise<Met> {
  // Nothing at all is tried at such a target, so nothing is known.
  if (untriedBecause(prepared) === 'none') return { effects: [], own: null, rows: digestOf([]), found: null };
  const { tables: written, rewritten, callsOwnerFunctions } = prepared.analysis;
  if (callsOwnerFunctions) throw actingUnseen(prepared);
  const [table, ...others] = written.filter(({ isNamed }) => isNamed);
  // Partitions share one name in the statement; which of them is hit is not known.
  if (table === undefined || others.length > 0 || rewritten.length > 0) throw notCountable(prepared);
  const insert = unwrap(prepared.statement.tree, 'InsertStmt');
  if (insert !== null) {
    const inserted = insertedRows(insert);
    if (inserted === null) throw notCountable(prepared);
    const effect = { ...NO_EFFECT, resource: table.resource, inserted, cause: 'statement' as const };
    return { effects: [effect], own: inserted, rows: digestOf([]), found: null };
  }
  noteRowsRead(client);
  const start = await selected(prepared, client, table);
  // Taken back before the statement runs: it runs under the target's own settings.
  const looking = [...LOOKING, settingLocally(READING), takingRole(observerOf(prepared.settings))];
  await together(client, looking);
  const { readRowsMax, readCharactersMax } = prepared.limits;
  const budget = { rows: readRowsMax, characters: readCharactersMax };
  const tables = await followCascades(client, start, budget);
  const read: MetRows[] = [];
  for (const met of tables) read.push(await readMet(client, met, budget));
  await together(client, LOOKED);
  return {
    effects: read.map((rows, index) => metEffect(rows, index === 0 ? 'statement' : 'cascade')),
    own: start.places.length,
    rows: digestOf(read.map(({ met, rows }) => ({ resource: met.resource, rows }))),
    found: start,
  };
}

const NO_EFFECT = {
  inserted: 0,
  updated: 0,
  deleted: 0,
  rows: [],
  assigned_columns: [],
  is_counts_only: true,
};

/** The rows of one table that are met, in the order of their content. */
interface MetRows {
  readonly met: MetTable;
  readonly rows: readonly { readonly is_deleted: boolean; readonly key: string; readonly row: RowRecord }[];
  readonly columns: readonly string[];
}

type RowRecord = Readonly<Record<string, JsonValue>>;

async function readMet(client: Client, met: MetTable, budget: ReadingBudget): Promise<MetRows> {
  const shape = await readShape(client, met.oid);
  const rows: MetRows['rows'][number][] = [];
  for (const [places, isDeleted] of [
    [met.deleted, true],
    [met.updated, false],
  ] as const) {
    const condition = `keyturn_row.ctid = any (${placesOf([...places])})`;
    const read = await readRows(client, { reading: { budget, table: met }, shape, condition });
    if (read?.length !== places.size || !shape.columns.every(({ isReadExactly }) => isReadExactly)) {
      throw notPreviewable(
        `Its triggers call functions that are not on the target's list, and the rows of ${met.resource} that it meets ` +
          'are too many, or not all of them can be read.',
      );
    }
    rows.push(
      ...read.map((row) => ({
        is_deleted: isDeleted,
        key: keyText(row, shape) ?? '',
        row: recordOf(row, shape),
      })),
    );
  }
  const order = new Map(rows.map((row) => [row, canonicalJson(row)]));
  rows.sort((left, right) => ((order.get(left) ?? '') < (order.get(right) ?? '') ? -1 : 1));
  return { met, rows, columns: shape.columns.map(({ shown }) => shown) };
}

/** Deleted rows are shown whole. How the others will change is not known, so they are only named. */
function metEffect({ met, rows, columns }: MetRows, cause: 'statement' | 'cascade'): ResourceEffect {
  return {
    ...NO_EFFECT,
    resource: met.resource,
    updated: met.updated.size,
    deleted: met.deleted.size,
    rows: rows.map(({ is_deleted: isDeleted, key, row }, index) => ({
      key: key === '' ? `row ${index + 1}` : key,
      before: isDeleted ? row : {},
      after: isDeleted ? null : {},
    })),
    columns,
    cause,
  };
}

/** How many rows of which table change. */
export function countsOf({ resource, inserted, updated, deleted }: ResourceEffect): RowRecord {
  return { resource, inserted, updated, deleted };
}

/** Equal exactly when the same statement would meet the same rows and the same unknown functions, under the same settings. */
export function unpreviewedFingerprint(
  { statement, analysis }: PreparedCall,
  met: Met,
  valueSettings: string,
): Digest {
  return digestOf({
    version: 2,
    effects: met.effects.map(countsOf),
    rows: met.rows,
    statement: sha256(statement.text),
    triggers: analysis.unknownTriggers,
    ...digestedRewriting(analysis.rewritten),
    settings: valueSettings,
  });
}

/** What functions of the owner do to tables is seen only where the statement is tried out. */
function actingUnseen({ analysis }: PreparedCall): StatementRefused {
  const why =
    analysis.unknownTriggers.length > 0
      ? lackingText(analysis.unknownTriggers)
      : 'This target only counts rows.';
  return notPreviewable(
    `${why} The statement calls functions of the target, and what they do to tables would be in no plan: write the values ` +
      'that they return instead.',
  );
}

function notCountable({ analysis }: PreparedCall): StatementRefused {
  const why = analysis.unknownTriggers.length > 0 ? lackingText(analysis.unknownTriggers) : COUNTING_ONLY;
  const advice = analysis.rewritten.length === 0 ? '' : ' Name the table behind the view.';
  return notPreviewable(`${why}${advice}`);
}

const COUNTING_ONLY =
  'This target only counts rows, and those of this statement cannot be counted without running it. ' +
  'Write INSERT … VALUES, or UPDATE or DELETE of one table by a WHERE clause.';

async function selected(prepared: PreparedCall, client: Client, table: WrittenTable): Promise<Start> {
  const { statement, parser, settings, limits } = prepared;
  const text = (await chosenRows(statement, parser))?.selecting ?? null;
  if (text === null) throw notCountable(prepared);
  await together(client, [...LOOKING, ...asStatement(settings)]);
  const limited = extended(`${text} limit ${limits.readRowsMax + 1}`);
  const result = await client.query<{ home: string; place: string }>(limited);
  await together(client, LOOKED);
  const isElsewhere = result.rows.some(({ home }) => home !== table.oid);
  if (isElsewhere || result.rows.length > limits.readRowsMax) throw notCountable(prepared);
  const update = unwrap(statement.tree, 'UpdateStmt');
  return {
    oid: table.oid,
    resource: table.resource,
    operation: update === null ? 'delete' : 'update',
    places: result.rows.map(({ place }) => place),
    columns: listOf(update ?? {}, 'targetList').map(
      (target) => textOf(unwrap(target, 'ResTarget') ?? {}, 'name') ?? '',
    ),
  };
}

function insertedRows(insert: TreeNode): number | null {
  if (insert['onConflictClause'] !== undefined || insert['withClause'] !== undefined) return null;
  const select = unwrap(insert['selectStmt'], 'SelectStmt');
  if (select === null) return 1;
  const rows = listOf(select, 'valuesLists').length;
  return rows > 0 ? rows : null;
}
