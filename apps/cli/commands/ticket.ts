import { Argument, type Command } from 'commander';

import type { DecisionBody, Ticket } from '../../../contract/decisions.ts';
import { confirm, withDecision, type DecideOptions } from '../confirm.ts';
import { clientOf } from '../connection.ts';
import type { Terminal } from '../terminal.ts';
import { visible, visibleLines } from '../../../domain/cards/visible.ts';
import { deferralOf, withDeferral } from './decide.ts';

export function addTicket(program: Command, terminal: Terminal): void {
  withDeferral(withDecision(program.command('ticket <id>')))
    .description('issue a short-lived signed decision, to be pasted into the Temporal UI')
    .addArgument(new Argument('<verdict>', 'what you decide').choices(['approve', 'deny', 'defer']))
    .action(async (id: string, verdict: DecisionBody['verdict'], options: DecideOptions) => {
      const deferral = deferralOf(verdict, options);
      const client = await clientOf(options, terminal);
      const confirmed = await confirm({ client, terminal, options }, id, verdict);
      const { decision_digest } = confirmed;
      const ticket = await client.ticket(id, { ...confirmed, ...deferral });
      if (options.json) return terminal.out(JSON.stringify({ decision_digest, ...ticket }));
      return terminal.out(ticketLines(id, ticket).join('\n'));
    });
}

function ticketLines(id: string, ticket: Ticket): string[] {
  return [
    'Your ticket, in the form that the Temporal UI takes (anybody who has it can use it in your name, once):',
    '',
    JSON.stringify(ticket.ticket),
    '',
    ...visibleLines(ticket.how_to_use),
    `Then look at keyturn show ${visible(id)}: a ticket that was not pasted whole is listed there as ignored.`,
  ];
}
