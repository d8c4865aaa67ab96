import type { Command } from 'commander';

import type { KeyturnClient } from '../../../sdk/client.ts';
import { clientOf, withApi, type ApiOptions } from '../connection.ts';
import type { Terminal } from '../terminal.ts';
import { statusText } from '../text/request.ts';
import { itemLines } from '../text/timeline.ts';
import { clock } from '../text/times.ts';
import { visible } from '../text/visible.ts';

interface Watch {
  readonly client: KeyturnClient;
  readonly terminal: Terminal;
  readonly isJson: boolean;
}

/** `keyturn watch` */
export function addWatch(program: Command, terminal: Terminal): void {
  withApi(program.command('watch [id]'))
    .description('follow a request until it is finished, or everything that you may see')
    .action(async (id: string | undefined, options: ApiOptions) => {
      const watch = { client: await clientOf(options, terminal), terminal, isJson: options.json === true };
      try {
        await (id === undefined ? watchAll(watch) : watchOne(watch, id));
      } catch (error) {
        if (!terminal.interrupted.aborted) throw error;
      }
    });
}

async function watchOne({ client, terminal, isJson }: Watch, id: string): Promise<void> {
  let printed = 0;
  for await (const request of client.watch(id, { signal: terminal.interrupted })) {
    if (isJson) {
      terminal.out(JSON.stringify(request));
      continue;
    }
    const { items } = await client.timeline(id);
    for (const item of items.slice(printed)) terminal.out(itemLines(item).join('\n'));
    printed = Math.max(printed, items.length);
    terminal.error(`The request is ${statusText(request)}.`);
  }
}

async function watchAll({ client, terminal, isJson }: Watch): Promise<void> {
  const onReset = () => terminal.error('Some changes were missed: keyturn inbox shows what waits now.');
  for await (const event of client.events({ signal: terminal.interrupted, onReset })) {
    const { at, request, type, status } = event.change;
    const line = `${clock(at)}  ${visible(request)}  ${visible(type)}${status === undefined ? '' : ` (now ${status})`}`;
    terminal.out(isJson ? JSON.stringify({ id: event.id, ...event.change }) : line);
  }
}
