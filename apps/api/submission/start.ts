import { WorkflowExecutionAlreadyStartedError } from '@temporalio/client';

import { sha256 } from '../../../domain/crypto/digest.ts';
import type { SignedRequest } from '../../../domain/crypto/envelope.ts';
import {
  PRIVILEGED_ACTION,
  searchAttributes,
  type PrivilegedActionInput,
} from '../../../workflows/messages.ts';
import type { ApiContext } from '../context.ts';
import { askTemporal } from '../temporal.ts';
import type { Explanation } from './explain.ts';

const START_DEADLINE_MS = 3_000;

/** What a workflow is started with. */
export interface Start {
  readonly signed: SignedRequest;
  readonly envelope: string;
  readonly environment: string;
  readonly explanation: Explanation;
}

/** Starts the workflow of a request. Answers false when one with this id exists already, whatever its state. */
export async function startWorkflow(context: ApiContext, start: Start): Promise<boolean> {
  try {
    await askTemporal({
      client: context.temporal,
      log: context.log,
      deadlineMs: START_DEADLINE_MS,
      unavailable:
        'The request may or may not have been taken: repeat it with the same Idempotency-Key, it is never made twice.',
      call: () => context.temporal.workflow.start(PRIVILEGED_ACTION, startOptions(context, start)),
    });
    return true;
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return false;
    throw error;
  }
}

function startOptions(context: ApiContext, { signed, envelope, environment, explanation }: Start) {
  const input: PrivilegedActionInput = { asked: explanation.asked, request: envelope };
  return {
    workflowId: signed.id,
    taskQueue: context.settings.temporal.taskQueue,
    workflowIdReusePolicy: 'REJECT_DUPLICATE' as const,
    workflowIdConflictPolicy: 'FAIL' as const,
    args: [input],
    memo: { intent_digest: signed.intent_digest, envelope_digest: sha256(envelope) },
    staticSummary: explanation.summary,
    staticDetails: explanation.details,
    typedSearchAttributes: [
      { key: searchAttributes.status, value: 'planning' },
      { key: searchAttributes.action, value: signed.action },
      { key: searchAttributes.environment, value: environment },
    ],
  };
}
