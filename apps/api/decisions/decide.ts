import { readDecision } from '../../../database/request-list.ts';
import type { DecisionRow } from '../../../database/tables.ts';
import { KeyturnError, statusOf, type ErrorCode } from '../../../domain/errors.ts';
import type { ApiContext } from '../context.ts';
import { deliver } from './deliver.ts';
import { judge, type DecisionCall } from './judge.ts';
import { auditRefusal } from './refused-attempt.ts';
import { signDecision } from './sign.ts';

/** What became of a decision: recorded, or durable and not yet counted. */
export type Decided = { readonly id: string; readonly row: DecisionRow | null };

/** Judges, signs and sends a decision, and waits a little for its receipt. Refuses with the worker's code when it was refused. */
export async function decide(context: ApiContext, call: DecisionCall, signal: AbortSignal): Promise<Decided> {
  const attempt = { ...call, delivery: 'decision', decided: call.body } as const;
  const { id, row } = await auditRefusal(context, attempt, () => send(context, call, signal));
  context.metrics.decisions.inc({ verdict: call.body.verdict, outcome: row?.outcome ?? 'queued' });
  // The worker has recorded it as refused.
  if (row?.outcome === 'refused') throw refusalOf(row);
  return { id, row };
}

async function send(context: ApiContext, call: DecisionCall, signal: AbortSignal): Promise<Decided> {
  const judged = await judge(context, call);
  const { channel } = call.caller.principal;
  const { id, envelope } = await signDecision(context, { call, judged }, { channel, ticketExpiresAt: null });
  const row = await deliver(context, {
    message: { id, kind: 'decide', envelope },
    row: judged.row,
    receipt: () => readDecision(context.source.manager, id),
    signal,
  });
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
