import { WorkflowNotFoundError } from '@temporalio/client';
import type { SignalDefinition } from '@temporalio/common';

import { readRequest } from '../../../database/readers.ts';
import { readDecision } from '../../../database/request-list.ts';
import type { DecisionRow } from '../../../database/tables.ts';
import { KeyturnError, statusOf, type ErrorCode } from '../../../domain/errors.ts';
import { isFinal } from '../../../domain/request.ts';
import { decideSignal } from '../../../workflows/messages.ts';
import type { ApiContext } from '../context.ts';
import { askTemporal } from '../temporal.ts';
import { judge, notPending, type DecisionCall } from './judge.ts';
import { signDecision } from './sign.ts';

/**
 * Must stay below the grace that a workflow waits after its expiry (`EXPIRY_GRACE_MS`): a decision issued in time and
 * acknowledged here has then always arrived before the request is closed.
 */
export const SIGNAL_DEADLINE_MS = 1_200;
const RECEIPT_MS = 5_000;

/** What became of a decision: recorded, or durable and not yet counted. */
export type Decided = { readonly id: string; readonly row: DecisionRow | null };

/** Judges, signs and sends a decision, and waits a little for its receipt. Refuses with the worker's code when it was refused. */
export async function decide(context: ApiContext, call: DecisionCall, signal: AbortSignal): Promise<Decided> {
  const judged = await judge(context, call);
  const { channel } = call.caller.principal;
  const { id, envelope } = await signDecision(context, { call, judged }, { channel, ticketExpiresAt: null });
  await sendSignal(context, { request: call.id, signal: decideSignal, envelope });
  const row = await context.feed.waitFor({
    request: call.id,
    timeoutMs: RECEIPT_MS,
    signal,
    check: () => readDecision(context.source.manager, id),
  });
  context.metrics.decisions.inc({ verdict: call.body.verdict, outcome: row?.outcome ?? 'queued' });
  if (row?.outcome === 'refused') throw refusalOf(row);
  return { id, row };
}

function refusalOf(row: DecisionRow): KeyturnError {
  const code = (row.refusal ?? 'internal') as ErrorCode;
  const isKnown = (statusOf(code) as number | undefined) !== undefined;
  return new KeyturnError(
    isKnown ? code : 'internal',
    'The decision was recorded, and refused: it does not count.',
  );
}

/** A signed message for the workflow of a request. */
export interface Message {
  readonly request: string;
  readonly signal: SignalDefinition<[unknown]>;
  readonly envelope: string;
}

/** Sends a message. Once this returns, the message survives anything that happens to this process or the workers. */
export async function sendSignal(context: ApiContext, { request, signal, envelope }: Message): Promise<void> {
  try {
    await askTemporal({
      client: context.temporal,
      log: context.log,
      deadlineMs: SIGNAL_DEADLINE_MS,
      unavailable: 'Temporal did not confirm in time. Send it again: it never counts twice.',
      call: () => context.temporal.workflow.getHandle(request).signal(signal, envelope),
    });
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) throw await workflowOver(context, request);
    throw error;
  }
}

async function workflowOver(context: ApiContext, request: string): Promise<KeyturnError> {
  const row = await readRequest(context.source.manager, request);
  if (row && isFinal(row.status)) return notPending(row);
  return new KeyturnError(
    'request_finished',
    'The workflow of this request has ended: nothing can be decided any more.',
  );
}
