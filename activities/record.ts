import type { EntityManager } from 'typeorm';

import { lastLeafOf, type LastLeaf, type LeafDraft } from '../domain/audit/leaf.ts';
import { KeyturnError } from '../domain/errors.ts';
import { assertMove, NOTHING_HAPPENED } from '../domain/request/status.ts';
import { assertStep, type MovingStep } from '../domain/request/steps.ts';
import { nextEntry, type Entry } from '../database/audit-entries.ts';
import { notifyChange } from '../database/changes.ts';
import { isClaimed } from '../database/executions.ts';
import { releaseWindows } from '../database/counted-facts.ts';
import { lockedRequest } from '../database/readers.ts';
import { readBefore, writeStep, type StepKey } from '../database/steps.ts';
import type { RequestRow } from '../database/tables.ts';
import { SYSTEM_ACTOR } from './actors.ts';
import type { Dependencies } from './dependencies.ts';
import { errorClass } from './error-class.ts';

/** The step of a workflow run that is being recorded. The same step is recorded once: a repeat gets the stored result. */
export interface StepReference extends StepKey {
  readonly namespace: string;
  /** The workflow's time of the step, RFC 3339 UTC. */
  readonly at: string;
}

/** What a step may do inside its transaction. */
export interface StepTransaction {
  readonly manager: EntityManager;
  /** Dated by the workflow, but never before the request's last step nor after the database's clock. */
  readonly reference: StepReference;
  /** The database's clock, read after the request was locked: deadlines are held against it. */
  readonly now: Date;
  /** For a step that had to wait for further locks: its time goes on to what the database's clock says by then. */
  goOnTo(now: Date): void;
  /** The request, locked for this transaction. */
  readonly row: RequestRow;
  /** Changes the request, but not its status. */
  update(change: Changed): Promise<void>;
  /**
   * Moves the request to another status. Refuses (`illegal_move`) a request whose status is not among those that the
   * step may start from, and any request that would leave `executing` while a claim on it is open.
   */
  move(step: MovingStep, change: Moved): Promise<void>;
  /** Appends to the request's stream of the audit log. Committed with everything else of the step, or not at all. */
  append(draft: StepLeaf): Promise<void>;
  /** What the step has appended so far: it is written at its end, so no query finds it before. */
  readonly appended: readonly LeafDraft[];
}

/** An entry of a step. What is not named is what the request and the step say; the actor is then the system. */
export type StepLeaf = Pick<LeafDraft, 'type' | 'facts'> & Partial<LeafDraft>;

type Changed = Partial<Omit<RequestRow, 'status'>>;
type Moved = Changed & Pick<RequestRow, 'status'>;

/**
 * Runs one step in one transaction: business rows and audit entries commit together, first write wins, and only the run
 * that the request was received by may write (a reset or a forged start is another run and is refused). A step that
 * changes nothing leaves nothing behind: who can schedule activities chooses names of steps, and must not be able to
 * fix the result of one before its time.
 */
export async function recordStep<Result>(
  dependencies: Pick<Dependencies, 'source' | 'log'>,
  reference: StepReference,
  work: Work<Result>,
): Promise<Result> {
  return inOneTransaction(dependencies, { reference, work, isAnswerKept: false });
}

/** The same for a step whose answer alone must stand from then on. Its name must not be known before. */
export async function recordAnswer<Result>(
  dependencies: Pick<Dependencies, 'source' | 'log'>,
  reference: StepReference,
  work: Work<Result>,
): Promise<Result> {
  return inOneTransaction(dependencies, { reference, work, isAnswerKept: true });
}

/**
 * The same for a step and the one that follows from its result, if any: both are committed, or neither is. Each is
 * recorded by its own name.
 */
export async function recordStepAndNext<Result>(
  dependencies: Pick<Dependencies, 'source' | 'log'>,
  step: RecordableStep<Result>,
  next: (result: Result) => RecordableStep<unknown> | null,
): Promise<Result> {
  return inOneTransaction(dependencies, { ...step, next, isAnswerKept: false });
}

/** A step, and what it does. */
export interface RecordableStep<Result> {
  readonly reference: StepReference;
  readonly work: Work<Result>;
}

interface StepToRun<Result> extends RecordableStep<Result> {
  readonly isAnswerKept: boolean;
  readonly next?: (result: Result) => RecordableStep<unknown> | null;
}

async function inOneTransaction<Result>(
  dependencies: Pick<Dependencies, 'source' | 'log'>,
  { reference, work, isAnswerKept, next }: StepToRun<Result>,
): Promise<Result> {
  let hasChanged = false;
  const result = await dependencies.source.transaction(async (manager) => {
    // In one round trip: each is answered in its turn, so the second sees what the lock was waited for.
    const [locked, before] = await Promise.all([
      lockedRequest(manager, reference.request),
      readBefore(manager, reference),
    ]);
    const row = ownOf(locked, reference);
    if (before.is_recorded) return before.result as Result;
    const step = new Step({ manager, reference, row, last: lastLeafOf(before.leaf), now: before.now });
    const fresh = await work(step);
    hasChanged = step.hasChanged;
    if (hasChanged || isAnswerKept) await step.write(fresh);
    const following = next?.(fresh) ?? null;
    if (following !== null) hasChanged = (await followedBy(step, following)) || hasChanged;
    return fresh;
  });
  if (hasChanged) announceChange(dependencies, reference.request);
  return result;
}

