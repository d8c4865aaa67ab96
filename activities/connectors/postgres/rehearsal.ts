import type { Client, QueryResultRow } from 'pg';

import { updatesTakeDefaults } from './bounded-statement.ts';
import { withoutUnseenMoves } from './moved-rows.ts';
import { lackingText, readTriggers, unknownOf } from './triggers.ts';
import {
  COUNTED_BEFORE,
  observerOf,
  readCounts,
  readEffect,
  type CountRow,
  type EffectReading,
} from './effect.ts';
import { stoppingGrowth } from './growth.ts';
import { roleSettingsOf } from './kept-sessions.ts';
import { NEXT_SHARED_MARK, type TableEffect } from './images.ts';
import { newKeysOf, readMakingTime, readSequenceHeads, type Making, type MakingTime } from './made-values.ts';
import { notCounting } from './target-safety.ts';
import { notPreviewable } from './refusal.ts';
import type { PreparedCall } from './prepared-call.ts';
import { refuseTooMany, rowsOfEffects, type Rehearsal } from './rehearsal-bounds.ts';
import { runStatement } from './run-statement.ts';
import { readPositions, type SequenceUse } from './sequence-use.ts';
import { allAnswers, begin, beginning, together, lostSession, type TransactionStart } from './session.ts';
import { isSurvivedError } from './sql-error.ts';
import { SESSION_SETTINGS, valueSettings } from './value-settings.ts';

/** What one dry run saw. */
export interface DryRun {
  readonly effects: readonly TableEffect[];
  readonly locksHeldMs: number;
  readonly sequences: SequenceUse;
  readonly values: string;
}

/** What else is looked at while the dry run's transaction is still open. */
export type LookInside = (sessions: EffectSessions, effects: readonly TableEffect[]) => Promise<void>;

/** What is run, and what else is looked at. */
export type Rehearsed = Rehearsal & { readonly lookInside?: LookInside };

/** Runs the statement, reads its effect, and rolls everything back. Both sessions are idle. */
export async function dryRun(
  prepared: PreparedCall,
  { writer, reader }: Pick<EffectSessions, 'writer' | 'reader'>,
  { statement, rowsMax, listed, lookInside }: Rehearsed,
): Promise<DryRun> {
  const tables = statement.isRead ? [] : prepared.analysis.tables.map(({ oid }) => oid);
  const { processId, values, ...begun } = await beginWriting(prepared, writer, 'repeatable read');
  const startedAt = performance.now();
  const run = (): Promise<number> => runStatement({ ...prepared, statement }, writer);
  refuseTooMany(await stoppingGrowth({ processId, reader, tables }, run), rowsMax);
  const sessions = { ...begun, writer, reader, countsOnly: new Set<string>() };
  const isWriting = !statement.isRead || prepared.analysis.callsOwnerFunctions;
  const [positions, effects] = await allAnswers([
    isWriting ? readPositions(prepared, reader, processId) : new Map<string, never>(),
    effectOf(prepared, sessions),
  ]);
  await lookInside?.(sessions, effects);
  await writer.query('rollback');
  const locksHeldMs = Math.ceil(performance.now() - startedAt);
  refuseTooMany(rowsOfEffects(effects), prepared.settings.planning.rowsMax);
  const rows = Math.max(listed, rowsTakingDefaults({ ...prepared, statement }, effects));
  return { effects, locksHeldMs, sequences: { positions, rows }, values };
}

/** How many rows may have taken a value of one sequence. */
function rowsTakingDefaults({ statement, analysis }: PreparedCall, effects: readonly TableEffect[]): number {
  const isUpdating =
    updatesTakeDefaults(statement) || analysis.tables.some(({ isSetToDefaults }) => isSetToDefaults);
  return effects.reduce((sum, { inserted, updated }) => sum + inserted + (isUpdating ? updated : 0), 0);
}

/** A transaction that has begun. */
export interface BegunWriting extends Pick<EffectReading, 'sharedFrom' | 'countedBefore'> {
  /** Name of a snapshot of the state before it. */
  readonly snapshot: string;
  /** `valueSettings` of it. */
  readonly values: string;
  /** Of its session at the server. */
  readonly processId: number;
  /** Of one that may be committed; a rehearsal gets its own only when it writes. */
  readonly transactionId: string;
}

interface BegunRow extends QueryResultRow {
  readonly snapshot: string;
  readonly shared_from: string;
  readonly counted_before: string;
  readonly settings: string;
  readonly process_id: number;
  readonly is_counting: boolean;
  readonly transaction_id: string | null;
}

