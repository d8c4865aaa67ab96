import { randomBytes } from 'node:crypto';

import type { EntityManager } from 'typeorm';

import { leafHash, leafText, type Leaf, type LeafDraft } from '../domain/audit.ts';
import { canonicalJson } from '../domain/canonical-json.ts';
import type { Digest } from '../domain/digest.ts';
import { KeyturnError } from '../domain/errors.ts';
import { assertMove, type RequestStatus } from '../domain/request.ts';
import { releaseWindows } from '../database/policy-facts.ts';
import { lockedRequest } from '../database/readers.ts';
import { requestTable, type RequestRow } from '../database/tables.ts';
import type { Dependencies } from './dependencies.ts';

/** The step of a workflow run that is being recorded. The same step is recorded once: a repeat gets the stored result. */
export interface StepPlace {
  readonly request: string;
  readonly run: string;
  readonly namespace: string;
  readonly step: string;
  /** The workflow's time of the step, RFC 3339 UTC. */
  readonly at: string;
}

/** What a step may do inside its transaction. */
export interface StepTransaction {
  readonly manager: EntityManager;
  readonly place: StepPlace;
  /** The request, locked for this transaction. */
  readonly row: RequestRow;
  /** Changes the request. A change of status is checked against the table of allowed moves. */
  update(change: Partial<RequestRow>): Promise<void>;
  /** Appends to the request's stream of the audit log. Committed with everything else of the step, or not at all. */
  append(draft: LeafDraft): Promise<void>;
}

/** The channel on which processes hear that a request changed. */
const CHANGE_CHANNEL = 'keyturn_change';

/**
 * Runs one step in one transaction: business rows and audit entries commit together, first write wins, and only the run
 * that the request was received by may write (a reset or a forged start is another run and is refused).
 */
export async function recordStep<Result>(
  dependencies: Dependencies,
  place: StepPlace,
  work: (transaction: StepTransaction) => Promise<Result>,
): Promise<Result> {
  const result = await dependencies.source.transaction(async (manager) => {
    const row = await lockRequest(manager, place);
    const stored = await storedResult(manager, place);
    if (stored !== undefined) return stored as Result;
    const fresh = await work(transactionOf(manager, place, row));
    await storeResult(manager, place, fresh);
    return fresh;
  });
  await announceChange(dependencies, place.request);
  return result;
}

/** The stored result of a step that is already recorded, or undefined. */
export async function recordedStep(dependencies: Dependencies, place: StepPlace): Promise<unknown> {
  return storedResult(dependencies.source.manager, place);
}

/**
 * Tells listening processes, in a statement of its own after the commit: inside the writing transaction every commit
 * would queue behind a cluster-wide lock. A lost notification is made good by the listeners' slow poll.
 */
export async function announceChange(dependencies: Dependencies, request: string): Promise<void> {
  await dependencies.source
    .query('select pg_notify($1, $2)', [CHANGE_CHANNEL, request])
    .catch((error: unknown) => dependencies.log.warn({ err: errorName(error) }, 'change not announced'));
}

function errorName(error: unknown): string {
  return error instanceof Error ? error.name : 'unknown';
}

async function lockRequest(manager: EntityManager, place: StepPlace): Promise<RequestRow> {
  const row = await lockedRequest(manager, place.request);
  if (!row) throw new KeyturnError('not_found', 'There is no such request.');
  if (row.run_id !== place.run) {
    throw new KeyturnError('foreign_run', 'This request belongs to another run of the workflow.');
  }
  return row;
}

async function storedResult(manager: EntityManager, place: StepPlace): Promise<unknown> {
  const rows: { result: unknown }[] = await manager.query(
    'select result from keyturn.step where request = $1 and run_id = $2 and step = $3',
    [place.request, place.run, place.step],
  );
  return rows[0]?.result;
}

/** Stores a step's result. Also used by the first step, which creates the row that the others lock. */
export async function storeResult(manager: EntityManager, place: StepPlace, result: unknown): Promise<void> {
  await manager.query('insert into keyturn.step (request, run_id, step, result) values ($1, $2, $3, $4)', [
    place.request,
    place.run,
    place.step,
    JSON.stringify(result),
  ]);
}

/** The transaction of a step, over a row that the caller has locked or just inserted. */
export function transactionOf(manager: EntityManager, place: StepPlace, row: RequestRow): StepTransaction {
  let appended = 0;
  return {
    manager,
    place,
    row,
    update: (change) => updateRequest(manager, { place, row }, change),
    append: (draft) => {
      appended += 1;
      return appendLeaf(manager, { ...place, ordinal: appended }, draft);
    },
  };
}

/** Ends of requests that did nothing: they do not count in windows any more. */
const NOT_PERFORMED: ReadonlySet<RequestStatus> = new Set(['denied', 'expired', 'cancelled', 'failed']);

async function updateRequest(
  manager: EntityManager,
  { place, row }: { place: StepPlace; row: RequestRow },
  change: Partial<RequestRow>,
): Promise<void> {
  if (change.status !== undefined && change.status !== row.status) assertMove(row.status, change.status);
  const next = { ...change, updated_at: new Date(place.at), version: String(Number(row.version) + 1) };
  await manager
    .createQueryBuilder()
    .update(requestTable)
    .set(next as object)
    .where('id = :id', { id: row.id })
    .execute();
  if (change.status !== undefined && NOT_PERFORMED.has(change.status))
    await releaseWindows(manager, row.id, next.updated_at);
  Object.assign(row, next);
}

/** Where a leaf goes: its stream, and its ordinal within the step that writes it. */
export interface LeafDestination {
  readonly request: string;
  readonly run: string;
  readonly namespace: string;
  readonly step: string;
  readonly ordinal: number;
}

/** Appends one entry to a stream. The caller holds the lock that makes it the only writer of the stream. */
export async function appendLeaf(
  manager: EntityManager,
  destination: LeafDestination,
  draft: LeafDraft,
): Promise<void> {
  const { request, run, namespace, step, ordinal } = destination;
  const last = await lastLeaf(manager, request, run);
  const salts = Object.fromEntries(
    Object.keys(draft.parts).map((part) => [part, randomBytes(16).toString('hex')]),
  );
  const id = `${request}/${run}/${step}/${ordinal}`;
  const nonce = randomBytes(16).toString('hex');
  const text = leafText(draft, { id, request, run, namespace, n: last.n + 1, prev: last.hash, nonce, salts });
  await manager.query('insert into audit.entry (leaf) values ($1)', [text]);
  for (const [part, body] of Object.entries(draft.parts)) {
    await manager.query('insert into audit.payload (event_id, part, salt, body) values ($1, $2, $3, $4)', [
      id,
      part,
      salts[part],
      canonicalJson(body),
    ]);
  }
}

async function lastLeaf(
  manager: EntityManager,
  request: string,
  run: string,
): Promise<{ n: number; hash: Digest | null }> {
  const rows: { leaf: string }[] = await manager.query(
    'select leaf from audit.entry where request = $1 and run_id = $2 order by n desc limit 1',
    [request, run],
  );
  const [row] = rows;
  if (!row) return { n: -1, hash: null };
  return { n: (JSON.parse(row.leaf) as Leaf).n, hash: leafHash(row.leaf) };
}
