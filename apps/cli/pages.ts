import { InvalidArgumentError, type Command } from 'commander';

import type { RequestPage } from '../../contract/requests.ts';
import type { ApiOptions } from './connection.ts';
import type { Terminal } from './terminal.ts';
import { visible } from '../../domain/cards/visible.ts';

export interface PageOptions extends ApiOptions {
  readonly limit?: number;
  readonly cursor?: string;
}

const LIMIT_MAX = 100;

export function withPages(command: Command): Command {
  return command
    .option(
      '--limit <number>',
      `how many at most, 1 to ${LIMIT_MAX}; without it, pipes and --json get all`,
      wholeNumber(LIMIT_MAX),
    )
    .option('--cursor <cursor>', 'continue after an earlier page');
}

/** Reads the value of an option: from 1 to `most`. */
export function wholeNumber(most: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,5}$/.test(text) ? Number(text) : 0;
    if (value >= 1 && value <= most) return value;
    throw new InvalidArgumentError(`It takes a whole number from 1 to ${most}.`);
  };
}

type Read = (page: { readonly limit?: number; readonly cursor?: string }) => Promise<RequestPage>;

/** One page for a person, who sees that there are more. A program would take it for all pages, so it gets all. */
export async function readPages(read: Read, options: PageOptions, terminal: Terminal): Promise<RequestPage> {
  const { limit: most, cursor, json } = options;
  const isOnePage = most !== undefined || cursor !== undefined || (terminal.isScreen && json !== true);
  if (isOnePage) return read({ ...(most ? { limit: most } : {}), ...(cursor ? { cursor } : {}) });
  return allPages((position) => read({ limit: LIMIT_MAX, ...position }));
}

interface Page {
  readonly items: readonly unknown[];
  readonly next_cursor: string | null;
}

/** The last page, with the items of all. */
export async function allPages<Of extends Page>(
  read: (position: { readonly cursor?: string }) => Promise<Of>,
): Promise<Of> {
  let page = await read({});
  const items = [...page.items];
  while (page.next_cursor !== null) {
    page = await read({ cursor: page.next_cursor });
    items.push(...page.items);
  }
  return { ...page, items };
}

/** How to continue, if a page may not be the last. */
export function moreLines({ next_cursor: cursor }: RequestPage): string[] {
  return cursor === null ? [] : [`There may be more: add --cursor ${visible(cursor)}`];
}
