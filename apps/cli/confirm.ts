import type { Command } from 'commander';

import type { DecisionBody, RequestView } from '../../domain/wire.ts';
import type { KeyturnClient } from '../../sdk/client.ts';
import { withApi, type ApiOptions } from './connection.ts';
import { failure, usageError } from './exit.ts';
import type { Terminal } from './terminal.ts';
import { requestLines } from './text/request.ts';
import { visible } from './text/visible.ts';

/** Options of every command by which a person decides. */
export interface DecideOptions extends ApiOptions {
  readonly yes?: boolean;
  readonly digest?: string;
  readonly reason?: string;
  readonly until?: string;
  readonly to?: string;
}

/** Adds the options of a command that decides. */
export function withDecision(command: Command): Command {
  return withApi(command)
    .option('--yes', 'do not ask; needed without a terminal and with --json')
    .option('--digest <digest>', 'decide only if this decision digest is what is asked now')
    .option('--reason <text>', 'why, for the record');
}

/** What is being decided, and by whom it is asked. */
export interface Confirmation {
  readonly client: KeyturnClient;
  readonly terminal: Terminal;
  readonly options: DecideOptions;
}

/**
 * Shows what would happen and asks. Resolves to the digest of exactly what was shown: the server refuses the decision
 * when anything else is asked by then.
 */
export async function confirm(
  { client, terminal, options }: Confirmation,
  id: string,
  verdict: DecisionBody['verdict'],
): Promise<string> {
  const isAsked = options.yes !== true;
  if (isAsked && (options.json === true || !terminal.isInteractive)) {
    throw usageError('There is nobody to ask here: look with keyturn show, then add --yes (and --digest).');
  }
  const view = await client.show(id);
  const digest = digestToDecide(view, options.digest);
  if (options.json !== true) terminal.out([...requestLines(view, Date.now()), ''].join('\n'));
  if (isAsked) {
    const answer = await terminal.ask(`${questionOf(view, verdict)}, known as ${digest}? [y/N] `);
    if (!/^y(es)?$/i.test(answer.trim())) throw failure('not_confirmed', 'Nothing was decided.');
  }
  return digest;
}

/** What others wrote stands last and may be longer than a terminal keeps: what it is about is said once more. */
function questionOf(view: RequestView, verdict: DecisionBody['verdict']): string {
  const { action, target, environment, risk } = view;
  const place = [visible(environment), ...(risk === null ? [] : [`risk ${risk}`])].join(', ');
  return `${VERBS[verdict]} ${visible(action)} on ${visible(target)} (${place})`;
}

const VERBS: Readonly<Record<DecisionBody['verdict'], string>> = {
  approve: 'Approve',
  deny: 'Deny',
  defer: 'Defer',
};

function digestToDecide(view: RequestView, expected: string | undefined): string {
  if (view.decision_digest === null) {
    throw failure('request_not_pending', `There is nothing to decide: the request is ${view.status}.`);
  }
  if (expected !== undefined && expected !== view.decision_digest) {
    throw failure(
      'decision_digest_stale',
      `What is asked now is ${view.decision_digest}, not what you name.`,
    );
  }
  return view.decision_digest;
}
