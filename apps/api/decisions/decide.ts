import type { KeptMessage } from '../../../database/kept-messages.ts';
import { readDecision } from '../../../database/request-list.ts';
import type { DecisionRow } from '../../../database/tables.ts';
import { KeyturnError, type ErrorCode } from '../../../domain/errors.ts';
import { statusOf } from '../../../contract/http-statuses.ts';
import { reviewerOf } from '../auth/caller.ts';
import type { ApiContext } from '../context.ts';
import { callId } from '../http/idempotency.ts';
import { loadRequest } from '../requests/load.ts';
import { deliver, type Delivery } from './deliver.ts';
import { authorize, deferOf, takenBackIn, viewOf, type DecisionCall } from './authorize.ts';
import { firstMade, madeBefore, refuseOtherDecision, type KeyedCall } from './keyed-message.ts';
import { auditRefusal } from '../auth/refused-attempt.ts';
import { signDecision } from './sign.ts';

/** A decision that is recorded, or durable and not yet counted. */
export type Decided = { readonly id: string; readonly row: DecisionRow | null };

/** A decision that may be repeated with its Idempotency-Key. */
export type DecideCall = DecisionCall & KeyedCall;

/**
 * Authorizes, signs and sends a decision, and waits a little for its receipt. Refuses with the worker's code when the worker
 * refused it. The same call again answers the outcome of the first.
 */
export async function decide(context: ApiContext, call: DecideCall, signal: AbortSignal): Promise<Decided> {
  const by = call.caller.principal.identity;
  const id = callId('dec', context.keys.identity, { ...call, by, about: call.id });
  const before = await madeBefore(context, call, id);
  if (before) await refuseOtherDecision(context, before, wantedOf(call));
  const attempt = { ...call, delivery: 'decision', decided: call.body } as const;
  const row = before
    ? await auditRefusal(context, attempt, () => sendAgain(context, { call, message: before, signal }))
    : await auditRefusal(context, attempt, () => send(context, { call, id, signal }));
  context.metrics.decisions.inc({ verdict: call.body.verdict, outcome: row?.outcome ?? 'queued' });
  // The worker has recorded it as refused.
  if (row?.outcome === 'refused') throw refusalOf(row);
  return { id, row };
}

function wantedOf({ body }: DecideCall): Parameters<typeof refuseOtherDecision>[2] {
  const { decision_digest, verdict, reason } = body;
  return { decision_digest, verdict, defer: deferOf(body), reason, ...takenBackIn(body), ...viewOf(body) };
}

interface Sending {
  readonly call: DecideCall;
  readonly signal: AbortSignal;
}

async function send(
  context: ApiContext,
  { call, id, signal }: Sending & { readonly id: string },
): Promise<DecisionRow | null> {
  const authorized = await authorize(context, call);
  const { channel } = call.caller.principal;
  const envelope = await signDecision(
    context,
    { call, authorized },
    { id, channel, ticket_expires_at: null },
  );
  const message = await firstMade(context, call, { id, kind: 'decide', envelope });
  const isRepeat = message.envelope !== envelope;
  if (isRepeat) await refuseOtherDecision(context, message, wantedOf(call));
  const isKept = call.idempotencyKey !== null;
  return delivered(context, { row: authorized.row, message, signal, isKept, isRepeat });
}

/** What was recorded is not authorized again: it may have closed the request itself. */
async function sendAgain(
  context: ApiContext,
  { call, message, signal }: Sending & { readonly message: KeptMessage },
): Promise<DecisionRow | null> {
  reviewerOf(call.caller);
  const { row } = await loadRequest(context, call.caller, call.id);
  return delivered(context, { row, message, signal, isKept: true, isRepeat: true });
}

async function delivered(
  context: Pick<ApiContext, 'source' | 'feed' | 'temporal' | 'log'>,
  delivery: Omit<Delivery<DecisionRow>, 'receipt'>,
): Promise<DecisionRow | null> {
  const receipt = () => readDecision(context.source.manager, delivery.message.id);
  return deliver(context, { ...delivery, receipt });
}

function refusalOf(row: DecisionRow): KeyturnError {
  const code = (row.refusal ?? 'internal') as ErrorCode;
  const isKnown = (statusOf(code) as number | undefined) !== undefined;
  return new KeyturnError(
    isKnown ? code : 'internal',
    'The decision was recorded but refused: it does not count.',
  );
}
