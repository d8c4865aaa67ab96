import { randomBytes } from 'node:crypto';

import type { ApprovedCall, Connector, ConnectorCall } from '../../activities/connectors/connector.ts';
import type { JsonValue } from '../../domain/crypto/canonical-json.ts';
import type { Plan, ResourceEffect } from '../../domain/request/plan.ts';
import { inSession, type Clone, type Clones } from './clones.ts';
import { runDirectly, type DirectRun } from './direct-run.ts';
import { differenceOf, differences, type TableDifference } from './difference.ts';
import { unexplained } from './matching.ts';
import { movedOtherwise, takenBetween, unsaid, type Sequences } from './sequence-moves.ts';
import { readSequences, readState, stateIn, type DatabaseState } from './state.ts';
import type { CorpusStatement } from './subject.ts';

/** What came of one statement. */
export type Verdict =
  | { readonly kind: 'true' | 'counts'; readonly isUndone: boolean }
  /** Approved, and rolled back when it was executed. */
  | { readonly kind: 'stopped' }
  | { readonly kind: 'refused'; readonly code: string; readonly detail: string }
  | { readonly kind: 'wrong'; readonly problems: readonly string[] };

/** Where a statement is tried. */
export interface Bench {
  readonly clones: Clones;
  readonly connector: Connector;
  readonly template: Clone;
  /** Where statements are run directly. */
  readonly mirror: Clone;
  /** Clones that are still as the template is. */
  readonly spare: Clone[];
  readonly before: DatabaseState;
  readonly connection: Readonly<Record<string, JsonValue>>;
}

/** The call of a statement at a clone. */
export function callOf(
  bench: Pick<Bench, 'connection'> & { readonly clones: Pick<Clones, 'roles'> },
  clone: Clone,
  statement: string,
): ConnectorCall {
  const { roles } = bench.clones;
  return {
    requestId: 'req_corpus',
    action: 'postgres.execute',
    requester: 'agent@example.test',
    root: 'owner@example.test',
    target: {
      id: 'corpus',
      title: 'The corpus',
      resource_type: 'postgres',
      environment: 'production',
      owners: [],
      connection: {
        url: clone.reference,
        statement_role: roles.statement,
        observer_role: roles.observer,
        ...bench.connection,
      },
    },
    arguments: { statement },
  };
}

/** The same call, approved. */
export function approvedCall(call: ConnectorCall, plan: Plan): ApprovedCall {
  return {
    ...call,
    approvedPlan: plan,
    idempotencyKey: randomBytes(8).toString('hex'),
    beforeCommit: async () => undefined,
  };
}

/** Plans in a clone, runs directly in the mirror, executes and undoes in the clone, and compares all of it. */
export async function tryStatement(bench: Bench, statement: CorpusStatement): Promise<Verdict> {
  const clone = bench.spare.pop() ?? (await bench.clones.copy(bench.template));
  const verdict = await tryInClone(bench, clone, statement);
  if (verdict.kind === 'refused') bench.spare.push(clone);
  else await bench.clones.drop(clone);
  return verdict;
}

/** The same in a database that is `before` and stays: what is executed is kept, what undoes it is rolled back. */
export async function tryInClone(bench: Bench, clone: Clone, statement: CorpusStatement): Promise<Verdict> {
  try {
    return await tryIn(bench, clone, statement);
  } catch (error) {
    return {
      kind: 'wrong',
      problems: [`crashed: ${error instanceof Error ? error.message : String(error)}`],
    };
  }
}

