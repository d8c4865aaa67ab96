import type { Command } from 'commander';

import type { KeyturnClient } from '../../../sdk/client.ts';
import { isFinal, type RequestStatus } from '../../../domain/request/status.ts';
import { given } from '../arguments.ts';
import { clientOf, withApi, type ApiOptions } from '../connection.ts';
import { refuseEnded, stillOpen } from '../exit.ts';
import type { Terminal } from '../terminal.ts';
import { statusText } from '../text/request.ts';
import { newsOf } from '../text/questions-and-answers.ts';
import { itemLines } from '../text/timeline.ts';
import { CELL } from '../text/table.ts';
import { clock, parseTimeout } from '../text/times.ts';
import { tonedWord } from '../text/tone.ts';
import { visible } from '../../../domain/cards/visible.ts';

interface Watch {
  readonly client: KeyturnClient;
  readonly terminal: Terminal;
  readonly isJson: boolean;
  readonly timeout: number | undefined;
}

export function addWatch(program: Command, terminal: Terminal): void {
  withApi(program.command('watch [id]'))
    .description('follow a request until it is finished, or every request that you may see')
    .option('--timeout <duration>', 'how long to follow a request at most, for example 10m', parseTimeout)
    .action(async (id: string | undefined, options: ApiOptions & { readonly timeout?: number }) => {
      const { json, timeout } = options;
      const watch = { client: await clientOf(options, terminal), terminal, isJson: json === true, timeout };
      try {
        await (id === undefined ? watchAll(watch) : watchOne(watch, id));
      } catch (error) {
        if (!terminal.interrupted.aborted) throw error;
      }
    });
}

/** Ends as the request ended. */
async function watchOne({ client, terminal, isJson, timeout }: Watch, id: string): Promise<void> {
  const patience = { signal: terminal.interrupted, ...given({ timeoutMs: timeout }) };
  let printed = 0;
  const known = new Set<string>();
  let status: RequestStatus = 'planning';
  for await (const request of client.watch(id, patience)) {
    ({ status } = request);
    if (isJson) {
      terminal.out(JSON.stringify(request));
      continue;
    }
    const { items } = await client.timeline(id);
    for (const item of items.slice(printed)) terminal.out(itemLines(item).join('\n'));
    printed = Math.max(printed, items.length);
    for (const line of newsOf(request.questions ?? [], known)) terminal.out(line);
    terminal.error(`Status: ${statusText(request)}`);
  }
  refuseEnded(status);
  if (!isFinal(status)) throw stillOpen(status, isJson);
}

async function watchAll({ client, terminal, isJson }: Watch): Promise<void> {
  const onReset = () => terminal.error('Some changes were missed: keyturn inbox shows what is waiting now.');
  for await (const event of client.events({ signal: terminal.interrupted, onReset })) {
    const { at, request, type, status } = event.change;
    const now = status === undefined ? '' : ` (now ${tonedWord(status)})`;
    const line = [clock(at), visible(request), `${visible(type)}${now}`].join(CELL);
    terminal.out(isJson ? JSON.stringify({ id: event.id, ...event.change }) : line);
  }
}
