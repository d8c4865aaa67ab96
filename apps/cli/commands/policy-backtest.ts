import { InvalidArgumentError, type Command } from 'commander';

import { parseDurationMs } from '../../../policy-files/durations.ts';
import type { BacktestDifference } from '../../../policy-authoring/backtest.ts';
import { withJson } from '../connection.ts';
import { silentFailure, usageError } from '../exit.ts';
import { wholeNumber } from '../pages.ts';
import { ACTIVE, databaseUrl, loadPolicy, type PolicyOptions } from '../policy-folder.ts';
import type { Terminal } from '../terminal.ts';
import { backtestLines, differenceLines } from '../text/backtest.ts';
import { factLines } from '../text/table.ts';
import { isDay } from '../text/times.ts';
import { withFailOn } from './policy-diff.ts';

interface BacktestOptions extends PolicyOptions {
  readonly since: string;
  readonly until?: Date;
  readonly against: string;
  readonly follow?: boolean;
  readonly failOn?: 'loosened';
  readonly limit: number;
}

export function addPolicyBacktest(policy: Command, terminal: Terminal): void {
  withFailOn(withJson(policy.command('backtest <folder>')))
    .description('show what a policy folder would have decided on recorded requests')
    .option('--since <duration>', 'how far back: 30d, 12h, or an instant', '30d')
    .option(
      '--until <instant>',
      'leave out what was recorded from then on: the same span gives the same result',
      instant,
    )
    .option('--against <policy>', 'the policy to compare with: another folder, or the one in use', ACTIVE)
    .option('--follow', 'continue with new evaluations until interrupted')
    .option('--limit <count>', 'how many of each kind to list', wholeNumber(9_999), 20)
    .action((folder: string, options: BacktestOptions) => backtest(folder, options, terminal));
}

async function backtest(folder: string, options: BacktestOptions, terminal: Terminal): Promise<void> {
  if (options.follow && options.until) throw usageError('--follow and --until cannot be combined.');
  const url = databaseUrl(terminal);
  const span = spanOf(options);
  const candidate = await loadPolicy(folder, options, terminal);
  const base = await loadPolicy(options.against, options, terminal);
  terminal.progress('Evaluating the records');
  const { followRecords, runBacktest } = await import('../policy-backtester.ts');
  const policies = { base: base.policy, candidate: candidate.policy };
  const report = await runBacktest(url, { ...policies, span, limit: options.limit });
  const digests = { base: base.digest, candidate: candidate.digest };
  const [from, to] = [span.since.toISOString(), span.until.toISOString()];
  const lines = [
    ...factLines(Object.entries({ ...digests, from, to }), ''),
    '',
    ...backtestLines(report, span.until.getTime() - span.since.getTime()),
  ];
  terminal.out(options.json ? JSON.stringify({ ...digests, ...span, ...report }) : lines.join('\n'));
  let isLoosened = report.loosened > 0;
  if (options.follow) {
    const show = (difference: BacktestDifference): void => {
      isLoosened ||= difference.is_looser;
      terminal.out(options.json ? JSON.stringify(difference) : differenceLines(difference).join('\n'));
    };
    await followRecords(url, { ...policies, from: span.until, signal: terminal.interrupted, show });
  }
  if (options.failOn && isLoosened) throw silentFailure(2);
}

function spanOf({ since, until = new Date() }: BacktestOptions): {
  readonly since: Date;
  readonly until: Date;
} {
  const durationMs = parseDurationMs(since);
  const start = durationMs === null ? parseInstant(since) : new Date(until.getTime() - durationMs);
  if (!start) throw usageError('--since is a duration such as 30d or 12h, or an instant in UTC.');
  if (start >= until) throw usageError('--since must be before --until.');
  return { since: start, until };
}

const INSTANT = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?Z)?$/;

/** A date counts as its midnight in UTC. */
function parseInstant(text: string): Date | null {
  const at = INSTANT.test(text) && isDay(text.slice(0, 10)) ? new Date(text) : null;
  return at && !Number.isNaN(at.getTime()) ? at : null;
}

function instant(text: string): Date {
  const at = parseInstant(text);
  if (!at) throw new InvalidArgumentError('Write an instant in UTC such as 2026-11-24T10:00:00Z.');
  return at;
}
