import type { Client } from 'pg';

import type { ConnectorCall } from '../connector.ts';
import { readTriggers, unknownOf, type Analysis } from './analysis.ts';
import { readEffect, type TableEffect } from './effect.ts';
import { StatementRefused } from './refusal.ts';
import { runStatement } from './run-statement.ts';
import { begin, closeSession, openSession, rowsOf, type SessionRequest } from './session.ts';
import type { Statement } from './statement.ts';

/** A statement that was read and analysed, and the call it belongs to. */
export interface PreparedCall extends SessionRequest {
  readonly call: ConnectorCall;
  readonly statement: Statement;
  readonly analysis: Analysis;
}

/** What one dry run saw. */
export interface DryRun {
  readonly effects: readonly TableEffect[];
  readonly locksHeldMs: number;
}

/** Runs the statement, reads its effect, and rolls everything back. `reader` is idle and reused. */
export async function dryRun(prepared: PreparedCall, reader: Client): Promise<DryRun> {
  const writer = await openSession(prepared);
  try {
    await begin(writer, { isolation: 'repeatable read' }, prepared);
    const snapshot = await exportSnapshot(writer);
    const startedAt = performance.now();
    await runPrepared(prepared, writer);
    const effects = await effectOf(prepared, { writer, reader, snapshot, countsOnly: new Set() });
    await writer.query('rollback');
    return { effects, locksHeldMs: Math.ceil(performance.now() - startedAt) };
  } finally {
    // Ends the transaction also when something above failed.
    await closeSession(writer);
  }
}

/** Runs a prepared statement inside the writer's transaction. */
export function runPrepared(prepared: PreparedCall, client: Client): Promise<number> {
  const isPureRead = prepared.statement.isRead && !prepared.analysis.callsOwnerFunctions;
  return runStatement({ ...prepared, client, isPureRead });
}

/** The name of a snapshot of the state before the writer's own work. */
export async function exportSnapshot(writer: Client): Promise<string> {
  const [row] = await rowsOf<{ name: string }>(writer, 'select pg_catalog.pg_export_snapshot() as name');
  return row?.name ?? '';
}

/** Where an effect is read. */
export interface EffectPlace {
  readonly writer: Client;
  readonly reader: Client;
  readonly snapshot: string;
  readonly countsOnly: ReadonlySet<string>;
}

/** Reads the open transaction's effect, also in tables that only triggers write. */
export async function effectOf(prepared: PreparedCall, place: EffectPlace): Promise<readonly TableEffect[]> {
  await begin(place.reader, { isolation: 'repeatable read', snapshot: place.snapshot }, prepared);
  try {
    const effects = await readEffect({ ...prepared, ...place });
    await refuseUnforeseenTriggers(prepared, place.writer, effects);
    return effects;
  } finally {
    await place.reader.query('rollback');
  }
}

/** Functions that the owner vouches for may write to tables nobody foresaw, with triggers nobody vouches for. */
async function refuseUnforeseenTriggers(
  prepared: PreparedCall,
  writer: Client,
  effects: readonly TableEffect[],
): Promise<void> {
  if (prepared.analysis.unknownTriggers.length > 0) return;
  const tables = effects.map(({ oid, inserted, updated, deleted }) => ({
    oid,
    operations: [
      ...(inserted > 0 ? (['insert'] as const) : []),
      ...(updated > 0 ? (['update'] as const) : []),
      ...(deleted > 0 ? (['delete'] as const) : []),
    ],
  }));
  const unknown = unknownOf(await readTriggers(writer, tables), prepared.settings.allowedFunctions);
  if (unknown.length === 0) return;
  const names = unknown.map(({ name }) => name).join(', ');
  throw new StatementRefused(
    'not_previewable',
    `The target's list of functions lacks ${names}, which a trigger calls.`,
  );
}
