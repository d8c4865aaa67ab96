import type { Command } from 'commander';

import { withExamples } from '../help.ts';
import { clientOf, withApi, type ApiOptions } from '../connection.ts';
import { reviewedBy } from '../reviewed.ts';
import type { Terminal } from '../terminal.ts';
import { requestLines } from '../text/request.ts';
import { itemLines } from '../text/timeline.ts';
import { toned } from '../text/tone.ts';

export function addShow(program: Command, terminal: Terminal): void {
  const command = withApi(program.command('show <id>'))
    .description('show a request and what happened to it')
    .option('--full', 'every row of the plan, however many; in a pager on a terminal')
    .action(async (id: string, options: ApiOptions & { readonly full?: boolean }) => {
      const client = await clientOf(options, terminal);
      const [request, timeline] = await Promise.all([client.show(id), client.timeline(id)]);
      if (options.json) return terminal.out(JSON.stringify({ request, timeline: timeline.items }));
      const isWhole = options.full === true;
      const reviewed = await reviewedBy(client, request);
      const lines = [
        ...requestLines(request, Date.now(), { isWhole, id, reviewed }),
        '',
        toned('heading', 'What happened'),
        ...timeline.items.flatMap(itemLines),
      ];
      return isWhole ? terminal.page(lines.join('\n')) : terminal.out(lines.join('\n'));
    });
  withExamples(command, ['keyturn show ID', 'keyturn show ID --json | jq .request.status']);
}
