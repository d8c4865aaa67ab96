import type { Command } from 'commander';

import { isFinal } from '../../../domain/request/status.ts';
import type { DecisionBody } from '../../../contract/decisions.ts';
import type { RequestView } from '../../../contract/requests.ts';
import type { Decided } from '../../../sdk/client.ts';
import { confirm, withDecision, type DecideOptions } from '../confirm.ts';
import { withExamples } from '../help.ts';
import { clientOf } from '../connection.ts';
import { usageError } from '../exit.ts';
import { ownApproval } from '../own-approval.ts';
import type { Terminal } from '../terminal.ts';
import { openSeatsText } from '../text/requirement.ts';
import { statusText } from '../text/request.ts';
import { parseInstant } from '../text/times.ts';
import { tonedWord } from '../text/tone.ts';
import { visible } from '../../../domain/cards/visible.ts';

type Verdict = DecisionBody['verdict'];

export function addDecide(program: Command, terminal: Terminal): void {
  const decideAs = (verdict: Verdict) => (id: string, options: DecideOptions) =>
    decide(terminal, { id, verdict }, options);
  const approve = withDecision(program.command('approve <id>'))
    .description('approve a request, after seeing what will happen')
    .action(decideAs('approve'));
  const deny = withDecision(program.command('deny <id>'))
    .description('deny a request, which ends it')
    .action(decideAs('deny'));
  withExamples(approve, [
    'keyturn approve ID',
    'keyturn approve ID --yes --digest DIGEST --reason "The row matches the ticket"',
  ]);
  withExamples(deny, ['keyturn deny ID --reason "The wrong customer"']);
  withDeferral(withDecision(program.command('defer <id>')))
    .description('postpone your decision, or hand it over to a group that may decide too')
    .action(decideAs('defer'));
  const takeBack = withDecision(program.command('take-back <id>'))
    .description('take your approval back, as long as the action has not started')
    .option('--decision <id>', 'which approval, where you gave several')
    .action(decideAs('take_back'));
  withExamples(takeBack, ['keyturn take-back ID --reason "The ticket was closed"']);
}

export function withDeferral(command: Command): Command {
  return command
    .option(
      '--until <instant>',
      'hide it from your inbox until then: 2026-01-05T10:00:00Z, or a time from now: 2h',
    )
    .option('--to <selector>', 'leave it to others who may decide now, for example group:dba');
}

/** The deferral that the options name; nothing for other verdicts. */
export function deferralOf(verdict: Verdict, options: DecideOptions): Pick<DecisionBody, 'defer'> {
  if (verdict !== 'defer') return {};
  const { until, to } = options;
  if ((until === undefined) === (to === undefined))
    throw usageError('A deferral needs either --until or --to.');
  if (to !== undefined) return { defer: { to } };
  const at = parseInstant(until ?? '', Date.now());
  if (at === null)
    throw usageError('--until takes an instant such as 2026-01-05T10:00:00Z, or a time from now such as 2h.');
  return { defer: { until: at } };
}

async function decide(
  terminal: Terminal,
  { id, verdict }: { readonly id: string; readonly verdict: Verdict },
  options: DecideOptions,
): Promise<void> {
  const deferral = deferralOf(verdict, options);
  const client = await clientOf(options, terminal);
  const named = verdict === 'take_back' ? await ownApproval(client, id, options.decision) : {};
  const confirmed = await confirm({ client, terminal, options }, id, verdict);
  const decided = await client.decide(id, { ...confirmed, ...deferral, ...named });
  if (options.json) terminal.out(JSON.stringify(jsonOf(decided, confirmed.decision_digest)));
  else terminal.out(textOf(decided, id));
  if (verdict === 'approve' && !options.json && decided.kind === 'counted')
    printNext(decided.answer.request, terminal);
}

function printNext({ id, status }: RequestView, terminal: Terminal): void {
  if (status === 'pending') terminal.error(`To see who else has to approve: keyturn show ${visible(id)}`);
  else if (!isFinal(status)) terminal.error(`To follow it: keyturn watch ${visible(id)}`);
}

function jsonOf(decided: Decided, digest: string): object {
  return decided.kind === 'counted'
    ? { decision_digest: digest, outcome: 'counted', ...decided.answer }
    : { decision_digest: digest, outcome: 'queued', decision: { id: decided.id } };
}

function textOf(decided: Decided, id: string): string {
  if (decided.kind === 'queued') {
    const number = visible(decided.id);
    return `Decision ${number} is accepted but not counted yet. To see when it is: keyturn show ${visible(id)}`;
  }
  const { decision, request } = decided.answer;
  const open = request.status === 'pending' ? openSeatsText(request) : '';
  const missing = open === '' ? '' : ` and still needs ${open}`;
  const recorded =
    decision.verdict === 'take_back'
      ? 'Your approval is taken back.'
      : `Your decision (${tonedWord(decision.verdict)}) is recorded.`;
  return `${recorded} The request is now ${statusText(request)}${missing}.`;
}
