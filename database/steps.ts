import type { EntityManager } from 'typeorm';

import { KeyturnError } from '../domain/errors.ts';
import { entryValues, WRITE_ENTRIES, type Entry } from './audit-entries.ts';
import { queryPrepared } from './prepared.ts';
import { changeOfRequest } from './row-statements.ts';
import { firstRow } from './rows.ts';
import type { RequestRow } from './tables.ts';

/** A step of a run, by what names it. */
export interface StepKey {
  readonly request: string;
  readonly run: string;
  readonly step: string;
}

/** What a step goes on from. */
interface Before {
  readonly now: Date;
  readonly is_recorded: boolean;
  readonly result: unknown;
  /** The newest entry of the request's stream. */
  readonly leaf: string | null;
}

const BEFORE = {
  name: 'step-before',
  text: `
    select clock_timestamp() as now, recorded.step is not null as is_recorded, recorded.result,
           (select leaf from audit.entry where request = $1 and run_id = $2 order by n desc limit 1) as leaf
      from (select) once
      left join keyturn.step recorded on recorded.request = $1 and recorded.run_id = $2 and recorded.step = $3`,
};

/** What a step goes on from, and its result where it is recorded already. */
export async function readBefore(manager: EntityManager, { request, run, step }: StepKey): Promise<Before> {
  const [row] = await queryPrepared<Before>(manager, BEFORE, [request, run, step]);
  if (!row) throw new KeyturnError('unavailable', 'The database does not tell the time.');
  return row;
}

/** The stored result of a step that is already recorded, or undefined. */
export async function recordedStep(
  manager: EntityManager,
  { request, run, step }: StepKey,
): Promise<unknown> {
  const row = await firstRow<{ result: unknown }>(
    manager,
    'select result from keyturn.step where request = $1 and run_id = $2 and step = $3',
    [request, run, step],
  );
  return row?.result;
}

/** What a step leaves behind. */
interface StepRecord {
  /** What it changed of its request; null for nothing. */
  readonly changed: Partial<RequestRow> | null;
  readonly entries: readonly Entry[];
  readonly result: unknown;
}

const STORE = {
  name: 'step-store',
  text: `with ${WRITE_ENTRIES} insert into keyturn.step (request, run_id, step, result) values ($6, $7, $8, $9)`,
};

/** Writes everything that a step leaves behind, in one round trip. */
export async function writeStep(
  manager: EntityManager,
  { request, run, step }: StepKey,
  { changed, entries, result }: StepRecord,
): Promise<void> {
  const update = changed === null ? null : changeOfRequest(request, changed);
  await Promise.all([
    update === null ? null : queryPrepared(manager, { text: update.text }, update.values),
    queryPrepared(manager, STORE, [...entryValues(entries), request, run, step, JSON.stringify(result)]),
  ]);
}
