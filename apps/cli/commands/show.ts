import type { Command } from 'commander';

import { clientOf, withApi, type ApiOptions } from '../connection.ts';
import type { Terminal } from '../terminal.ts';
import { requestLines } from '../text/request.ts';
import { timelineLines } from '../text/timeline.ts';

interface ShowOptions extends ApiOptions {
  readonly all?: boolean;
}

/** `keyturn show` */
export function addShow(program: Command, terminal: Terminal): void {
  withApi(program.command('show <id>'))
    .description('a request and what happened to it')
    .option('--all', 'every row of the plan, however many')
    .action(async (id: string, options: ShowOptions) => {
      const client = await clientOf(options, terminal);
      const [request, timeline] = await Promise.all([client.show(id), client.timeline(id)]);
      if (options.json) return terminal.out(JSON.stringify({ request, timeline: timeline.items }));
      const lines = [
        ...requestLines(request, Date.now(), { isWhole: options.all === true }),
        '',
        'What happened:',
        ...timelineLines(timeline),
      ];
      return terminal.out(lines.join('\n'));
    });
}
