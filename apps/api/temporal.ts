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

/**
 * The answer of Temporal, or null when there is no such workflow. Every failure of the server or the network becomes
 * `unavailable`, with that text; other errors are left to the caller.
 */
export async function askTemporal<Answer>(
  { temporal, log }: Pick<ApiContext, 'temporal' | 'log'>,
  { deadlineMs, unavailable, call }: { deadlineMs: number; unavailable: string; call: () => Promise<Answer> },
): Promise<Answer | null> {
  try {
    return await temporal.withDeadline(Date.now() + deadlineMs, call);
  } catch (error) {
    const code = grpcCode(error);
    if (error instanceof WorkflowNotFoundError || code === GRPC_NOT_FOUND) return null;
    if (!isService(error)) throw error;
    log.warn({ code }, 'Temporal did not answer');
    throw new KeyturnError('unavailable', unavailable, { retryAfterSeconds: 2 });
  }
}

function isService(error: unknown): boolean {
  return (
    error instanceof ServiceError || error instanceof NamespaceNotFoundError || isGrpcServiceError(error)
  );
}
