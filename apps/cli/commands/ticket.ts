import { Argument, type Command } from 'commander';

import type { DecisionBody } from '../../../domain/wire.ts';
import { confirm, withDecision, type DecideOptions } from '../confirm.ts';
import { clientOf } from '../connection.ts';
import type { Terminal } from '../terminal.ts';
import { instant } from '../text/times.ts';
import { visibleLines } from '../text/visible.ts';
import { deferralOf, withDeferral } from './decide.ts';

/** `keyturn ticket` */
export function addTicket(program: Command, terminal: Terminal): void {
  withDeferral(withDecision(program.command('ticket <id>')))
    .description('a short-lived signed decision, to be pasted into the Temporal UI')
    .addArgument(new Argument('<verdict>', 'what you decide').choices(['approve', 'deny', 'defer']))
    .action(async (id: string, verdict: DecisionBody['verdict'], options: DecideOptions) => {
      const deferral = deferralOf(verdict, options);
      const client = await clientOf(options, terminal);
      const digest = await confirm({ client, terminal, options }, id, verdict);
      const reason = options.reason === undefined ? {} : { reason: options.reason };
      const ticket = await client.ticket(id, { decision_digest: digest, verdict, ...reason, ...deferral });
      if (options.json) return terminal.out(JSON.stringify({ decision_digest: digest, ...ticket }));
      return terminal.out(ticketLines({ id, ticket }, Date.now()).join('\n'));
    });
}

interface IssuedTicket {
  readonly id: string;
  readonly ticket: { readonly ticket: string; readonly expires_at: string; readonly how_to_use: string };
}

function ticketLines({ id, ticket }: IssuedTicket, now: number): string[] {
  return [
    'Your ticket, as the Temporal UI takes it (whoever has it can use it in your name, once):',
    '',
    JSON.stringify(ticket.ticket),
    '',
    `It must be used before ${instant(ticket.expires_at, now)}.`,
    `In the Temporal UI: open the workflow ${id}, choose "Send a Signal", the signal "decide", and paste the line as`,
    'its input (encoding json/plain).',
    ...visibleLines(ticket.how_to_use),
  ];
}