async function tryIn(bench: Bench, clone: Clone, statement: CorpusStatement): Promise<Verdict> {
  const { connector, before } = bench;
  const call = callOf(bench, clone, statement.text);
  const sequences = (): Promise<Sequences> => inSession(clone.adminUrl, readSequences);
  const start = await sequences();
  const outcome = await connector.plan(call);
  const rehearsed = await readState(clone.adminUrl);
  const harm = differences(before, rehearsed);
  if (harm.length > 0) return wrong('the rehearsal changed', harm);
  if (outcome.kind === 'refused') return outcome;
  const { plan } = outcome;
  const gaps = unsaid(plan, takenBetween(start, rehearsed.sequences));
  if (gaps.length > 0) return wrong('the rehearsal', gaps);
  const direct = await runDirectly(bench, statement.text);
  const problems = compareDirect(bench, { plan, direct, statement });
  if (problems.length > 0) return { kind: 'wrong', problems };
  const approved = await sequences();
  const execution = await connector.execute(approvedCall(call, plan));
  const executed = await readState(clone.adminUrl);
  if (execution.kind !== 'succeeded') {
    return wrong('not executed', [
      `${execution.kind}: ${execution.detail}`,
      ...differences(before, executed),
    ]);
  }
  const other = [
    ...unexplained(plan.effects, foreseen(differenceOf(before, executed), plan, statement)),
    ...movedOtherwise(direct.taken, takenBetween(approved, executed.sequences)),
  ];
  if (other.length > 0) return wrong('executed', other);
  if (before.catalogue !== executed.catalogue) return wrong('executed', ['the catalogue changed']);
  return undo(bench, clone, plan);
}

function wrong(what: string, lines: readonly string[]): Verdict {
  return { kind: 'wrong', problems: lines.map((line) => `${what}: ${line}`) };
}

interface Compared {
  readonly plan: Plan;
  readonly direct: DirectRun;
  readonly statement: CorpusStatement;
}

function compareDirect(bench: Bench, { plan, direct, statement }: Compared): readonly string[] {
  const difference = foreseen(differenceOf(bench.before, direct.state), plan, statement);
  const rows = unexplained(plan.effects, difference);
  const catalogue = bench.before.catalogue === direct.state.catalogue ? [] : ['the catalogue changed'];
  const counts = plan.effects
    .filter(({ resource }) => !isUnknown(resource, plan, statement))
    .flatMap((effect) => miscounted(effect, difference.get(effect.resource)));
  return [...rows, ...catalogue, ...counts, ...undeclared(plan, statement.assigned)].map(
    (line) => `direct run: ${line}`,
  );
}

/** Counts are those of rows that went and came. Where nothing but counts is known, they are never too small. */
function miscounted(effect: ResourceEffect, difference: TableDifference | undefined): readonly string[] {
  const { resource, inserted, updated, deleted, is_counts_only: isCountsOnly } = effect;
  const [gone, come] = [difference?.gone.length ?? 0, difference?.come.length ?? 0];
  const isBalanced = come - gone === inserted - deleted;
  const isEnough = isCountsOnly ? updated + deleted >= gone : updated + deleted === gone;
  if (isBalanced && isEnough) return [];
  const counted = `${inserted} inserted, ${updated} updated, ${deleted} deleted`;
  return [`${resource}: ${counted} planned, but ${gone} rows went and ${come} came`];
}

/** Without what unknown triggers wrote, where the plan says that it does not know what they do. */
function foreseen(
  difference: ReadonlyMap<string, TableDifference>,
  plan: Plan,
  statement: CorpusStatement,
): ReadonlyMap<string, TableDifference> {
  return new Map([...difference].filter(([name]) => !isUnknown(name, plan, statement)));
}

function isUnknown(name: string, plan: Plan, { unknown }: CorpusStatement): boolean {
  return unknown.includes(name) && !plan.risk_facts.is_fully_previewed && plan.warnings.length > 0;
}

/** Columns that the plan leaves out though the corpus does not say that they may be. */
export function undeclared(plan: Plan, assigned: readonly string[] | null): readonly string[] {
  if (assigned === null) return [];
  return plan.effects.flatMap(({ resource, assigned_columns: columns }) =>
    columns
      .filter((column) => !assigned.includes(column))
      .map((column) => `${resource}.${column} is left out as assigned at execution`),
  );
}

/** Follows the shown way back as the owner would. */
async function undo(bench: Bench, clone: Clone, plan: Plan): Promise<Verdict> {
  const kind = plan.effects.some((effect) => effect.is_counts_only) ? 'counts' : 'true';
  const { is_possible: isPossible, steps = [] } = plan.reversal;
  if (!isPossible) return { kind, isUndone: false };
  const after = await inSession(clone.adminUrl, async (client) => {
    await client.query('begin');
    for (const text of steps) await client.query(text);
    await client.query('set constraints all immediate');
    return stateIn(client);
  });
  const left = differences(bench.before, after);
  return left.length > 0 ? wrong('the way back leaves', left) : { kind, isUndone: true };
}
