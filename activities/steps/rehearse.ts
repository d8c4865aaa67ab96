import { ApplicationFailure } from '@temporalio/activity';

import { beginRehearsal, endRehearsal, type RehearsalEnd } from '../../database/rehearsals.ts';
import { budgetRoot, budgetsFor } from '../../domain/execution/budgets.ts';
import type { Directory } from '../../domain/identity/directory.ts';
import { isKeyturnError } from '../../domain/errors.ts';
import { BY_TEXT } from '../../domain/request/connector-codes.ts';
import type { RequestRow } from '../../database/tables.ts';
import { noteTrouble } from '../../database/target-troubles.ts';
import { ChecksBusy } from '../../domain/execution/fair-pool.ts';
import type { Connector, ConnectorCall, PlanOutcome } from '../connectors/connector.ts';
import { troubleOf } from '../connectors/trouble.ts';
import type { Dependencies } from '../dependencies.ts';
import { TargetTurns } from './target-turns.ts';

/** The type of failure of a plan that the target did not give. Workflows know it by this name. */
const TARGET_UNREACHABLE = 'target_unreachable';

/** Nobody is kept waiting longer before asking again: others may give places back early. */
const WAIT_SECONDS_MAX = 30;

/** What is to be planned, and whether that is done within budgets. */
export interface RehearsedRequest {
  readonly row: RequestRow;
  readonly directory: Directory;
  readonly isBudgeted: boolean;
  /** As it was signed: policy finds out only after the plan whether it offers this. */
  readonly isBreakGlass: boolean;
}

/** Has the connector make a plan. A target that does not answer is thrown, and tried again. */
export async function rehearse(
  dependencies: Dependencies,
  { connector, call }: { readonly connector: Connector; readonly call: ConnectorCall },
  { isBudgeted, ...request }: RehearsedRequest,
): Promise<PlanOutcome> {
  const work = (): Promise<Rehearsed> =>
    connector.plan(call).then(
      (given) => ({ given }),
      (error: unknown) => ({ error }),
    );
  const rehearsed = await (isBudgeted ? inTurn(dependencies, { ...request, root: call.root }, work) : work());
  return 'error' in rehearsed
    ? targetUnreachable(dependencies, request.row, rehearsed.error)
    : rehearsed.given;
}

/** What the connector answered, or what it failed with. */
type Rehearsed = { readonly given: PlanOutcome } | { readonly error: unknown };

/** Distinguished from an outage of our own, which is waited for: a target that stays away ends the request. */
async function targetUnreachable(
  { log, source }: Dependencies,
  { id, target }: RequestRow,
  error: unknown,
): Promise<never> {
  const trouble = troubleOf(error);
  log.warn({ request: id, target, ...trouble }, 'the target gave no plan');
  // No room here is an outage of our own: it is waited for.
  if (error instanceof ChecksBusy) throw ApplicationFailure.retryable(error.message, 'checks_busy');
  await noteTrouble(source.manager, id, trouble);
  throw ApplicationFailure.retryable('The target could not be reached for a plan.', TARGET_UNREACHABLE);
}

const turns = new TargetTurns();

/** Waits before the budget is charged: it pays for the work alone. Break-glass has a line of its own. */
async function inTurn(
  dependencies: Dependencies,
  { root, ...request }: Omit<RehearsedRequest, 'isBudgeted'> & { readonly root: string },
  work: () => Promise<Rehearsed>,
): Promise<Rehearsed> {
  const requester = request.isBreakGlass ? `emergency ${root}` : root;
  const turn = { target: request.row.target, requester };
  return turns
    .run(turn, () => withinBudget(dependencies, request, work))
    .catch((error: unknown) => {
      if (error instanceof ChecksBusy) return { error };
      throw error;
    });
}

/**
 * Tries something out at a target within the budgets of who asks and of the target. Beyond them the request waits: it
 * stays in planning, and the step is tried again when there may be room.
 */
async function withinBudget(
  dependencies: Dependencies,
  { row, directory, isBreakGlass }: Pick<RehearsedRequest, 'row' | 'directory' | 'isBreakGlass'>,
  work: () => Promise<Rehearsed>,
): Promise<Rehearsed> {
  const { source } = dependencies;
  const budgets = budgetsFor(dependencies.budgets, { isBreakGlass });
  const slot = { request: row.id, root: budgetRoot(directory, row.lineage), target: row.target };
  const begun = await beginRehearsal(source.manager, slot, budgets);
  if (begun.id === null) throw overBudget(dependencies, row, begun.seconds);
  let end: RehearsalEnd = 'nothing';
  try {
    const rehearsed = await work();
    end = 'error' in rehearsed ? endOfFailure(rehearsed.error) : endOf(rehearsed.given);
    return rehearsed;
  } finally {
    // A slot that cannot be given back now comes free with its lease.
    await endRehearsal(source.manager, begun.id, end).catch(() => undefined);
  }
}

function endOf(outcome: PlanOutcome): RehearsalEnd {
  if (outcome.kind === 'planned') return 'planned';
  if (outcome.decidedBy === 'locks') return 'locks';
  return outcome.decidedBy === 'set-up' || BY_TEXT.has(outcome.code) ? 'nothing' : 'refused';
}

/** A target that went away in the middle: the statement may have chosen that by what it met. */
function endOfFailure(error: unknown): RehearsalEnd {
  const isEarly = isKeyturnError(error) && error.facts['wasReached'] !== true;
  return isEarly || error instanceof ChecksBusy ? 'nothing' : 'refused';
}

function overBudget({ log }: Dependencies, { id, target }: RequestRow, seconds: number): ApplicationFailure {
  log.info({ request: id, target, seconds }, 'over the budget of rehearsals: the request waits');
  return ApplicationFailure.create({
    message: 'The budget of rehearsals is used up: the request waits.',
    type: 'over_budget',
    nextRetryDelay: `${Math.min(seconds, WAIT_SECONDS_MAX)} seconds`,
  });
}
