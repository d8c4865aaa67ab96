import { Context } from '@temporalio/activity';

import { KeyturnError } from '../domain/errors.ts';
import type { StepPlace } from './record.ts';

/** The workflow run that this activity was scheduled by, as the server says; never as an argument says. */
export interface Caller {
  readonly workflowId: string;
  readonly runId: string;
  readonly namespace: string;
}

/** Who scheduled this activity. */
export function caller(): Caller {
  const { workflowExecution, workflowNamespace } = Context.current().info;
  const { workflowId, runId } = workflowExecution ?? {};
  if (!workflowId || !runId) throw new KeyturnError('foreign_run', 'This activity runs for workflows only.');
  return { workflowId, runId, namespace: workflowNamespace ?? '' };
}

/** Clocks of hosts differ by this much at most. */
const CLOCK_SKEW_MS = 60_000;

/**
 * The place of a step of the calling run. The request is the one whose id the workflow has. Its time may lie back, after
 * an outage, but not ahead: what is dated into the future would look untouched to the sweeper for ever.
 */
export function placeOf(step: string, at: string): StepPlace {
  const { workflowId, runId, namespace } = caller();
  const now = Date.now();
  const isPlausible = Date.parse(at) <= now + CLOCK_SKEW_MS;
  const time = isPlausible ? at : new Date(now).toISOString();
  return { request: workflowId, run: runId, namespace, step, at: time };
}
