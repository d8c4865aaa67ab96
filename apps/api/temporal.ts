import {
  Client,
  Connection,
  isGrpcServiceError,
  ServiceError,
  WorkflowNotFoundError,
} from '@temporalio/client';
import { NamespaceNotFoundError } from '@temporalio/common';

import type { ApiConfiguration } from '../../configuration/programs.ts';
import { GRPC_NOT_FOUND, grpcCode } from '../../configuration/temporal.ts';
import { KeyturnError } from '../../domain/errors.ts';
import type { ApiContext } from './context.ts';

/** A client that connects when it is first used and again after every loss. */
export function createTemporal({ temporal }: ApiConfiguration): Client {
  const connection = Connection.lazy({
    ...temporal.connection,
    address: temporal.address,
    // The library's own pauses between attempts grow to two minutes: far longer than a restart of the server takes.
    channelArgs: { 'grpc.initial_reconnect_backoff_ms': 200, 'grpc.max_reconnect_backoff_ms': 2_000 },
  });
  return new Client({ connection, namespace: temporal.namespace, identity: 'keyturn-api' });
}

/** One call to Temporal that has to be over in time. */
export interface TemporalCall<Answer> {
  readonly deadlineMs: number;
  /** The refusal when there is no answer in time. */
  readonly unavailable: string;
  readonly call: () => Promise<Answer>;
}

/**
 * The answer of Temporal. Whatever is wrong with the server or the way to it becomes `unavailable`; that a workflow exists
 * already, or does not, is left to the caller.
 */
export async function askTemporal<Answer>(
  { temporal, log }: Pick<ApiContext, 'temporal' | 'log'>,
  ask: TemporalCall<Answer>,
): Promise<Answer> {
  try {
    return await temporal.withDeadline(Date.now() + ask.deadlineMs, ask.call);
  } catch (error) {
    if (!isService(error)) throw error;
    const code = grpcCode(error);
    if (code === GRPC_NOT_FOUND) throw new WorkflowNotFoundError('There is no such workflow.', '', undefined);
    log.warn({ code }, 'Temporal did not answer');
    throw new KeyturnError('unavailable', ask.unavailable, { retryAfterSeconds: 2 });
  }
}

function isService(error: unknown): boolean {
  return (
    error instanceof ServiceError || error instanceof NamespaceNotFoundError || isGrpcServiceError(error)
  );
}
