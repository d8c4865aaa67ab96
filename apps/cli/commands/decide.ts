import type { Command } from 'commander';

import type { RequestView } from '../../../contract/requests.ts';
import { isFinal } from '../../../domain/request/status.ts';
import type { KeyturnClient } from '../../../sdk/client.ts';
import { given } from '../arguments.ts';
import { consolePage, openInBrowser } from '../browser.ts';
import { clientOf, withApi, type ApiOptions } from '../connection.ts';
import { failure, refuseEnded, stillOpen } from '../exit.ts';
import { withExamples } from '../help.ts';
import { reviewedBy } from '../reviewed.ts';
import { cardOf, withCard } from '../shown-card.ts';
import type { Terminal } from '../terminal.ts';
import { openSeatsText } from '../text/requirement.ts';
import { requestLines, statusText } from '../text/request.ts';
import { parseTimeout } from '../text/times.ts';
import { tonedWord } from '../text/tone.ts';

const DESCRIPTIONS: Readonly<Record<string, string>> = {
  approve: 'approve a request in the console, after seeing here what will happen',
  deny: 'deny a request in the console, which ends it',
  defer: 'postpone your decision in the console, or hand it over to a group that may decide too',
  'take-back': 'take your approval back in the console, as long as the action has not started',
};

interface DecideOptions extends ApiOptions {
  /** False for `--no-open`. */
  readonly open: boolean;
  readonly timeout?: number;
}

/**
 * People decide in the console: what a command of this program can send, any program of the same user can send as well.
 * These commands lead there, and wait until the person has decided.
 */
export function addDecide(program: Command, terminal: Terminal): void {
  for (const [name, description] of Object.entries(DESCRIPTIONS)) {
    const command = withApi(program.command(`${name} <id>`))
      .description(description)
      .option('--no-open', 'print the address of the console, and open no browser')
      .option('--timeout <duration>', 'how long to wait for your decision, for example 10m', parseTimeout)
      .action((id: string, options: DecideOptions) => decide(terminal, id, options));
    withExamples(command, [`keyturn ${name} ID`, `keyturn ${name} ID --no-open --timeout 10m`]);
  }
}

async function decide(terminal: Terminal, id: string, options: DecideOptions): Promise<void> {
  const client = await clientOf(options, terminal);
  const isJson = options.json === true;
  const [view, { id: person }] = await Promise.all([client.show(id), client.me()]);
  refuseOver(view);
  const address = consolePage(`/requests/${encodeURIComponent(view.id)}`, options, terminal);
  if (isJson) terminal.out(JSON.stringify({ decision_digest: view.decision_digest, address }));
  else await print(terminal, client, view);
  terminal.error(`To decide, in the console: ${address.href}`);
  if (options.open) openInBrowser(address, terminal);
  terminal.error('Waiting for your decision there. Ctrl-C stops waiting, and decides nothing.');
  const known = new Set((view.decisions ?? []).map((decision) => decision.id));
  const patience = { signal: terminal.interrupted, ...given({ timeoutMs: options.timeout }) };
  let last = view;
  for await (const request of client.watch(id, patience)) {
    last = request;
    const own = (request.decisions ?? []).find((one) => !known.has(one.id) && one.person === person);
    if (own === undefined) continue;
    return terminal.out(isJson ? JSON.stringify({ decision: own, request }) : textOf(own, request));
  }
  if (terminal.interrupted.aborted) throw failure('not_decided', 'You decided nothing.');
  refuseEnded(last.status);
  if (!isFinal(last.status)) throw stillOpen(last.status, isJson);
}

function refuseOver({ decision_digest: digest, status }: RequestView): void {
  if (digest !== null && !isFinal(status)) return;
  const message = `There is nothing to decide: the status of the request is ${status}.`;
  throw failure('request_not_pending', message);
}

/** As the card has it, so that terminal and console say the same. */
async function print(terminal: Terminal, client: KeyturnClient, found: RequestView): Promise<void> {
  const [card, reviewed] = await Promise.all([cardOf(client, found.id), reviewedBy(client, found)]);
  const view = card === null ? found : withCard(found, card.card);
  const detail = { isWhole: false, id: view.id, reviewed, rules: card?.card.rules ?? [] };
  terminal.out([...requestLines(view, Date.now(), detail), ''].join('\n'));
}

type Decision = NonNullable<RequestView['decisions']>[number];

function textOf({ verdict, outcome }: Decision, request: RequestView): string {
  const open = request.status === 'pending' ? openSeatsText(request) : '';
  const missing = open === '' ? '' : ` and still needs ${open}`;
  const recorded = verdict === 'take_back' ? 'Your approval is taken back' : `Your decision (${tonedWord(verdict)}) is recorded`;
  const how = outcome === 'counted' ? '' : ', and was refused';
  return `${recorded}${how}. The request is now ${statusText(request)}${missing}.`;
}
