import type { EntityManager } from 'typeorm';

import { KeyturnError } from '../domain/errors.ts';
import { insertionOfEntries, insertionOfSubjects, type Entry, type Subject } from './audit-entries.ts';
import { queryPrepared } from './prepared.ts';
import { changeOfRequest, combined, type RowStatement } from './row-statements.ts';
import { firstRow } from './rows.ts';
import type { PlanRow, RequestRow } from './tables.ts';

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

/** What the steps of one transaction leave behind. */
export interface StepRecord {
  /** What they changed of their request; null for nothing. */
  changed: Partial<RequestRow> | null;
  readonly entries: Entry[];
  readonly subjects: Subject[];
  /** Rows of other tables. */
  readonly statements: RowStatement[];
  /** The plan among them. */
  plan: PlanRow | null;
  /** Their results, by the names under which a repetition finds them. */
  readonly results: Map<string, unknown>;
}

/** Nothing yet. */
export function emptyRecord(): StepRecord {
  return { changed: null, entries: [], subjects: [], statements: [], plan: null, results: new Map() };
}

/** Writes everything that steps leave behind, in one statement. */
export async function writeSteps(
  manager: EntityManager,
  { request, run }: Omit<StepKey, 'step'>,
  { changed, entries, subjects, statements, results }: StepRecord,
): Promise<void> {
  const all = [
    ...statements,
    ...(changed === null ? [] : [changeOfRequest(request, changed)]),
    ...(subjects.length === 0 ? [] : [insertionOfSubjects(subjects)]),
    ...(entries.length === 0 ? [] : insertionOfEntries(entries)),
    ...(results.size === 0 ? [] : [insertionOfResults({ request, run }, results)]),
  ];
  if (all.length === 0) return;
  const { text, values } = combined(all);
  const name = nameOf(text);
  await queryPrepared(manager, name === null ? { text } : { name, text }, values);
}

function insertionOfResults(
  { request, run }: Omit<StepKey, 'step'>,
  results: StepRecord['results'],
): RowStatement {
  return {
    text: `insert into keyturn.step (request, run_id, step, result)
      select $1::text, $2::text, step, result::jsonb from unnest($3::text[], $4::text[]) as recorded (step, result)`,
    values: [
      request,
      run,
      [...results.keys()],
      [...results.values()].map((result) => JSON.stringify(result)),
    ],
  };
}

/** Steps leave a few dozen shapes behind. More are those of batches, which come once. */
const NAMES_MAX = 100;

const names = new Map<string, string>();

/** The name under which this statement is prepared; null for one that is not. */
function nameOf(text: string): string | null {
  const known = names.get(text);
  if (known !== undefined) return known;
  if (names.size >= NAMES_MAX) return null;
  const name = `steps-${names.size}`;
  names.set(text, name);
  return name;
}
