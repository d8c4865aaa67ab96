import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import type { temporal } from '@temporalio/proto';

import type { HistoryReader } from '../../../activities/dependencies.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import { hasEnded } from '../../../domain/request/run-status.ts';
import { envelopeIn } from '../../../workflows/envelope-in.ts';
import { payloadConverter } from '../../../workflows/payload-converter.ts';
import { grpcCode } from '../../../configuration/temporal.ts';

/** Reads from the server what only the server knows: when a signal arrived, and whether a run is open. */
export function createHistoryReader(client: Client, namespace: string): HistoryReader {
  return {
    async signalsReceivedAt(execution, tickets) {
      const received = new Map<string, string>();
      for await (const event of historyOf(client, namespace, execution)) {
        const ticket = ticketOf(event);
        // The first use counts: a second one of the same ticket changes nothing.
        if (ticket === null || !tickets.has(ticket) || received.has(ticket)) continue;
        const at = instantOf(event);
        if (at !== null) received.set(ticket, at);
        if (received.size === tickets.size) break;
      }
      return received;
    },
    async isOpen({ workflowId, runId }) {
      try {
        const { status } = await client.workflow.getHandle(workflowId, runId).describe();
        return !hasEnded(status.name);
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return false;
        if (isAway(error))
          throw new KeyturnError('unavailable', 'Temporal does not answer, or not to this worker.');
        throw error;
      }
    },
  };
}

/**
 * DEADLINE_EXCEEDED, PERMISSION_DENIED, RESOURCE_EXHAUSTED, UNAVAILABLE and UNAUTHENTICATED: nothing that one workflow or
 * its id could be the cause of. Credentials that fail say nothing of any workflow.
 */
const AWAY: ReadonlySet<number> = new Set([4, 7, 8, 14, 16]);

function isAway(error: unknown): boolean {
  const code = grpcCode(error);
  return code !== null && AWAY.has(code);
}

async function* historyOf(
  client: Client,
  namespace: string,
  execution: { workflowId: string; runId: string },
): AsyncGenerator<temporal.api.history.v1.IHistoryEvent> {
  let nextPageToken: Uint8Array = new Uint8Array();
  do {
    const page = await client.workflowService.getWorkflowExecutionHistory({
      namespace,
      execution,
      nextPageToken,
    });
    yield* page.history?.events ?? [];
    nextPageToken = page.nextPageToken;
  } while (nextPageToken.length > 0);
}

function ticketOf(event: temporal.api.history.v1.IHistoryEvent): string | null {
  const signal = event.workflowExecutionSignaledEventAttributes;
  const [payload] = signal?.input?.payloads ?? [];
  return signal?.signalName === 'decide' && payload
    ? envelopeIn(payloadConverter.fromPayload(payload))
    : null;
}

function instantOf(event: temporal.api.history.v1.IHistoryEvent): string | null {
  const { seconds, nanos } = event.eventTime ?? {};
  if (seconds === undefined || seconds === null) return null;
  return new Date(Number(seconds) * 1_000 + Math.floor((nanos ?? 0) / 1_000_000)).toISOString();
}
