import { Option, type Command } from 'commander';

import { REQUEST_STATUSES } from '../../../domain/request/status.ts';
import { riskSchema } from '../../../contract/values.ts';
import type { RequestPage } from '../../../contract/requests.ts';
import { clientOf, withApi } from '../connection.ts';
import { withExamples } from '../help.ts';
import { moreLines, readPages, withPages, type PageOptions } from '../pages.ts';
import type { Terminal } from '../terminal.ts';
import { statusText, summaryCells } from '../text/request.ts';
import { tableLines } from '../text/table.ts';
import { clock, relative } from '../text/times.ts';
import { visible } from '../../../domain/cards/visible.ts';
import { unknownNames } from '../unknown-names.ts';

interface ListOptions extends PageOptions {
  readonly status?: string;
  readonly action?: string;
  readonly target?: string;
  readonly environment?: string;
  readonly risk?: string;
  readonly mine?: boolean;
}

export function addList(program: Command, terminal: Terminal): void {
  const command = withApi(program.command('list'));
  command
    .description('list the requests that you may see, newest first')
    .addOption(new Option('--status <status>', 'only those with this status').choices(REQUEST_STATUSES))
    .option('--action <action>', 'only those for this action')
    .option('--target <target>', 'only those on this target')
    .option('--environment <environment>', 'only those on targets of this environment')
    .addOption(new Option('--risk <risk>', 'only those of this risk').choices(riskSchema.options))
    .option('--mine', 'only those that you stand behind')
    .action((options: ListOptions) => list(options, terminal));
  withExamples(withPages(command), [
    'keyturn list --status pending',
    'keyturn list --mine --target shop-production --json',
  ]);
}

async function list(options: ListOptions, terminal: Terminal): Promise<void> {
  const { json, api: _api, token: _token, limit: _limit, cursor: _cursor, ...filters } = options;
  const client = await clientOf(options, terminal);
  const page = await readPages((position) => client.list({ ...filters, ...position }), options, terminal);
  if (page.items.length === 0) for (const line of await unknownNames(client, filters)) terminal.error(line);
  if (json) return terminal.out(JSON.stringify(page));
  if (page.items.length > 0) terminal.out(listLines(page, terminal).join('\n'));
  else terminal.error(page.next_cursor === null ? 'No requests found.' : 'No requests found so far.');
  for (const line of moreLines(page)) terminal.error(line);
}

function listLines({ items }: RequestPage, { isScreen }: Terminal): string[] {
  const now = Date.now();
  // People want the age; programs sort by the instant.
  const when = (at: string): string => (isScreen ? relative(at, now) : clock(at));
  const rows = items.map((item) => [
    visible(item.id),
    statusText(item),
    ...summaryCells(item),
    when(item.created_at),
  ]);
  return tableLines([['REQUEST', 'STATUS', 'WHAT', 'WHERE', 'REQUESTED BY', 'REQUESTED'], ...rows]);
}
