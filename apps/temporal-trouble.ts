import { isGrpcServiceError, ServiceError, type Client } from '@temporalio/client';
import { NamespaceNotFoundError } from '@temporalio/common';

/** `NOT_FOUND` of a call that bypasses the library's own workflow client. */
export const GRPC_NOT_FOUND = 5;

/** Asks about the namespace of this client: throws where it does not exist or nobody answers in time. */
export async function askNamespace(client: Client, answerMs: number): Promise<void> {
  const { namespace } = client.options;
  await client.withDeadline(Date.now() + answerMs, () =>
    client.workflowService.describeNamespace({ namespace }),
  );
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
