import { refuseWrongClock } from '../../../database/clock.ts';
import type { KeptMessage } from '../../../database/kept-messages.ts';
import { readRequest } from '../../../database/readers.ts';
import type { RequestRow } from '../../../database/tables.ts';
import { signEnvelope } from '../../../domain/crypto/envelope.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import { isReviewAction } from '../../../domain/policy/policy.ts';
import { askersOf } from '../../../domain/execution/requester.ts';
import { tooLateToWithdraw } from '../../../domain/request/steps.ts';
import type { Caller } from '../auth/caller.ts';
import type { ApiContext } from '../context.ts';
import { callId } from '../http/idempotency.ts';
import { deliver, type Delivery } from './deliver.ts';
import { firstMade, madeBefore, refuseOtherWithdrawal, type KeyedCall } from './keyed-message.ts';
import { auditRefusal } from '../auth/refused-attempt.ts';
import { sealReason } from './sign.ts';
import { isOwn, loadRequest } from '../requests/load.ts';

/** A call to withdraw. */
export interface WithdrawCall extends KeyedCall {
  readonly reason: string | undefined;
  readonly signal: AbortSignal;
}

/**
 * Withdraws a request for somebody behind it. True once that is carried out; false while it is durable and not yet
 * recorded. The same call again answers the outcome of the first.
 */
export async function withdraw(context: ApiContext, call: WithdrawCall): Promise<boolean> {
  const by = call.caller.principal.identity;
  const id = callId('wdr', context.keys.identity, { ...call, by, about: call.id });
  const before = await madeBefore(context, call, id);
  if (before) return withdrawAgain(context, call, before);
  const attempt = { ...call, delivery: 'withdrawal', decided: null } as const;
  const row = await auditRefusal(context, attempt, () => withdrawable(context, call));
  const message = await firstMade(context, call, await signedWithdrawal(context, call, id));
  await refuseOtherWithdrawal(context, message, call.reason);
  const isKept = call.idempotencyKey !== null;
  return send(context, { row, message, signal: call.signal, isKept });
}

async function withdrawAgain(
  context: ApiContext,
  call: WithdrawCall,
  message: KeptMessage,
): Promise<boolean> {
  await refuseOtherWithdrawal(context, message, call.reason);
  const { row } = await loadRequest(context, call.caller, call.id);
  return hasMovedOn(row)
    ? isWithdrawn(row)
    : send(context, { row, message, signal: call.signal, isKept: true });
}

async function send(
  context: Pick<ApiContext, 'source' | 'feed' | 'temporal' | 'log'>,
  delivery: Omit<Delivery<RequestRow>, 'receipt' | 'isRepeat'>,
): Promise<boolean> {
  const { row } = delivery;
  const ended = await deliver(context, {
    ...delivery,
    // Also something else may have ended the request by now.
    isRepeat: true,
    receipt: () =>
      readRequest(context.source.manager, row.id).then((now) => (now && hasMovedOn(now) ? now : null)),
  });
  return ended !== null && isWithdrawn(ended);
}

function isWithdrawn(row: RequestRow): true {
  if (row.status !== 'cancelled') refuseTooLate(row);
  return true;
}

/** The request, when the caller may withdraw it now. */
async function withdrawable(context: ApiContext, call: WithdrawCall): Promise<RequestRow> {
  const { row } = await loadRequest(context, call.caller, call.id);
  await refuseWithdrawal(context, call.caller, row);
  return row;
}

/** Refuses a withdrawal that is not the caller's to make, or comes too late. */
export async function refuseWithdrawal(
  context: Pick<ApiContext, 'source' | 'policies' | 'directories'>,
  caller: Caller,
  row: RequestRow,
): Promise<void> {
  if (!(await isOwn(context, caller, { row: { ...row, lineage: askersOf(row) } }))) {
    throw new KeyturnError('forbidden', 'Only those behind a request can withdraw it.');
  }
  if (isReviewAction(row.action)) {
    throw new KeyturnError('forbidden', 'The review of a break-glass request cannot be withdrawn.');
  }
  refuseTooLate(row);
}

/** True when the request was withdrawn, or it is too late for that. */
function hasMovedOn({ status }: RequestRow): boolean {
  return tooLateToWithdraw(status) !== null;
}

function refuseTooLate({ status, mode }: RequestRow): void {
  const code = tooLateToWithdraw(status);
  if (code === 'request_finished') throw new KeyturnError(code, `The request is over: ${status}.`);
  if (code === null) return;
  const what = mode === 'gate' ? 'Its decision is being given out' : 'It is being executed';
  throw new KeyturnError(code, `${what}: it can no longer be withdrawn.`);
}

async function signedWithdrawal(
  context: Pick<ApiContext, 'source' | 'keys'>,
  { caller, id, reason }: WithdrawCall,
  withdrawalId: string,
): Promise<KeptMessage> {
  await refuseWrongClock(context.source);
  const { issuer, subject } = caller.principal.identity;
  const envelope = await signEnvelope(
    {
      kind: 'withdrawal',
      id: withdrawalId,
      request: id,
      by: { issuer, subject },
      reason: await sealReason(context, withdrawalId, reason),
      issued_at: new Date().toISOString(),
    },
    context.keys.signing,
  );
  return { id: withdrawalId, kind: 'withdraw', envelope };
}
