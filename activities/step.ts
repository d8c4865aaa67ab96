import type { EntityManager } from 'typeorm';

import type { LastLeaf, LeafDraft } from '../domain/audit/leaf.ts';
import { KeyturnError } from '../domain/errors.ts';
import { assertMove, NOTHING_HAPPENED } from '../domain/request/status.ts';
import { assertStep, type MovingStep } from '../domain/request/steps.ts';
import { nextEntry, type Subject } from '../database/audit-entries.ts';
import { isClaimed } from '../database/executions.ts';
import { releaseOfWindows } from '../database/counted-facts.ts';
import { intactPlan, readIntactPlan } from '../database/readers.ts';
import { insertionOnce, type RowStatement } from '../database/row-statements.ts';
import type { StepSnapshot } from '../database/step-snapshot.ts';
import { emptyRecord, recordedStep, writeSteps, type StepKey, type StepRecord } from '../database/steps.ts';
import { planTable, type PlanRow, type RequestRow } from '../database/tables.ts';
import { SYSTEM_ACTOR } from './actors.ts';

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
  /** Keeps what pseudonyms stand for. */
  remember(subjects: readonly Subject[]): void;
  /** Writes to other tables, at the end as well. No two statements change the same row. */
  store(...statements: readonly RowStatement[]): void;
  /** Stores a plan. */
  storePlan(row: PlanRow): void;
  /** A plan of the request; null for none. Throws when it is not the one that its digest names. */
  readPlan(digest: string): Promise<PlanRow | null>;
  /** The stored result of another step of the run, or undefined. */
  resultOf(step: string): Promise<unknown>;
  /** What the step goes by, once that was read: see `stepSnapshot`. */
  snapshot: StepSnapshot | null;
  /** What the step has appended so far: it is written at its end, so no query finds it before. */
  readonly appended: readonly LeafDraft[];
}

/** An entry of a step. What is not named is what the request and the step say; the actor is then the system. */
export type StepLeaf = Pick<LeafDraft, 'type' | 'facts'> & Partial<LeafDraft>;

const SETTLING: ReadonlySet<MovingStep> = new Set(['settle', 'settle_seen', 'resolve']);

type Changed = Partial<Omit<RequestRow, 'status'>>;
type Moved = Changed & Pick<RequestRow, 'status'>;

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
  /** What the step before it in the same transaction leaves behind. */
  readonly record?: StepRecord;
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
  readonly #record: StepRecord;
  #hasChanged = false;
  readonly appended: LeafDraft[] = [];
  snapshot: StepSnapshot | null = null;

  constructor({ manager, reference, row, last, now, record = emptyRecord() }: StepStart) {
    this.manager = manager;
    this.#record = record;
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

  /** The step that goes on from this one in the same transaction, and is written with it. */
  followedBy(reference: StepReference): Step {
    const { manager, row } = this;
    return new Step({ manager, reference, row, last: this.#last, now: this.#now, record: this.#record });
  }

  /** True when it changed the request or appended: then its result is kept as well. */
  get hasChanged(): boolean {
    return this.#hasChanged;
  }

  remember(subjects: readonly Subject[]): void {
    this.#record.subjects.push(...subjects);
  }

  store(...statements: readonly RowStatement[]): void {
    this.#record.statements.push(...statements);
  }

  storePlan(row: PlanRow): void {
    this.store(insertionOnce(planTable, row));
    // As the database gives it back.
    const body = JSON.parse(JSON.stringify(row.body)) as PlanRow['body'];
    this.#record.plan = { ...row, body };
  }

  async readPlan(digest: string): Promise<PlanRow | null> {
    const { plan } = this.#record;
    if (plan?.digest === digest) return intactPlan(plan);
    return readIntactPlan(this.manager, this.row.id, digest);
  }

  async resultOf(step: string): Promise<unknown> {
    const { results } = this.#record;
    return results.get(step) ?? recordedStep(this.manager, { ...this.reference, step });
  }

  async update(changed: Changed): Promise<void> {
    this.#change(changed);
  }

  async move(step: MovingStep, changed: Moved): Promise<void> {
    const { manager, row } = this;
    assertStep(step, row.status);
    if (changed.status !== row.status) assertMove(row.status, changed.status);
    const leaves = row.status === 'executing' && changed.status !== 'executing';
    // What settles a claim has just closed the only one that can be open: see the index `execution_once`.
    if (leaves && !SETTLING.has(step) && (await isClaimed(manager, row.id)))
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
    const id = `${request}/${run}/${step}/${this.appended.length + 1}`;
    const entry = nextEntry(draft, { request, run, namespace, id: () => id, last: this.#last });
    this.#record.entries.push(entry);
    this.appended.push(draft);
    this.#hasChanged = true;
    this.#last = entry.leaf;
    this.#lastAt = Date.parse(draft.at);
  }

  #change(changed: Partial<RequestRow>): void {
    const { row, reference } = this;
    const next = { ...changed, updated_at: new Date(reference.at), version: String(Number(row.version) + 1) };
    this.#record.changed = { ...this.#record.changed, ...next };
    this.#hasChanged = true;
    Object.assign(row, next);
  }

  /** Times of a request never run backwards, and are not ahead of the database's clock. */
  #dated(at: string): string {
    const wanted = Date.parse(at);
    const notAhead = Number.isNaN(wanted) ? this.now.getTime() : Math.min(wanted, this.now.getTime());
    return new Date(Math.max(notAhead, this.#lastAt)).toISOString();
  }

  /** Ends the step with the result under which a repetition finds it. */
  keepResult(result: unknown): void {
    const { reference } = this;
    const { changed, results } = this.#record;
    if (changed !== null) changed.updated_at = new Date(Math.max(Date.parse(reference.at), this.#lastAt));
    results.set(reference.step, result);
  }

  /** Writes everything, also of the steps that go on from this one. */
  async write(): Promise<void> {
    const { row } = this;
    if (this.#record.changed?.status !== undefined && NOTHING_HAPPENED.includes(row.status))
      this.store(releaseOfWindows(row.id, row.updated_at));
    await writeSteps(this.manager, this.reference, this.#record);
  }
}
