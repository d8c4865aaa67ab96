import { Context } from '@temporalio/activity';

import { KeyturnError } from '../domain/errors.ts';
import type { StepReference } from './step.ts';

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

/**
 * Names a step of the calling run. The request is the one whose id the workflow has. Its time is a claim of the
 * workflow: `Step` holds it against the request's last step and the database's clock.
 */
export function stepReference(step: string, at: string): StepReference {
  const { workflowId, runId, namespace } = caller();
  return { request: workflowId, run: runId, namespace, step, at };
}
