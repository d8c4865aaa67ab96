import type { Client } from 'pg';

import { digestOf, sha256, type Digest } from '../../../domain/digest.ts';
import type { ResourceEffect } from '../../../domain/plan.ts';
import type { PreparedCall } from './dry-run.ts';
import { fieldOf, listOf, unwrap } from './parse-tree.ts';
import type { ScannedToken, SqlParser, TreeNode } from './parser-thread.ts';
import { StatementRefused } from './refusal.ts';
import { asOurselves, asStatement, extended, together } from './session.ts';
import { topOf, type Statement } from './statement.ts';
import { isSameTree, outsideParentheses } from './token-text.ts';

/** What counting needs. */
export interface UnpreviewedCall extends PreparedCall {
  readonly parser: SqlParser;
}

/** Why a statement is not tried out while it is planned. */
export type Untried = 'unknown_triggers' | 'count' | 'none';

/** Null: it is run and rolled back. A read is only opened, so it always may. */
export function untriedBecause({ analysis, settings, statement }: PreparedCall): Untried | null {
  if (statement.isRead && !analysis.callsOwnerFunctions) return null;
  const { rehearse } = settings.planning;
  if (rehearse !== 'rows') return rehearse;
  return analysis.unknownTriggers.length > 0 ? 'unknown_triggers' : null;
}

/**
 * Counts the rows that the statement itself would change, without running it: its triggers call functions that
 * nobody vouches for, and trying them out might already do harm. Only for statements whose rows a plain SELECT shows.
 */
export async function countUnpreviewed(
  prepared: UnpreviewedCall,
  client: Client,
): Promise<readonly ResourceEffect[]> {
  // Nothing at all is tried at such a target, so nothing is known.
  if (untriedBecause(prepared) === 'none') return [];
  const counted = await countedRows(prepared, client);
  const [table, ...others] = prepared.analysis.tables.filter(({ isNamed }) => isNamed);
  // Partitions share one name in the statement; which of them is hit cannot be told.
  if (table === undefined || others.length > 0 || counted === null) throw notCountable(prepared);
  const counts = { inserted: 0, updated: 0, deleted: 0, ...counted };
  return [{ resource: table.resource, ...counts, rows: [], assigned_columns: [], is_counts_only: true }];
}

/** Equal exactly when the same statement would meet the same number of rows and the same unknown functions. */
export function unpreviewedFingerprint(prepared: PreparedCall, effects: readonly ResourceEffect[]): Digest {
  const { statement, analysis } = prepared;
  return digestOf({
    version: 1,
    effects,
    statement: sha256(statement.text),
    triggers: analysis.unknownTriggers,
  });
}

function notCountable({ analysis }: PreparedCall): StatementRefused {
  const names = analysis.unknownTriggers.map(({ name }) => name).join(', ');
  const why =
    names === '' ? COUNTING_ONLY : `The target's list of functions lacks ${names}, which a trigger calls.`;
  return new StatementRefused('not_previewable', why);
}

const COUNTING_ONLY =
  'This target only counts rows, and those of this statement cannot be counted without running it. ' +
  'Write INSERT … VALUES, or UPDATE or DELETE of one table by a WHERE clause.';

type Counted = Partial<Pick<ResourceEffect, 'inserted' | 'updated' | 'deleted'>>;

async function countedRows(prepared: UnpreviewedCall, client: Client): Promise<Counted | null> {
  const { statement, parser } = prepared;
  const insert = topOf(statement, 'InsertStmt');
  if (insert !== null) return insertedRows(insert);
  const text = await countingText(statement, parser);
  if (text === null) return null;
  await together(client, asStatement(prepared.settings));
  const result = await client.query<{ count: string }>(extended(text));
  await together(client, asOurselves());
  const count = Number(result.rows[0]?.count ?? '0');
  return topOf(statement, 'UpdateStmt') === null ? { deleted: count } : { updated: count };
}

function insertedRows(insert: TreeNode): Counted | null {
  if (insert['onConflictClause'] !== undefined || insert['withClause'] !== undefined) return null;
  const select = unwrap(insert['selectStmt'], 'SelectStmt');
  if (select === null) return { inserted: 1 };
  const rows = listOf(select, 'valuesLists').length;
  return rows > 0 ? { inserted: rows } : null;
}

/** `select count(*) from … where …` with the statement's own table and condition, or null for other shapes. */
async function countingText(statement: Statement, parser: SqlParser): Promise<string | null> {
  const update = topOf(statement, 'UpdateStmt');
  const node = update ?? topOf(statement, 'DeleteStmt');
  const others = ['withClause', 'fromClause', 'usingClause'];
  if (node === null || others.some((field) => node[field] !== undefined)) return null;
  const tokens = await parser.scan(statement.text);
  const text = tokens === null ? null : sliced(statement.text, tokens, update !== null);
  return text !== null && (await isSameSelection(text, node, parser)) ? text : null;
}

/** Cuts table and condition out of the text at the keywords outside of parentheses. */
function sliced(text: string, tokens: readonly ScannedToken[], isUpdate: boolean): string {
  const outer = outsideParentheses(tokens);
  const find = (word: string): ScannedToken | undefined =>
    outer.find((token) => token.text.toLowerCase() === word);
  const start = find(isUpdate ? 'update' : 'from')?.end ?? 0;
  const where = find('where');
  const end = find('returning') ?? outer.find((token) => token.text === ';');
  const tableEnd = isUpdate ? find('set') : (where ?? end);
  const bytes = Buffer.from(text, 'utf8');
  const cut = (from: number, to: number | undefined): string => bytes.subarray(from, to).toString('utf8');
  const table = cut(start, tableEnd?.start);
  const condition = where === undefined ? '' : `where ${cut(where.end, end?.start)}`;
  return `select count(*) as count from ${table}\n${condition}`;
}

/** The cut-out text is only used when the grammar says that it selects by the same table and the same condition. */
async function isSameSelection(text: string, node: TreeNode, parser: SqlParser): Promise<boolean> {
  const outcome = await parser.parse(text);
  if (outcome.kind === 'unreadable' || outcome.statements.length !== 1) return false;
  const select = unwrap(outcome.statements[0]?.['stmt'], 'SelectStmt') ?? {};
  const [from] = listOf(select, 'fromClause');
  const relation = unwrap(from, 'RangeVar');
  return (
    isSameTree(relation, fieldOf(node, 'relation')) && isSameTree(select['whereClause'], node['whereClause'])
  );
}
