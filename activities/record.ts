import { randomBytes } from 'node:crypto';

import type { EntityManager } from 'typeorm';

import { leafHash, leafText, type Leaf, type LeafDraft } from '../domain/audit.ts';
import { canonicalJson } from '../domain/canonical-json.ts';
import type { Digest } from '../domain/digest.ts';
import { KeyturnError } from '../domain/errors.ts';
import { assertMove, type RequestStatus } from '../domain/request.ts';
import { releaseWindows } from '../database/policy-facts.ts';
import { lockedRequest } from '../database/readers.ts';
import { change } from '../database/row-statements.ts';
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
  dependencies: Pick<Dependencies, 'source' | 'log'>,
  place: StepPlace,
  work: Work<Result>,
): Promise<Result> {
  const result = await inOneTransaction(dependencies, { place, work, isKept: () => true });
  announceChange(dependencies, place.request);
  return result;
}

/** The same for a step that may find nothing to do: then it leaves nothing behind, and a repeat looks again. */
export async function recordLook<Result>(
  dependencies: Dependencies,
  place: StepPlace,
  work: Work<Result>,
): Promise<Result> {
  let hasChanged = false;
  const isKept = (step: Step): boolean => (hasChanged = step.hasChanged);
  const result = await inOneTransaction(dependencies, { place, work, isKept });
  if (hasChanged) announceChange(dependencies, place.request);
  return result;
}

type Work<Result> = (transaction: StepTransaction) => Promise<Result>;

interface StepToRun<Result> {
  readonly place: StepPlace;
  readonly work: Work<Result>;
  readonly isKept: (step: Step) => boolean;
}

async function inOneTransaction<Result>(
  { source }: Pick<Dependencies, 'source'>,
  { place, work, isKept }: StepToRun<Result>,
): Promise<Result> {
  return source.transaction(async (manager) => {
    // In one round trip: each is answered in its turn, so the later two see what the lock was waited for.
    const [row, stored, last] = await Promise.all([
      lockRequest(manager, place),
      storedResult(manager, place),
      lastLeaf(manager, place),
    ]);
    if (stored !== undefined) return stored as Result;
    const step = new Step({ manager, place, row, last });
    const fresh = await work(step);
    if (isKept(step)) await step.write(fresh);
    return fresh;
  });
}

/** The stored result of a step that is already recorded, or undefined. */
export async function recordedStep(dependencies: Dependencies, place: StepPlace): Promise<unknown> {
  return storedResult(dependencies.source.manager, place);
}

/**
 * Tells listening processes, in a statement of its own after the commit: inside the writing transaction every commit
 * would queue behind a cluster-wide lock. Nobody waits for it: a lost notification is made good by the listeners' slow
 * poll, and the pool does not close before it is sent.
 */
