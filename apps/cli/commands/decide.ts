import type { Command } from 'commander';

import type { DecisionBody } from '../../../domain/wire.ts';
import type { Decided } from '../../../sdk/client.ts';
import { confirm, withDecision, type DecideOptions } from '../confirm.ts';
import { clientOf } from '../connection.ts';
import { usageError } from '../exit.ts';
import type { Terminal } from '../terminal.ts';
import { statusText } from '../text/request.ts';
import { parseInstant } from '../text/times.ts';

type Verdict = DecisionBody['verdict'];

/** `keyturn approve`, `keyturn deny`, `keyturn defer`. */
export function addDecide(program: Command, terminal: Terminal): void {
  const decideAs = (verdict: Verdict) => (id: string, options: DecideOptions) =>
    decide(terminal, { id, verdict }, options);
  withDecision(program.command('approve <id>'))
    .description('agree to a request, after seeing what will happen')
    .action(decideAs('approve'));
  withDecision(program.command('deny <id>')).description('end a request').action(decideAs('deny'));
  withDeferral(withDecision(program.command('defer <id>')))
    .description('put a request off: for yourself until an instant, or to a group that it requires')
    .action(decideAs('defer'));
}

/** Adds the options of a deferral. */
export function withDeferral(command: Command): Command {
  return command
    .option(
      '--until <instant>',
      'hide it from your inbox until then: 2026-01-05T10:00:00Z, or a time from now: 2h',
    )
    .option('--to <selector>', 'hand it over, for example to group:dba');
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
  const digest = await confirm({ client, terminal, options }, id, verdict);
  const reason = options.reason === undefined ? {} : { reason: options.reason };
  const decided = await client.decide(id, { decision_digest: digest, verdict, ...reason, ...deferral });
  if (options.json) terminal.out(JSON.stringify(jsonOf(decided, digest)));
  else terminal.out(textOf(decided, digest));
}

function jsonOf(decided: Decided, digest: string): object {
  return decided.kind === 'counted'
    ? { decision_digest: digest, outcome: 'counted', ...decided.answer }
    : { decision_digest: digest, outcome: 'queued', decision: { id: decided.id } };
}

function textOf(decided: Decided, digest: string): string {
  if (decided.kind === 'queued') {
    return `Decision ${decided.id} on ${digest} is kept, but not counted yet: look again with keyturn show.`;
  }
  const { decision, request } = decided.answer;
  return `Your decision (${decision.verdict}) on ${digest} counts. The request is now ${statusText(request)}.`;
}
