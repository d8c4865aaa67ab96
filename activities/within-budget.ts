import { ApplicationFailure } from '@temporalio/activity';

import { beginRehearsal, endRehearsal } from '../database/rehearsals.ts';
import { budgetRoot } from '../domain/budgets.ts';
import type { Directory } from '../domain/directory.ts';
import type { RequestRow } from '../database/tables.ts';
import type { PlanOutcome } from './connectors/connector.ts';
import type { Dependencies } from './dependencies.ts';

/** Refusals that a request's text alone gives: nothing was tried out, and they tell nothing about the target's data. */
const BY_TEXT: ReadonlySet<string> = new Set([
  'not_one_statement',
  'statement_kind',
  'function_not_allowed',
  'checks_busy',
]);

/** Nobody is kept waiting longer before asking again: others may give places back early. */
const WAIT_SECONDS_MAX = 30;

/**
 * Tries something out at a target within the budgets of who asks and of the target. Beyond them the request waits: it
 * stays in planning, and the step is tried again when there may be room.
 */
export async function withinBudget(
  dependencies: Dependencies,
  { row, directory }: { readonly row: RequestRow; readonly directory: Directory },
  work: () => Promise<PlanOutcome>,
): Promise<PlanOutcome> {
  const { source, budgets } = dependencies;
  const place = { request: row.id, root: budgetRoot(directory, row.lineage), target: row.target };
  const seconds = await beginRehearsal(source.manager, place, budgets);
  if (seconds > 0) throw overBudget(dependencies, row, seconds);
  let isRefused = false;
  try {
    const outcome = await work();
    isRefused = outcome.kind === 'refused' && !BY_TEXT.has(outcome.code);
    return outcome;
  } finally {
    // A place that cannot be given back now comes free with its lease.
    await endRehearsal(source.manager, row.id, isRefused).catch(() => undefined);
  }
}

function overBudget({ log }: Dependencies, { id, target }: RequestRow, seconds: number): ApplicationFailure {
  log.info({ request: id, target, seconds }, 'over the budget of rehearsals: the request waits');
  return ApplicationFailure.create({
    message: 'The budget of rehearsals is used up: the request waits.',
    type: 'over_budget',
    nextRetryDelay: `${Math.min(seconds, WAIT_SECONDS_MAX)} seconds`,
  });
}