export function announceChange(dependencies: Pick<Dependencies, 'source' | 'log'>, request: string): void {
  dependencies.source
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

interface StepStart {
  readonly manager: EntityManager;
  readonly place: StepPlace;
  /** Locked by the caller, or just inserted. */
  readonly row: RequestRow;
  readonly last: LastLeaf;
}

/**
 * The transaction of a step. What it changes of the request and what it appends are collected and written at its end,
 * with its result: nothing reads them before.
 */
export class Step implements StepTransaction {
  readonly manager: EntityManager;
  readonly place: StepPlace;
  readonly row: RequestRow;
  #last: LastLeaf;
  #changed: Partial<RequestRow> | null = null;
  readonly #entries: Entry[] = [];

  constructor({ manager, place, row, last }: StepStart) {
    this.manager = manager;
    this.place = place;
    this.row = row;
    this.#last = last;
  }

  /** True when there is anything to write beside the result. */
  get hasChanged(): boolean {
    return this.#changed !== null || this.#entries.length > 0;
  }

  async update(changed: Partial<RequestRow>): Promise<void> {
    const { row, place } = this;
    if (changed.status !== undefined && changed.status !== row.status) assertMove(row.status, changed.status);
    const next = { ...changed, updated_at: new Date(place.at), version: String(Number(row.version) + 1) };
    this.#changed = { ...this.#changed, ...next };
    Object.assign(row, next);
  }

  async append(draft: LeafDraft): Promise<void> {
    const ordinal = this.#entries.length + 1;
    const entry = entryOf({ ...this.place, ordinal, last: this.#last }, draft);
    this.#entries.push(entry);
    this.#last = entry.leaf;
  }

  /** Writes everything, and the result under which a repetition of the step finds it. */
  async write(result: unknown): Promise<void> {
    const { manager, place, row } = this;
    const update = this.#changed === null ? null : change(requestTable, row.id, this.#changed);
    if (this.#changed?.status !== undefined && NOT_PERFORMED.has(row.status))
      await releaseWindows(manager, row.id, row.updated_at);
    await Promise.all([
      update === null ? null : manager.query(update.text, update.values),
      manager.query(`with ${WRITE_ENTRIES} ${STORE_RESULT}`, [
        ...entryValues(this.#entries),
        place.request,
        place.run,
        place.step,
        JSON.stringify(result),
      ]),
    ]);
  }
}

const STORE_RESULT = 'insert into keyturn.step (request, run_id, step, result) values ($6, $7, $8, $9)';

/** Ends of requests that did nothing: they do not count in windows any more. */
const NOT_PERFORMED: ReadonlySet<RequestStatus> = new Set(['denied', 'expired', 'cancelled', 'failed']);

/** The newest entry of a stream: the next one follows it. */
interface LastLeaf {
  readonly n: number;
  readonly hash: Digest | null;
}

/** What a stream without entries ends with. */
export const NO_LEAF: LastLeaf = { n: -1, hash: null };

/** Where a leaf goes: its stream, and its ordinal within the step that writes it. */
interface LeafDestination {
  readonly request: string;
  readonly run: string;
  readonly namespace: string;
  readonly step: string;
  readonly ordinal: number;
}

interface Entry {
  readonly id: string;
  readonly text: string;
  readonly leaf: LastLeaf;
  readonly parts: readonly { readonly part: string; readonly salt: string; readonly body: string }[];
}

function entryOf(destination: LeafDestination & { readonly last: LastLeaf }, draft: LeafDraft): Entry {
  const { request, run, namespace, step, ordinal, last } = destination;
  const parts = Object.entries(draft.parts).map(([part, body]) => ({
    part,
    salt: randomBytes(16).toString('hex'),
    body: canonicalJson(body),
  }));
  const salts = Object.fromEntries(parts.map(({ part, salt }) => [part, salt]));
  const id = `${request}/${run}/${step}/${ordinal}`;
  const nonce = randomBytes(16).toString('hex');
  const n = last.n + 1;
  const text = leafText(draft, { id, request, run, namespace, n, prev: last.hash, nonce, salts });
  return { id, text, leaf: { n, hash: leafHash(text) }, parts };
}

/** $1 leaves in their order; of the parts: $2 ids of their leaves, $3 names, $4 salts, $5 bodies. */
const WRITE_ENTRIES = `
  entries as (
    insert into audit.entry (leaf)
    select leaf from unnest($1::text[]) with ordinality written(leaf, place) order by place),
  payloads as (
    insert into audit.payload (event_id, part, salt, body)
    select * from unnest($2::text[], $3::text[], $4::text[], $5::text[]))`;

function entryValues(entries: readonly Entry[]): readonly string[][] {
  const parts = entries.flatMap(({ id, parts: own }) => own.map((part) => ({ id, ...part })));
  return [
    entries.map(({ text }) => text),
    parts.map(({ id }) => id),
    parts.map(({ part }) => part),
    parts.map(({ salt }) => salt),
    parts.map(({ body }) => body),
  ];
}

async function lastLeaf(
  manager: EntityManager,
  { request, run }: Pick<StepPlace, 'request' | 'run'>,
): Promise<LastLeaf> {
  const rows: { leaf: string }[] = await manager.query(
    'select leaf from audit.entry where request = $1 and run_id = $2 order by n desc limit 1',
    [request, run],
  );
  const [row] = rows;
  if (!row) return NO_LEAF;
  return { n: (JSON.parse(row.leaf) as Leaf).n, hash: leafHash(row.leaf) };
}
