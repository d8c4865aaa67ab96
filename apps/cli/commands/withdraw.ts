import type { Command } from 'commander';

import { clientOf, withApi, type ApiOptions } from '../connection.ts';
import type { Terminal } from '../terminal.ts';
import { statusText } from '../text/request.ts';

export function addWithdraw(program: Command, terminal: Terminal): void {
  withApi(program.command('withdraw <id>'))
    .description('withdraw a request of your own')
    .option('--reason <text>', 'why, for the record')
    .action(async (id: string, options: ApiOptions & { readonly reason?: string }) => {
      const client = await clientOf(options, terminal);
      const request = await client.withdraw(id, options.reason);
      if (options.json) return terminal.out(JSON.stringify(request ?? { id, state: 'queued' }));
      if (request === null) return terminal.out('The withdrawal is accepted and will take effect soon.');
      return terminal.out(`The request is now ${statusText(request)}.`);
    });
}
