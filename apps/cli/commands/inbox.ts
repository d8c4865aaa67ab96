import type { Command } from 'commander';

import type { RequestPage, RequestSummary } from '../../../domain/wire.ts';
import { clientOf, withApi, type ApiOptions } from '../connection.ts';
import type { Terminal } from '../terminal.ts';
import { tableLines } from '../text/table.ts';
import { instant } from '../text/times.ts';
import { visible } from '../text/visible.ts';

/** `keyturn inbox` */
export function addInbox(program: Command, terminal: Terminal): void {
  withApi(program.command('inbox'))
    .description('what waits for your decision')
    .option('--limit <number>', 'how many at most, 1 to 100')
    .option('--cursor <cursor>', 'go on after an earlier page')
    .action(async (options: ApiOptions & { readonly limit?: string; readonly cursor?: string }) => {
      const client = await clientOf(options, terminal);
      const page = await client.inbox({
        ...(options.limit === undefined ? {} : { limit: Number(options.limit) }),
        ...(options.cursor === undefined ? {} : { cursor: options.cursor }),
      });
      terminal.out(options.json ? JSON.stringify(page) : inboxLines(page, Date.now()).join('\n'));
    });
}

/** A page of the inbox as a table. */
export function inboxLines(page: RequestPage, now: number): string[] {
  const more =
    page.next_cursor === null
      ? []
      : ['', `There may be more: keyturn inbox --cursor ${visible(page.next_cursor)}`];
  if (page.items.length === 0)
    return more.length === 0 ? ['Nothing waits for your decision.'] : ['Nothing for you so far.', ...more];
  const rows = page.items.map((item) => rowOf(item, now));
  return [...tableLines([['REQUEST', 'RISK', 'WHAT', 'WHERE', 'EXPIRES'], ...rows]), ...more];
}

function rowOf(item: RequestSummary, now: number): string[] {
  const what =
    item.summary === null ? visible(item.action) : `${visible(item.action)}: ${visible(item.summary)}`;
  // Ours, in front of everything that others wrote.
  const mark = item.is_break_glass ? 'BREAK-GLASS ' : '';
  return [
    visible(item.id),
    item.risk ?? '',
    `${mark}${what}`,
    `${visible(item.target)} (${visible(item.environment)})`,
    item.expires_at === null ? '' : instant(item.expires_at, now),
  ];
}
