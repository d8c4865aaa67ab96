import type { Command } from 'commander';

import { isFinal } from '../../domain/request/status.ts';
import type { DecisionBody } from '../../contract/decisions.ts';
import type { RequestView } from '../../contract/requests.ts';
import type { KeyturnClient } from '../../sdk/client.ts';
import { given } from './arguments.ts';
import { withApi, type ApiOptions } from './connection.ts';
import { failure, usageError } from './exit.ts';
import { cardOf, shownOf, withCard, type Shown } from './shown-card.ts';
import type { Terminal } from './terminal.ts';
import { reviewedBy } from './reviewed.ts';
import { handOverNote, questionLines, questionText } from './text/question.ts';
import { leftOut } from './text/plan.ts';
import { requestLines } from './text/request.ts';
import { toned } from './text/tone.ts';

export interface DecideOptions extends ApiOptions {
  readonly yes?: boolean;
  readonly digest?: string;
  readonly reason?: string;
  readonly until?: string;
  readonly to?: string;
  /** Which approval is taken back. */
  readonly decision?: string;
}

export function withDecision(command: Command): Command {
  return withApi(command)
    .option('--yes', 'do not ask for confirmation; needed without a terminal and with --json')
    .option('--digest <digest>', 'decide only if the request still has this decision digest')
    .option('--reason <text>', 'why, for the record');
}

export interface Confirmation {
  readonly client: KeyturnClient;
  readonly terminal: Terminal;
  readonly options: DecideOptions;
}

/**
 * Shows what would happen and asks. What is too long to be shown is counted, and shown when the person asks for it. The
 * digest is of exactly what was shown: the server refuses the decision when the request has changed by then.
 */
export async function confirm(
  confirmation: Confirmation,
  id: string,
  verdict: DecisionBody['verdict'],
): Promise<Omit<DecisionBody, 'defer'>> {
  const { client, terminal, options } = confirmation;
  const needsConfirmation = options.yes !== true;
  if (needsConfirmation && (options.json === true || !terminal.isInteractive)) {
    throw usageError(
      'There is no terminal to ask for confirmation: look at the request with keyturn show, then add --yes (and --digest DIGEST).',
    );
  }
  const loaded = await load(client, id, options);
  const { view, reviewed, card } = loaded;
  const decision_digest = digestToDecide(view, options.digest);
  const detail = { isWhole: false, id: view.id, reviewed, rules: card?.card.rules ?? [] };
  if (options.json !== true) terminal.out([...requestLines(view, Date.now(), detail), ''].join('\n'));
  printHandOver(view, options, terminal);
  if (!needsConfirmation)
    return { decision_digest, verdict, ...given({ reason: options.reason }), ...shownOf(loaded, false) };
  terminal.error(questionLines(view, reviewed).join('\n'));
  const reason = options.reason ?? (await requiredReason(view, verdict, terminal));
  const isWhole = await ask(confirmation, view, verdict);
  return { decision_digest, verdict, ...given({ reason }), ...shownOf(loaded, isWhole) };
}

async function load(client: KeyturnClient, id: string, { json }: DecideOptions): Promise<Shown> {
  const [found, card] = await Promise.all([
    client.show(id),
    // As JSON nothing is printed before the decision.
    json === true ? null : cardOf(client, id),
  ]);
  const view = card === null ? found : withCard(found, card.card);
  return { view, card, reviewed: await reviewedBy(client, view) };
}

/** Printed before the decision, also when no confirmation is needed. */
function printHandOver(view: RequestView, { to, json }: DecideOptions, terminal: Terminal): void {
  const note = to === undefined || json === true ? null : handOverNote(view, to);
  if (note !== null) terminal.error(toned('warning', `Note: ${note}`));
}

/** True where the person wanted to see the whole plan. */
async function ask(
  { terminal }: Confirmation,
  view: RequestView,
  verdict: DecisionBody['verdict'],
): Promise<boolean> {
  const isCut = view.plan !== undefined && leftOut(view.plan) !== null;
  const question = `${questionText(view, verdict)} [y/N${isCut ? '/f' : ''}] `;
  for (let isWhole = false; ; isWhole = true) {
    const answer = (await terminal.ask(question)).trim();
    if (/^y(es)?$/i.test(answer)) return isWhole;
    if (!isCut || !/^f(ull)?$/i.test(answer)) throw failure('not_confirmed', 'Nothing was decided.');
    await terminal.page(requestLines(view, Date.now(), { isWhole: true, id: view.id }).join('\n'));
  }
}

/** The server would refuse the decision without one. */
async function requiredReason(
  { requirement }: RequestView,
  verdict: DecisionBody['verdict'],
  terminal: Terminal,
): Promise<string | undefined> {
  const isRequired = verdict !== 'defer' && requirement?.rules.some((rule) => rule.is_reason_required);
  if (!isRequired) return undefined;
  const reason = (await terminal.ask('Reason (required by policy): ')).trim();
  if (reason === '') throw failure('reason_required', 'Policy requires a reason. Nothing was decided.');
  return reason;
}

function digestToDecide(view: RequestView, expected: string | undefined): string {
  if (view.decision_digest === null || isFinal(view.status)) {
    throw failure(
      'request_not_pending',
      `There is nothing to decide: the status of the request is ${view.status}.`,
    );
  }
  if (expected !== undefined && expected !== view.decision_digest) {
    throw failure(
      'decision_digest_stale',
      `The request has changed: its decision digest is now ${view.decision_digest}.`,
    );
  }
  return view.decision_digest;
}
