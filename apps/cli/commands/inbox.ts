import { Option, type Command } from 'commander';

import {
  inboxScopeSchema,
  inboxSortSchema,
  type RequestPage,
  type RequestSummary,
} from '../../../contract/requests.ts';
import type { InboxQuery, KeyturnClient } from '../../../sdk/client.ts';
import { clientOf, withApi } from '../connection.ts';
import { moreLines, readPages, withPages, type PageOptions } from '../pages.ts';
import type { Terminal } from '../terminal.ts';
import { summaryCells } from '../text/request.ts';
import { tableLines } from '../text/table.ts';
import { relative } from '../text/times.ts';
import { tonedWord } from '../text/tone.ts';
import { visible, visibleJson } from '../../../domain/cards/visible.ts';

interface InboxOptions extends PageOptions, Pick<InboxQuery, 'scope' | 'sort'> {
  readonly search?: string;
}

export function addInbox(program: Command, terminal: Terminal): void {
  const command = withApi(program.command('inbox'))
    .description('list the requests that wait for your decision')
    .addOption(
      new Option(
        '--scope <scope>',
        'me; groups: all that name a group of yours; or all that are pending',
      ).choices(inboxScopeSchema.options),
    )
    .addOption(new Option('--sort <order>', 'newest first, or by deadline').choices(inboxSortSchema.options))
    .option('--search <text>', 'only those with this text in what, where or who');
  withPages(command).action(async (options: InboxOptions) => {
    const { scope, sort, search: q } = options;
    const query = { ...(scope && { scope }), ...(sort && { sort }), ...(q === undefined ? {} : { q }) };
    const client = await clientOf(options, terminal);
    const page = await readPages(
      (position) => firstItems(client, { ...query, ...position }),
      options,
      terminal,
    );
    if (options.json) return terminal.out(JSON.stringify(page));
    if (page.items.length > 0) terminal.out(inboxLines(page, Date.now()).join('\n'));
    for (const line of inboxNotes(page)) terminal.error(line);
  });
}

/** Pages without anything for the caller, one after the other: the server looks at so many requests a call. */
const EMPTY_PAGES_MAX = 20;

async function firstItems(client: KeyturnClient, query: InboxQuery): Promise<RequestPage> {
  let page = await client.inbox(query);
  for (let empty = 1; page.items.length === 0 && page.next_cursor !== null; empty += 1) {
    if (empty === EMPTY_PAGES_MAX) break;
    page = await client.inbox({ ...query, cursor: page.next_cursor });
  }
  return page;
}

/** What is printed beside the table. */
export function inboxNotes(page: RequestPage): string[] {
  const more = moreLines(page);
  if (page.items.length > 0) return more;
  return [more.length === 0 ? 'Nothing is waiting for your decision.' : NONE_SO_FAR, ...more];
}

const NONE_SO_FAR = 'Nothing for you on the pages read so far.';

export function inboxLines({ items }: RequestPage, now: number): string[] {
  return tableLines([HEAD, ...items.map((item) => rowOf(item, now))]);
}

const HEAD = ['REQUEST', 'RISK', 'WHAT', 'WHERE', 'REQUESTED BY', 'CAN APPROVE', 'EXPIRES'];

function rowOf(item: RequestSummary, now: number): string[] {
  const { id, risk, expires_at: expires } = item;
  return [
    visible(id),
    risk === null ? '' : tonedWord(risk),
    ...summaryCells(item),
    approversText(item),
    expires === null ? '' : relative(expires, now),
  ];
}

const NAMES_MAX = 4;

/** Everybody who may fill a seat that is open now. */
function approversText({ progress }: RequestSummary): string {
  const stages = (progress?.rules ?? []).flatMap(({ stages: all }) => all);
  const open = stages.flatMap(({ may_approve: candidates }) => candidates ?? []);
  const names = new Map(open.flatMap(({ people }) => people.map(({ id, name }) => [id, name] as const)));
  const shown = [...names.values()].slice(0, NAMES_MAX).map(visibleJson);
  const others = Math.max(names.size, ...open.map(({ count }) => count)) - shown.length;
  return `${shown.join(', ')}${others > 0 ? ` and ${others} more` : ''}`;
}
