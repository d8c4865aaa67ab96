import type { Client, QueryResultRow } from 'pg';

import { updatesTakeDefaults } from './bounded-statement.ts';
import { withoutUnseenMoves } from './moved-rows.ts';
import { lackingText, unknownOf, type TriggerRow } from './triggers.ts';
import { COUNTED_BEFORE, observerOf, readCounts, readEffect, type EffectReading } from './effect.ts';
import { stoppingGrowth } from './growth.ts';
import { roleSettingsOf } from './kept-sessions.ts';
import { NEXT_SHARED_MARK, type TableEffect } from './images.ts';
import { newKeysOf, readSequenceHeads, type Making, type MakingTime } from './made-values.ts';
import { notCounting } from './target-safety.ts';
import { notPreviewable } from './refusal.ts';
import type { PreparedCall } from './prepared-call.ts';
import { question } from './questions.ts';
import { refuseTooMany, rowsOfEffects, type Rehearsal } from './rehearsal-bounds.ts';
import { runStatement } from './run-statement.ts';
import { readPositions, type SequenceUse } from './sequence-use.ts';
import {
  allAnswers,
  asStatement,
  begin,
  beginning,
  endTransaction,
  LOOKED,
  lostSession,
  together,
} from './session.ts';
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

/**
 * Runs the statement and reads its effect. The transaction that `startOfRehearsal` began in the writer is rolled back when
 * the session comes back. The reader is idle.
 */
export async function dryRun(
  prepared: PreparedCall,
  { writer, reader, begun }: Pick<EffectSessions, 'writer' | 'reader'> & { readonly begun: BegunWriting },
  { statement, rowsMax, listed, lookInside }: Rehearsed,
): Promise<DryRun> {
  const tables = statement.isRead ? [] : prepared.analysis.tables.map(({ oid }) => oid);
  const { processId, values, ...state } = begun;
  // An earlier try may have failed in it.
  await endTransaction(reader);
  const startedAt = performance.now();
  const run = (): Promise<number> => runStatement({ ...prepared, statement }, writer);
  refuseTooMany(await stoppingGrowth({ processId, reader, tables }, run), rowsMax);
  const sessions = { ...state, writer, reader, countsOnly: new Set<string>() };
  const isWriting = !statement.isRead || prepared.analysis.callsOwnerFunctions;
  const effects = await effectOf(prepared, sessions);
  const positions = isWriting ? await readPositions(prepared, reader, processId) : new Map<string, never>();
  await lookInside?.(sessions, effects);
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
}

interface BegunRow extends QueryResultRow {
  readonly snapshot: string;
  readonly shared_from: string;
  readonly counted_before: string;
  readonly settings: string;
  readonly process_id: number;
  readonly is_counting: boolean;
}

/** Asks how a transaction begins that may write. */
export const BEGUN = question<BegunRow>(`
  select pg_catalog.pg_export_snapshot() as snapshot, ${SESSION_SETTINGS} as settings,
         pg_catalog.current_setting('track_counts')::boolean as is_counting, pg_catalog.pg_backend_pid() as process_id,
         ${COUNTED_BEFORE} as counted_before, ${NEXT_SHARED_MARK} as shared_from`);

/** How a session that is lent starts to rehearse what may write. */
export function startOfRehearsal(prepared: PreparedCall) {
  return {
    beginning: beginning({ isolation: 'repeatable read' }, prepared),
    questions: [BEGUN],
    last: asStatement(prepared.settings),
  } as const;
}

/** What `BEGUN` answered in a session. */
export function begunWriting(writer: Client, [begun]: readonly BegunRow[]): BegunWriting {
  // Of this very session: the settings of its role or database may have changed since others were opened.
  if (begun?.is_counting !== true) throw notCounting();
  return {
    snapshot: begun.snapshot,
    sharedFrom: begun.shared_from,
    countedBefore: begun.counted_before,
    values: valueSettings(begun.settings, roleSettingsOf(writer)),
    processId: begun.process_id,
  };
}

/** Where an effect is read. */
export interface EffectSessions extends Omit<EffectReading, 'settings' | 'limits' | 'analysis'> {
  readonly snapshot: string;
}

/** Reads the open transaction's effect, also in tables that only triggers write. The reader's transaction stays open. */
export async function effectOf(
  prepared: PreparedCall,
  sessions: EffectSessions,
): Promise<readonly TableEffect[]> {
  const [{ counts, time }] = await allAnswers([
    readCounts(sessions, prepared.settings),
    beginReading(prepared, sessions),
  ]);
  const read = await readEffect({ ...prepared, ...sessions }, counts, (triggers) =>
    refuseUnforeseen(prepared, triggers),
  );
  await together(sessions.writer, LOOKED);
  const effects = withoutUnseenMoves(read, prepared.analysis.tables);
  return prepared.analysis.runsOwnerCode
    ? await withMaking(prepared, sessions.writer, { effects, time })
    : effects;
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

/** Where nobody vouches for a trigger of the statement's own tables, no effect is read at all. */
function refuseUnforeseen({ analysis, settings }: PreparedCall, triggers: readonly TriggerRow[]): void {
  if (analysis.unknownTriggers.length > 0) return;
  const unknown = unknownOf(triggers, settings.allowedFunctions);
  if (unknown.length > 0) throw notPreviewable(lackingText(unknown));
}