/** True when the following step left anything behind. */
async function followedBy(step: Step, { reference, work }: RecordableStep<unknown>): Promise<boolean> {
  const following = step.followedBy(reference);
  const result = await work(following);
  if (following.hasChanged) await following.write(result);
  return following.hasChanged;
}

type Work<Result> = (transaction: StepTransaction) => Promise<Result>;

/**
 * Notifies listening processes, in a statement of its own after the commit: inside the writing transaction every commit
 * would queue behind a cluster-wide lock. Nobody waits for it: a lost notification is made good by the listeners' slow
 * poll, and the pool does not close before it is sent.
 */
export function announceChange(dependencies: Pick<Dependencies, 'source' | 'log'>, request: string): void {
  notifyChange(dependencies.source.manager, request).catch((error: unknown) =>
    dependencies.log.warn({ err: errorClass(error) }, 'change not announced'),
  );
}

/** A request that was read, when it is that of the calling run: refuses (`not_found`, `foreign_run`) any other. */
export function ownOf(row: RequestRow | null, { run }: Pick<StepReference, 'run'>): RequestRow {
  if (!row) throw new KeyturnError('not_found', 'There is no such request.');
  if (row.run_id !== run) {
    throw new KeyturnError('foreign_run', 'This request belongs to another run of the workflow.');
  }
  return row;
}

interface StepStart {
  readonly manager: EntityManager;
  readonly reference: StepReference;
  /** Locked by the caller, or just inserted. */
  readonly row: RequestRow;
  readonly last: LastLeaf;
  readonly now: Date;
}

/**
 * The transaction of a step. What it changes of the request and what it appends are collected and written at its end,
 * with its result: nothing reads them before.
 */
export class Step implements StepTransaction {
  readonly manager: EntityManager;
  readonly reference: StepReference;
  readonly row: RequestRow;
  #now: Date;
  #last: LastLeaf;
  #lastAt: number;
  #changed: Partial<RequestRow> | null = null;
  readonly #entries: Entry[] = [];
  readonly appended: LeafDraft[] = [];

  constructor({ manager, reference, row, last, now }: StepStart) {
    this.manager = manager;
    this.#now = now;
    this.row = row;
    this.#last = last;
    const lastAt = Date.parse(last.at ?? '');
    // A time that cannot be read, as only somebody writes it who writes around the steps, holds up no later one.
    this.#lastAt = Math.max(row.updated_at.getTime(), Number.isNaN(lastAt) ? 0 : lastAt);
    this.reference = { ...reference, at: this.#dated(reference.at) };
  }

  get now(): Date {
    return this.#now;
  }

  goOnTo(now: Date): void {
    this.#now = now;
  }

  /** The step that goes on from this one, once it is written, in the same transaction. */
  followedBy(reference: StepReference): Step {
    const { manager, row } = this;
    return new Step({ manager, reference, row, last: this.#last, now: this.#now });
  }

  /** True when there is anything to write beside the result. */
  get hasChanged(): boolean {
    return this.#changed !== null || this.#entries.length > 0;
  }

  async update(changed: Changed): Promise<void> {
    this.#change(changed);
  }

  async move(step: MovingStep, changed: Moved): Promise<void> {
    const { manager, row } = this;
    assertStep(step, row.status);
    if (changed.status !== row.status) assertMove(row.status, changed.status);
    if (row.status === 'executing' && changed.status !== 'executing' && (await isClaimed(manager, row.id)))
      throw new KeyturnError('illegal_move', 'The action is being executed: its outcome is not known yet.');
    this.#change(changed);
  }

  async append(leaf: StepLeaf): Promise<void> {
    const { reference, row } = this;
    const draft: LeafDraft = {
      actor: SYSTEM_ACTOR,
      intent_digest: row.intent_digest,
      decision_digest: row.decision_digest,
      policy_digest: null,
      evidence: null,
      parts: {},
      ...leaf,
      at: this.#dated(leaf.at ?? reference.at),
    };
    const { request, run, namespace, step } = reference;
    const id = `${request}/${run}/${step}/${this.#entries.length + 1}`;
    const entry = nextEntry(draft, { request, run, namespace, id: () => id, last: this.#last });
    this.#entries.push(entry);
    this.appended.push(draft);
    this.#last = entry.leaf;
    this.#lastAt = Date.parse(draft.at);
  }

  #change(changed: Partial<RequestRow>): void {
    const { row, reference } = this;
    const next = { ...changed, updated_at: new Date(reference.at), version: String(Number(row.version) + 1) };
    this.#changed = { ...this.#changed, ...next };
    Object.assign(row, next);
  }

  /** Times of a request never run backwards, and are not ahead of the database's clock. */
  #dated(at: string): string {
    const wanted = Date.parse(at);
    const notAhead = Number.isNaN(wanted) ? this.now.getTime() : Math.min(wanted, this.now.getTime());
    return new Date(Math.max(notAhead, this.#lastAt)).toISOString();
  }

  /** Writes everything, and the result under which a repetition of the step finds it. */
  async write(result: unknown): Promise<void> {
    const { manager, reference, row } = this;
    if (this.#changed !== null)
      this.#changed.updated_at = new Date(Math.max(Date.parse(reference.at), this.#lastAt));
    if (this.#changed?.status !== undefined && NOTHING_HAPPENED.includes(row.status))
      await releaseWindows(manager, row.id, row.updated_at);
    await writeStep(manager, reference, { changed: this.#changed, entries: this.#entries, result });
  }
}
