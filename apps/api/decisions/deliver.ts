import { keepMessage, type KeptMessage } from '../../../database/kept-messages.ts';
import { readRequest } from '../../../database/readers.ts';
import type { RequestRow } from '../../../database/tables.ts';
import { isKeyturnError, KeyturnError } from '../../../domain/errors.ts';
import { isFinal } from '../../../domain/request/status.ts';
import { decideSignal, withdrawSignal } from '../../../workflows/messages.ts';
import type { ApiContext } from '../context.ts';
import { grpcCode } from '../../../configuration/temporal.ts';
import { askTemporal } from '../temporal.ts';
import { notPending } from './authorize.ts';

/**
 * Must stay below the grace that a workflow waits after its expiry (`EXPIRY_GRACE_MS`): a decision issued in time and
 * acknowledged here has then always arrived before the request is closed.
 */
export const SIGNAL_DEADLINE_MS = 1_200;
const RECEIPT_MS = 5_000;

/** A signed message on its way, and how it is known to be recorded. */
export interface Delivery<Receipt> {
  readonly message: KeptMessage;
  readonly row: RequestRow;
  readonly receipt: () => Promise<Receipt | null>;
  readonly signal: AbortSignal;
  /** It is stored in the database already: while Temporal is unavailable, a worker finds it there. */
  readonly isKept: boolean;
  /** The receipt may be there already: it is looked for before anything is sent. */
  readonly isRepeat: boolean;
}

/**
 * Sends a signed message and waits a little for its receipt. Null when there is none in time: then it is stored in the
 * database, where a worker finds it even if the workflow is lost. Once this returns, no failure of this process, the
 * workers or the workflow loses the message.
 */
export async function deliver<Receipt>(
  context: Pick<ApiContext, 'source' | 'feed' | 'temporal' | 'log'>,
  delivery: Delivery<Receipt>,
): Promise<Receipt | null> {
  let isTaken = false;
  const send = async (): Promise<Receipt | null> => {
    const known = delivery.isRepeat ? await delivery.receipt() : null;
    if (known !== null) return known;
    isTaken = await sendSignal(context, delivery).catch((error: unknown) => {
      if (delivery.isKept && isKeyturnError(error) && error.code === 'unavailable') return false;
      throw error;
    });
    if (!isTaken) await keep(context, delivery);
    return null;
  };
  const receipt = await context.feed.waitFor({
    request: delivery.row.id,
    timeoutMs: RECEIPT_MS,
    signal: delivery.signal,
    begin: send,
    check: delivery.receipt,
  });
  if (receipt === null && isTaken) await keep(context, delivery);
  return receipt;
}

async function keep<Receipt>(
  context: Pick<ApiContext, 'source' | 'log'>,
  { message, row }: Delivery<Receipt>,
): Promise<void> {
  if (!(await keepMessage(context.source.manager, row.id, message))) throw tooMuchWaits(context, row.id);
}

/** The refusal of a message beyond the number that is stored for a request. */
export function tooMuchWaits({ log }: Pick<ApiContext, 'log'>, request: string): KeyturnError {
  log.error({ request }, 'too many messages wait for this request');
  return new KeyturnError('unavailable', 'Too many messages are queued for this request. Try again later.', {
    retryAfterSeconds: 10,
  });
}

/** False when the workflow accepts no more signals though its request is not over: it is gone, or had too many. */
async function sendSignal<Receipt>(
  context: Pick<ApiContext, 'source' | 'temporal' | 'log'>,
  { message, row }: Delivery<Receipt>,
): Promise<boolean> {
  const { kind, envelope } = message;
  // To exactly the run of the request: a workflow that somebody else started under its id must not get the message.
  const handle = context.temporal.workflow.getHandle(row.id, row.run_id || undefined);
  const isTaken = await askTemporal(context, {
    deadlineMs: SIGNAL_DEADLINE_MS,
    unavailable: 'Temporal did not confirm in time. Send the call again: it never counts twice.',
    call: () =>
      handle.signal(kind === 'decide' ? decideSignal : withdrawSignal, envelope).then(
        () => true,
        (error: unknown) => {
          if (isRefused(error)) return false;
          throw error;
        },
      ),
  });
  if (isTaken !== null) return isTaken;
  const now = await readRequest(context.source.manager, row.id);
  if (now && isFinal(now.status)) throw notPending(now);
  return false;
}

/** INVALID_ARGUMENT and FAILED_PRECONDITION: repeating does not help. Servers answer so after too many signals. */
const REFUSED: ReadonlySet<number> = new Set([3, 9]);

function isRefused(error: unknown): boolean {
  const code = grpcCode(error);
  return code !== null && REFUSED.has(code);
}
