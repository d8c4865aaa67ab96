import { isGrpcServiceError, ServiceError, type Client } from '@temporalio/client';
import { NamespaceNotFoundError } from '@temporalio/common';
import { loadClientConnectConfig, type ClientConnectConfig } from '@temporalio/envconfig';

import { withoutEmpty } from './environment.ts';

const ANSWER_MS = 10_000;

/** `NOT_FOUND` of a call that bypasses the library's own workflow client. */
export const GRPC_NOT_FOUND = 5;

/**
 * How Temporal is reached: TLS, API key and metadata by the variables that Temporal's own tools know. No file of those
 * tools is read: what a process does is said by its environment alone.
 */
export function temporalConnection(environment: NodeJS.ProcessEnv): ClientConnectConfig['connectionOptions'] {
  return loadClientConnectConfig({ disableFile: true, overrideEnvVars: withoutEmpty(environment) })
    .connectionOptions;
}

/** Asks about the namespace of this client: throws where it does not exist or nobody answers in time. */
export async function askNamespace(client: Client, answerMs: number): Promise<void> {
  const { namespace } = client.options;
  await client.withDeadline(Date.now() + answerMs, () =>
    client.workflowService.describeNamespace({ namespace }),
  );
}

/** Refuses to go on without the namespace, by the variable that names it: the SDK would quote the server's bytes. */
export async function refuseMissingNamespace(client: Client): Promise<void> {
  try {
    await askNamespace(client, ANSWER_MS);
  } catch (error) {
    throw new Error(temporalTrouble(error), { cause: error });
  }
}

/** Why Temporal cannot be used, by the variable that says where it is. */
export function temporalTrouble(error: unknown): string {
  const code = grpcCode(error);
  if (error instanceof NamespaceNotFoundError || code === GRPC_NOT_FOUND)
    return 'TEMPORAL_NAMESPACE: there is no such namespace. Make it with compose/temporal/namespace.sh.';
  return `TEMPORAL_ADDRESS: it does not answer, or not to this process${code === null ? '' : ` (gRPC status ${code})`}.`;
}

/** The status of a call to Temporal, or null where the error is of another kind. Of a worker's connection it is not wrapped. */
export function grpcCode(error: unknown): number | null {
  if (isGrpcServiceError(error)) return error.code;
  return error instanceof ServiceError && error.cause !== undefined ? grpcCode(error.cause) : null;
}
