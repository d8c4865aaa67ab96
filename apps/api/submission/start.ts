import { WorkflowExecutionAlreadyStartedError } from '@temporalio/client';

import { sha256 } from '../../../domain/crypto/digest.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import {
  PRIVILEGED_ACTION,
  searchAttributes,
  type PrivilegedActionInput,
} from '../../../workflows/messages.ts';
import type { ApiContext } from '../context.ts';
import { askTemporal } from '../temporal.ts';
import { explain, type Explainable } from './explain.ts';

const START_DEADLINE_MS = 3_000;

/** What a workflow is started with. */
export interface Start extends Omit<Explainable, 'publicUrl'> {
  readonly envelope: string;
}

type Starting = Pick<ApiContext, 'temporal' | 'settings' | 'log'>;

/** Starts the workflow of a request. Answers false when one with this id exists already, whatever its state. */
export async function startWorkflow(context: Starting, start: Start): Promise<boolean> {
  try {
    const handle = await askTemporal(context, {
      deadlineMs: START_DEADLINE_MS,
      unavailable: UNAVAILABLE,
      call: () => context.temporal.workflow.start(PRIVILEGED_ACTION, startOptions(context, start)),
    });
    // What is not there is no workflow: nothing was started.
    if (handle === null) throw new KeyturnError('unavailable', UNAVAILABLE, { retryAfterSeconds: 2 });
    return true;
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return false;
    throw error;
  }
}

const UNAVAILABLE =
  'The request may or may not have been accepted. Repeat it with the same Idempotency-Key: it is never made twice.';

function startOptions({ settings }: Starting, start: Start) {
  const { signed, envelope, target } = start;
  const { asked, summary, details } = explain({ ...start, publicUrl: settings.publicUrl });
  const input: PrivilegedActionInput = { asked, request: envelope };
  return {
    workflowId: signed.id,
    taskQueue: settings.temporal.taskQueue,
    workflowIdReusePolicy: 'REJECT_DUPLICATE' as const,
    workflowIdConflictPolicy: 'FAIL' as const,
    args: [input],
    memo: { intent_digest: signed.intent_digest, envelope_digest: sha256(envelope) },
    staticSummary: summary,
    staticDetails: details,
    typedSearchAttributes: [
      { key: searchAttributes.status, value: 'planning' },
      { key: searchAttributes.action, value: signed.action },
      { key: searchAttributes.environment, value: target.environment },
    ],
  };
}
