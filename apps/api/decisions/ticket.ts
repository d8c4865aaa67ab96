import type { RequestRow } from '../../../database/tables.ts';
import type { Ticket } from '../../../contract/decisions.ts';
import type { ApiContext } from '../context.ts';
import { freshId } from '../http/idempotency.ts';
import { authorize, type DecisionCall } from './authorize.ts';
import { auditRefusal } from '../auth/refused-attempt.ts';
import { sessionOf } from '../auth/session-of.ts';
import { signDecision } from './sign.ts';

const TICKET_MS = 10 * 60 * 1_000;

/** Issues a ticket: a signed decision that its holder sends from the Temporal UI or CLI within ten minutes. */
export async function issueTicket(context: ApiContext, call: DecisionCall): Promise<Ticket> {
  const attempt = { ...call, delivery: 'ticket', decided: call.body } as const;
  const authorized = await auditRefusal(context, attempt, () => {
    // Who reads a ticket can use it, so no program is given one.
    sessionOf(call.caller);
    return authorize(context, call);
  });
  const expiresAt = new Date(Math.min(Date.now() + TICKET_MS, usableUntilMs(authorized.row))).toISOString();
  const delivery = { id: freshId('dec'), channel: 'temporal' as const, ticket_expires_at: expiresAt };
  const envelope = await signDecision(context, { call, authorized }, delivery);
  return { ticket: envelope, expires_at: expiresAt, how_to_use: howToUse(context, call.id, expiresAt) };
}

/** What is approved can be denied after its expiry, too. */
function usableUntilMs({ status, expires_at: end }: RequestRow): number {
  return status === 'pending' && end !== null ? end.getTime() : Number.POSITIVE_INFINITY;
}

function howToUse({ settings }: Pick<ApiContext, 'settings'>, request: string, expiresAt: string): string {
  const { namespace } = settings.temporal;
  return (
    `Before ${expiresAt}: open workflow ${request} (namespace ${namespace}) in the Temporal UI, More Actions, ` +
    'Send a Signal, choose decide, and paste the ticket as a JSON string (in double quotes). Or: ' +
    `temporal workflow signal --namespace ${namespace} --workflow-id ${request} --name decide --input '"TICKET"'. ` +
    'Anyone who holds the ticket can send it, once: treat it like a password.'
  );
}
