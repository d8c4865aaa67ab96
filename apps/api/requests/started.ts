import { defaultPayloadConverter } from '@temporalio/common';

import { openEnvelope, type SignedRequest } from '../../../domain/crypto/envelope.ts';
import { isKeyturnError, KeyturnError } from '../../../domain/errors.ts';
import { hasEnded } from '../../../domain/request/run-status.ts';
import { PRIVILEGED_ACTION } from '../../../workflows/messages.ts';
import type { ApiContext } from '../context.ts';
import { askTemporal } from '../temporal.ts';

const READING = { deadlineMs: 5_000, unavailable: 'Temporal is unavailable. Try again.' };

/** A request that Temporal has: what the API signed for it. */
export interface StartedRequest {
  readonly signed: SignedRequest;
  readonly envelope: string;
  /** False once its workflow has ended. Read before the row is looked up again: a workflow writes that first. */
  readonly isOpen: boolean;
}

type Reading = Pick<ApiContext, 'temporal' | 'log'>;

/**
 * What the workflow with this id was started with, or null when there is none. The start event itself is read and its
 * signature checked: everybody who can write to the namespace could start a workflow with this id, or copy a memo.
 * Refuses (`foreign_run`) a workflow that Keyturn did not start.
 */
export async function readStart(
  context: Reading & Pick<ApiContext, 'keys'>,
  id: string,
): Promise<StartedRequest | null> {
  const input = await startInput(context, id);
  if (input === null) return null;
  const envelope = (input as { request?: unknown } | undefined)?.request;
  const signed = await openEnvelope('request', envelope, context.keys.verification).catch(
    (error: unknown) => {
      if (isKeyturnError(error)) return null;
      throw error;
    },
  );
  if (signed?.id !== id || typeof envelope !== 'string') {
    context.log.error({ request: id }, 'a workflow with this id was not started by Keyturn');
    throw new KeyturnError(
      'foreign_run',
      'A workflow that Keyturn did not start has the id of this request. Inform an operator.',
    );
  }
  return { signed, envelope, isOpen: await isOpen(context, id) };
}

async function isOpen(context: Reading, id: string): Promise<boolean> {
  const call = () => context.temporal.workflow.getHandle(id).describe();
  const description = await askTemporal(context, { ...READING, call });
  return description !== null && !hasEnded(description.status.name);
}

/** The first argument of a workflow; undefined when it has none that can be read, null when there is no workflow. */
async function startInput(context: Reading, id: string): Promise<unknown> {
  const { connection, options } = context.temporal.workflow;
  const query = { namespace: options.namespace, execution: { workflowId: id }, maximumPageSize: 1 };
  const call = () => connection.workflowService.getWorkflowExecutionHistory(query);
  const answer = await askTemporal(context, { ...READING, call });
  if (answer === null) return null;
  const started = answer.history?.events?.[0]?.workflowExecutionStartedEventAttributes;
  if (started?.workflowType?.name !== PRIVILEGED_ACTION) return undefined;
  return readPayload(started.input?.payloads?.[0]);
}

type Payload = Parameters<typeof defaultPayloadConverter.fromPayload>[0];

function readPayload(payload: Payload | undefined): unknown {
  if (!payload) return undefined;
  try {
    return defaultPayloadConverter.fromPayload(payload);
  } catch {
    return undefined;
  }
}