/** Begins a transaction that may write. */
export async function beginWriting(
  prepared: PreparedCall,
  writer: Client,
  isolation: TransactionStart['isolation'],
): Promise<BegunWriting> {
  const transactionId = isolation === 'serializable' ? 'pg_catalog.pg_current_xact_id()::text' : 'null';
  const exporting = `select pg_catalog.pg_export_snapshot() as snapshot, ${SESSION_SETTINGS} as settings,
                            pg_catalog.current_setting('track_counts')::boolean as is_counting,
                            pg_catalog.pg_backend_pid() as process_id,
                            ${transactionId} as transaction_id,
                            ${COUNTED_BEFORE} as counted_before,
                            ${NEXT_SHARED_MARK} as shared_from`;
  const beginningAll = [...beginning({ isolation }, prepared), exporting];
  const [begun] = await together<BegunRow>(writer, beginningAll);
  // Of this very session: the settings of its role or database may have changed since others were opened.
  if (begun?.is_counting !== true) throw notCounting();
  return {
    snapshot: begun.snapshot,
    sharedFrom: begun.shared_from,
    countedBefore: begun.counted_before,
    values: valueSettings(begun.settings, roleSettingsOf(writer)),
    processId: begun.process_id,
    transactionId: begun.transaction_id ?? '',
  };
}

/** Where an effect is read. */
export interface EffectSessions extends Omit<EffectReading, 'settings' | 'limits'> {
  readonly snapshot: string;
}

/** Reads the open transaction's effect, also in tables that only triggers write. */
export async function effectOf(
  prepared: PreparedCall,
  sessions: EffectSessions,
): Promise<readonly TableEffect[]> {
  try {
    const [counts] = await Promise.all([
      readCounts(sessions, prepared.settings),
      beginReading(prepared, sessions),
    ]);
    if (counts.length === 0) return [];
    await refuseUnforeseenTriggers(prepared, sessions.reader, counts);
    const { runsOwnerCode } = prepared.analysis;
    const time = runsOwnerCode ? await readMakingTime(sessions.writer) : null;
    const read = await readEffect({ ...prepared, ...sessions }, counts);
    const effects = withoutUnseenMoves(read, prepared.analysis.tables);
    return time === null ? effects : await withMaking(prepared, sessions.writer, { effects, time });
  } finally {
    await sessions.reader.query('rollback');
  }
}

/** Notes of each table what a value made up by this transaction looks like. */
async function withMaking(
  { settings, analysis }: PreparedCall,
  writer: Client,
  { effects, time }: { readonly effects: readonly TableEffect[]; readonly time: MakingTime },
): Promise<readonly TableEffect[]> {
  const oids = effects.filter(({ rows }) => rows !== null).map(({ oid }) => oid);
  const heads = await readSequenceHeads(writer, { oids, role: observerOf(settings) });
  const sequencesOf = (oid: string): Making['sequences'] => heads.get(oid) ?? new Map<string, never>();
  // What the statement says itself is no key that a sequence gave.
  const isGiven = (oid: string, name: string): boolean =>
    ['default', undefined].includes(
      analysis.tables.find((table) => table.oid === oid)?.sources.get(name)?.kind,
    );
  const newKeys = newKeysOf(
    effects.map((effect) => ({
      ...effect,
      sequences: new Map([...sequencesOf(effect.oid)].filter(([name]) => isGiven(effect.oid, name))),
    })),
  );
  return effects.map((effect) => ({
    ...effect,
    making: { ...time, sequences: sequencesOf(effect.oid), newKeys },
  }));
}

/** States in which a snapshot that another session exported cannot be used. */
const NO_SNAPSHOT: ReadonlySet<string> = new Set(['22023', '42704', '55000']);

/** Sessions of one target that do not share their state are on their way to different servers. */
export async function beginReading(
  prepared: PreparedCall,
  { reader, snapshot }: Pick<EffectSessions, 'reader' | 'snapshot'>,
): Promise<void> {
  await begin(reader, { isolation: 'repeatable read', snapshot }, prepared).catch((error: unknown) => {
    throw isSurvivedError(error) && NO_SNAPSHOT.has(error.code) ? lostSession(error) : error;
  });
}

/**
 * Functions that the owner vouches for may write to tables nobody foresaw, with triggers nobody vouches for. Looked up
 * by the reader, which keeps its plans: the writer has not changed the catalogue.
 */
async function refuseUnforeseenTriggers(
  prepared: PreparedCall,
  reader: Client,
  counts: readonly CountRow[],
): Promise<void> {
  if (prepared.analysis.unknownTriggers.length > 0) return;
  const tables = counts.map(({ oid, inserted, updated, deleted }) => ({
    oid,
    operations: [
      ...(inserted === 0 ? [] : (['insert'] as const)),
      ...(updated === 0 ? [] : (['update'] as const)),
      ...(deleted === 0 ? [] : (['delete'] as const)),
    ],
  }));
  const unknown = unknownOf(await readTriggers(reader, tables), prepared.settings.allowedFunctions);
  if (unknown.length > 0) throw notPreviewable(lackingText(unknown));
}
