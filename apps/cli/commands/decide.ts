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
  const leads = (command: Command, what: string): void => {
    withApi(command)
      .description(what)
      .option('--no-open', 'print the address of the console, and open no browser')
      .option('--timeout <duration>', 'how long to wait for your decision, for example 10m', parseTimeout)
      .action((id: string, options: DecideOptions) => decide(terminal, id, options));
    const name = command.name();
    withExamples(command, [`keyturn ${name} ID`, `keyturn ${name} ID --no-open --timeout 10m`]);
  };
  leads(program.command('approve <id>'), 'approve a request in the console, after seeing what will happen');
  leads(program.command('deny <id>'), 'deny a request in the console, which ends it');
  leads(
    program.command('defer <id>'),
    'postpone your decision in the console, or hand it over to a group that may decide too',
  );
  leads(
    program.command('take-back <id>'),
    'take your approval back in the console, as long as the action has not started',
  );
}

async function decide(terminal: Terminal, id: string, options: DecideOptions): Promise<void> {
  const client = await clientOf(options, terminal);
  const [view, { id: person }] = await Promise.all([client.show(id), client.me()]);
  refuseOver(view);
  const address = consolePage(`/requests/${encodeURIComponent(view.id)}`, options, terminal);
  const { decision_digest } = view;
  if (options.json) terminal.out(JSON.stringify({ decision_digest, address }));
  else await print(terminal, client, view);
  terminal.error(`In the console: ${address.href}`);
  if (options.open) openInBrowser(address, terminal);
  terminal.error('Waiting for your decision there. Ctrl-C stops waiting, and decides nothing.');
  const { own, request } = await decisionOf({ client, terminal, options }, view, person);
  if (options.json) terminal.out(JSON.stringify({ decision: own, request }));
  else terminal.out(textOf(own, request));
  if (own !== null) return;
  refuseEnded(request.status);
  if (!isFinal(request.status)) throw stillOpen(request.status, options.json === true);
}

type Decision = NonNullable<RequestView['decisions']>[number];

interface Waiting {
  readonly client: KeyturnClient;
  readonly terminal: Terminal;
  readonly options: DecideOptions;
}

/** The next decision of this person; null where the request ends or the time is up before. */
async function decisionOf(
  { client, terminal, options }: Waiting,
  view: RequestView,
  person: string | null,
): Promise<{ readonly own: Decision | null; readonly request: RequestView }> {
  const known = new Set((view.decisions ?? []).map(({ id }) => id));
  const patience = { signal: terminal.interrupted, ...given({ timeoutMs: options.timeout }) };
  let request = view;
  try {
    for await (request of client.watch(view.id, patience)) {
      const own = (request.decisions ?? []).find((one) => !known.has(one.id) && one.person === person);
      if (own) return { own, request };
    }
  } catch (error) {
    if (!terminal.interrupted.aborted) throw error;
  }
  if (terminal.interrupted.aborted) throw failure('not_decided', 'You decided nothing.');
  return { own: null, request };
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

function textOf(own: Decision | null, request: RequestView): string {
  const open = request.status === 'pending' ? openSeatsText(request) : '';
  const missing = open === '' ? '' : ` and still needs ${open}`;
  return `${recordText(own)}The request is now ${statusText(request)}${missing}.`;
}

function recordText(own: Decision | null): string {
  if (own === null) return '';
  if (own.outcome !== 'counted') return `Your decision (${tonedWord(own.verdict)}) was refused. `;
  return own.verdict === 'take_back'
    ? 'Your approval is taken back. '
    : `Your decision (${tonedWord(own.verdict)}) is recorded. `;
}
