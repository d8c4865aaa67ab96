import { defaultPayloadConverter } from '@temporalio/common';
import { WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError } from '@temporalio/client';

import { sha256 } from '../../../domain/crypto/digest.ts';
import { openEnvelope, type SignedRequest } from '../../../domain/crypto/envelope.ts';
import { isKeyturnError, KeyturnError } from '../../../domain/errors.ts';
import { hasEnded } from '../../../domain/request/run-status.ts';
import {
  PRIVILEGED_ACTION,
  searchAttributes,
  type PrivilegedActionInput,
} from '../../../workflows/messages.ts';
import type { ApiContext } from '../context.ts';
import { askTemporal } from '../temporal.ts';
import type { Explanation } from '../submission/explain.ts';

const START_DEADLINE_MS = 3_000;
const READ_DEADLINE_MS = 5_000;

/** What a workflow is started with. */
export interface Start {
  readonly signed: SignedRequest;
  readonly envelope: string;
  readonly environment: string;
  readonly explanation: Explanation;
}

/** A request that Temporal holds: what the API once signed for it. */
export interface StartedRequest {
  readonly signed: SignedRequest;
  readonly envelope: string;
  /** False once its workflow has ended. Asked before the row is looked for again: a workflow writes that first. */
  readonly isOpen: boolean;
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

/**
 * What the workflow with this id was started with, or null when there is none. The start event itself is read and its
 * signature checked: whoever else can write to the namespace could start a workflow with this id, or copy a memo.
 * Refuses (`foreign_run`) a workflow that Keyturn did not start.
 */
export async function readStart(context: ApiContext, id: string): Promise<StartedRequest | null> {
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
      'The workflow id of this request is taken by a workflow that Keyturn did not start: tell an operator.',
    );
  }
  return { signed, envelope, isOpen: await isOpen(context, id) };
}

async function isOpen(context: ApiContext, id: string): Promise<boolean> {
  try {
    const { status } = await askTemporal({
      client: context.temporal,
      log: context.log,
      deadlineMs: READ_DEADLINE_MS,
      unavailable: 'Temporal cannot be reached now: try again.',
      call: () => context.temporal.workflow.getHandle(id).describe(),
    });
    return !hasEnded(status.name);
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}

/** The first argument of a workflow; undefined when it has none that can be read, null when there is no workflow. */
async function startInput(context: ApiContext, id: string): Promise<unknown> {
  try {
    const events = await firstEvents(context, id);
    const started = events[0]?.workflowExecutionStartedEventAttributes;
    if (started?.workflowType?.name !== PRIVILEGED_ACTION) return undefined;
    return readPayload(started.input?.payloads?.[0]);
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return null;
    throw error;
  }
}

async function firstEvents(context: ApiContext, id: string) {
  const { connection, options } = context.temporal.workflow;
  const execution = { workflowId: id };
  const answer = await askTemporal({
    client: context.temporal,
    log: context.log,
    deadlineMs: READ_DEADLINE_MS,
    unavailable: 'Temporal cannot be reached now: try again.',
    call: () =>
      connection.workflowService.getWorkflowExecutionHistory({
        namespace: options.namespace,
        execution,
        maximumPageSize: 1,
      }),
  });
  return answer.history?.events ?? [];
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
