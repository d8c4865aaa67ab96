import { refuseWrongClock } from '../../../database/clock.ts';
import type { KeptMessage } from '../../../database/kept-messages.ts';
import { readRequest } from '../../../database/readers.ts';
import type { RequestRow } from '../../../database/tables.ts';
import { signEnvelope } from '../../../domain/envelope.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import { isReviewAction } from '../../../domain/policy.ts';
import { askersOf } from '../../../domain/requester.ts';
import { isFinal } from '../../../domain/request.ts';
import type { Caller } from '../auth/caller.ts';
import type { ApiContext } from '../context.ts';
import { deliver } from '../decisions/deliver.ts';
import { auditRefusal } from '../decisions/refused-attempt.ts';
import { freshId, sealReason } from '../decisions/sign.ts';
import { isOwn, loadRequest } from './load.ts';

/** A call to withdraw. */
export interface WithdrawCall {
  readonly caller: Caller;
  readonly id: string;
  readonly reason: string | undefined;
  readonly signal: AbortSignal;
}

/** Withdraws a request for somebody whose it is. `isDone` is false while the withdrawal is durable but not yet recorded. */
export async function withdraw(
  context: ApiContext,
  call: WithdrawCall,
): Promise<{ readonly isDone: boolean; readonly row: RequestRow }> {
  const attempt = { ...call, delivery: 'withdrawal', decided: null } as const;
  const row = await auditRefusal(context, attempt, () => withdrawable(context, call));
  const ended = await deliver(context, {
    message: await signedWithdrawal(context, call),
    row,
    receipt: () =>
      readRequest(context.source.manager, call.id).then((now) => (now && hasMovedOn(now) ? now : null)),
    signal: call.signal,
  });
  if (ended && ended.status !== 'cancelled') refuseTooLate(ended);
  return { isDone: ended !== null, row: ended ?? row };
}

/** The request, when the caller may withdraw it now. */
async function withdrawable(context: ApiContext, call: WithdrawCall): Promise<RequestRow> {
  const row = await loadRequest(context, call.caller, call.id);
  if (!(await isOwn(context, call.caller, { row: { ...row, lineage: askersOf(row) } }))) {
    throw new KeyturnError('forbidden', 'Only those behind a request can withdraw it.');
  }
  if (isReviewAction(row.action)) {
    throw new KeyturnError('forbidden', 'The review of an emergency cannot be withdrawn.');
  }
  refuseTooLate(row);
  return row;
}

/** Cancelled, or something that a withdrawal came too late for. */
function hasMovedOn({ status }: RequestRow): boolean {
  return status === 'executing' || isFinal(status);
}

function refuseTooLate({ status, mode }: RequestRow): void {
  if (status === 'executing' || status === 'active') {
    const what = mode === 'gate' ? 'Its decision is being given out' : 'It is being executed';
    throw new KeyturnError('request_executing', `${what}: it can no longer be withdrawn.`);
  }
  if (isFinal(status)) throw new KeyturnError('request_finished', `The request is over: ${status}.`);
}

async function signedWithdrawal(
  context: ApiContext,
  { caller, id, reason }: WithdrawCall,
): Promise<KeptMessage> {
  await refuseWrongClock(context.source);
  const { issuer, subject } = caller.principal.identity;
  const withdrawalId = freshId('wdr');
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
