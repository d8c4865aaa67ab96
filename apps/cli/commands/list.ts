import { Option, type Command } from 'commander';

import { REQUEST_STATUSES } from '../../../domain/request.ts';
import { riskSchema } from '../../../domain/wire-values.ts';
import type { RequestPage, RequestSummary } from '../../../domain/wire.ts';
import { clientOf, withApi, type ApiOptions } from '../connection.ts';
import { explained } from '../help.ts';
import type { Terminal } from '../terminal.ts';
import { statusText } from '../text/request.ts';
import { tableLines } from '../text/table.ts';
import { instant } from '../text/times.ts';
import { visible, visibleJson } from '../text/visible.ts';

interface ListOptions extends ApiOptions {
  readonly status?: string;
  readonly action?: string;
  readonly target?: string;
  readonly environment?: string;
  readonly risk?: string;
  readonly mine?: boolean;
  readonly limit?: string;
  readonly cursor?: string;
}

/** `keyturn list` */
export function addList(program: Command, terminal: Terminal): void {
  const command = withApi(program.command('list'))
    .description('requests that you may see, newest first')
    .addOption(new Option('--status <status>', 'only those with this status').choices(REQUEST_STATUSES))
    .option('--action <action>', 'only those for this action')
    .option('--target <target>', 'only those on this target')
    .option('--environment <environment>', 'only those on targets of this environment')
    .addOption(new Option('--risk <risk>', 'only those of this risk').choices(riskSchema.options))
    .option('--mine', 'only those that you stand behind')
    .option('--limit <number>', 'how many at most, 1 to 100')
    .option('--cursor <cursor>', 'go on after an earlier page')
    .action((options: ListOptions) => list(options, terminal));
  explained(command, {
    examples: ['keyturn list --status pending', 'keyturn list --mine --target shop-production --json'],
    exits: { 0: 'the page was read, also when it is empty', 1: 'refused or unreachable', 2: 'used wrongly' },
  });
}

async function list(options: ListOptions, terminal: Terminal): Promise<void> {
  const { json, api: _api, token: _token, limit, ...filters } = options;
  const client = await clientOf(options, terminal);
  const page = await client.list({ ...filters, ...(limit === undefined ? {} : { limit: Number(limit) }) });
  terminal.out(json ? JSON.stringify(page) : listLines(page, Date.now()).join('\n'));
}

/** A page of requests as a table. */
function listLines({ items, next_cursor: cursor }: RequestPage, now: number): string[] {
  const more = cursor === null ? [] : ['', `There may be more: add --cursor ${visible(cursor)}`];
  if (items.length === 0) return [cursor === null ? 'There is no such request.' : 'None so far.', ...more];
  const rows = items.map((item) => rowOf(item, now));
  return [
    ...tableLines([['REQUEST', 'STATUS', 'WHAT', 'WHERE', 'REQUESTED BY', 'REQUESTED'], ...rows]),
    ...more,
  ];
}

function rowOf(item: RequestSummary, now: number): string[] {
  const [requester] = item.lineage;
  const mark = item.is_break_glass ? 'BREAK-GLASS ' : '';
  return [
    visible(item.id),
    statusText(item),
    `${mark}${visible(item.action)}${item.summary === null ? '' : `: ${visible(item.summary)}`}`,
    `${visible(item.target)} (${visible(item.environment)})`,
    visibleJson(requester?.name ?? requester?.subject ?? ''),
    instant(item.created_at, now),
  ];
}
