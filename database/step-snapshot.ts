import type { EntityManager } from 'typeorm';

import { KeyturnError } from '../domain/errors.ts';
import type { KillSwitch } from '../domain/execution/kill-switch.ts';
import type { Directory } from '../domain/identity/directory.ts';
import type { DirectoryReader } from './directory-reader.ts';
import type { KeptMessage } from './kept-messages.ts';
import { SWITCHES_ON, switchesFrom } from './kill-switches.ts';
import { queryPrepared } from './prepared.ts';
import type { ActivePolicy, PolicyReader } from './readers.ts';
import type { StepKey } from './steps.ts';
import { requestTable, type DecisionRow, type RequestRow } from './tables.ts';

/** What a step goes by, all of one moment. */
export interface StepSnapshot {
  /** The active policy; null before the first one is installed. See `policyOf`. */
  readonly policy: Omit<ActivePolicy, 'policy'> | null;
  /** The last change of the directory of now, and of that of the request's creation. See `directoriesOf`. */
  readonly generations: { readonly now: string; readonly at_creation: string };
  readonly createdAt: Date;
  /** The kill switches that are on. */
  readonly switches: readonly KillSwitch[];
  /** What was acknowledged for the request and not consumed, in the order of acknowledgement. */
  readonly kept: readonly KeptMessage[];
  /** All decisions of the request, all rounds, in the order of recording. */
  readonly decisions: readonly DecisionRow[];
  /** The number of the request's newest claim; 0 without any. */
  readonly lastAttempt: number;
  /** The database's clock. */
  readonly now: Date;
}

/** As JSON, so instants are text. */
type DecisionJson = Omit<DecisionRow, 'at' | 'defer_until' | 'recorded_at'> & {
  readonly at: string;
  readonly defer_until: string | null;
  readonly recorded_at: string;
};

interface SnapshotRow {
  readonly now: Date;
  readonly policy_generation: string | null;
  readonly policy_digest: string | null;
  readonly directory_generation: string | null;
  readonly creation_generation: string | null;
  readonly created_at: Date;
  readonly switches: Parameters<typeof switchesFrom>[0];
  readonly kept: readonly KeptMessage[];
  readonly decisions: readonly DecisionJson[];
  readonly last_attempt: number | null;
}

const SEEN = `
  clock_timestamp() as now, active.generation as policy_generation, active.digest as policy_digest,
  (select generation from keyturn.directory_state) as directory_generation,
  (select generation from keyturn.directory_change change where change.at <= date_trunc('milliseconds', held.created_at)
    order by change.at desc limit 1) as creation_generation,
  ${SWITCHES_ON} as switches,
  (select coalesce(json_agg(json_build_object('id', id, 'kind', kind, 'envelope', envelope) order by kept_at, id), '[]')
     from keyturn.kept_message where request = held.id and consumed_at is null) as kept,
  (select coalesce(json_agg(given order by recorded_at, id), '[]')
     from keyturn.decision given where request = held.id) as decisions,
  (select max(attempt) from keyturn.execution claim where claim.request = held.id) as last_attempt`;

const FROM = 'from keyturn.request held left join keyturn.policy_active active on true';

const SNAPSHOT = {
  name: 'step-snapshot',
  text: `select held.created_at, ${SEEN} ${FROM} where held.id = $1`,
};

/** Reads what a step goes by, in one statement. */
export async function readSnapshot(manager: EntityManager, request: string): Promise<StepSnapshot> {
  const [row] = await queryPrepared<SnapshotRow>(manager, SNAPSHOT, [request]);
  if (!row) throw new KeyturnError('not_found', 'There is no such request.');
  return snapshotOf(row);
}

const OVERVIEW = {
  name: 'step-overview',
  text: `
    select ${requestTable.columns.map((column) => `held.${column}`).join(', ')},
           recorded.step is not null as is_recorded, recorded.result as step_result, ${SEEN}
    ${FROM} left join keyturn.step recorded on recorded.request = $1 and recorded.run_id = $2 and recorded.step = $3
    where held.id = $1`,
};

/** A request, with what a step of it would go by. */
export interface Overview {
  readonly row: RequestRow;
  /** The stored result of the step where it is recorded already. */
  readonly recorded: { readonly result: unknown } | null;
  readonly snapshot: StepSnapshot;
}

/** Reads a request and what its step would go by, in one statement. */
export async function readOverview(
  manager: EntityManager,
  { request, run, step }: StepKey,
): Promise<Overview> {
  type Row = RequestRow & SnapshotRow & { readonly is_recorded: boolean; readonly step_result: unknown };
  const [row] = await queryPrepared<Row>(manager, OVERVIEW, [request, run, step]);
  if (!row) throw new KeyturnError('not_found', 'There is no such request.');
  return {
    row: Object.fromEntries(
      requestTable.columns.map((column) => [column, row[column]]),
    ) as unknown as RequestRow,
    recorded: row.is_recorded ? { result: row.step_result } : null,
    snapshot: snapshotOf(row),
  };
}

function snapshotOf({
  policy_generation: generation,
  policy_digest: digest,
  ...row
}: SnapshotRow): StepSnapshot {
  return {
    policy: digest === null || generation === null ? null : { generation, digest },
    generations: { now: row.directory_generation ?? '0', at_creation: row.creation_generation ?? '0' },
    createdAt: row.created_at,
    switches: switchesFrom(row.switches),
    kept: row.kept,
    decisions: row.decisions.map(decisionFrom),
    lastAttempt: row.last_attempt ?? 0,
    now: row.now,
  };
}

/** The active policy of a snapshot. Read only where it is needed: what ends a request must not fail because of it. */
export async function policyOf(
  policies: PolicyReader,
  manager: EntityManager,
  { policy }: StepSnapshot,
): Promise<ActivePolicy | null> {
  return policy && { ...policy, policy: await policies.byDigest(manager, policy.digest) };
}

/** The directory of now, and that of the request's creation. */
export async function directoriesOf(
  directories: DirectoryReader,
  manager: EntityManager,
  { generations, now, createdAt }: StepSnapshot,
): Promise<{ readonly now: Directory; readonly at_creation: Directory }> {
  const [today, creation] = await Promise.all([
    directories.ofGeneration(manager, generations.now, now),
    directories.ofGeneration(manager, generations.at_creation, createdAt),
  ]);
  return { now: today.directory, at_creation: creation.directory };
}

function decisionFrom({ at, defer_until, recorded_at, ...row }: DecisionJson): DecisionRow {
  return {
    ...row,
    at: new Date(at),
    defer_until: defer_until === null ? null : new Date(defer_until),
    recorded_at: new Date(recorded_at),
  };
}
