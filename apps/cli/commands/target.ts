import type { Command } from 'commander';

import type { TargetReport } from '../../../activities/connectors/postgres/target-check.ts';
import { withJson } from '../connection.ts';
import { silentFailure } from '../exit.ts';
import { withExamples } from '../help.ts';
import { ACTIVE, loadPolicy } from '../policy-folder.ts';
import type { Terminal } from '../terminal.ts';
import { tableLines } from '../text/table.ts';
import { visible, visibleLines } from '../../../domain/cards/visible.ts';

interface CheckOptions {
  readonly json?: boolean;
  readonly policy: string;
}

export function addTarget(program: Command, terminal: Terminal): void {
  const group = program.command('target').description('check whether a target can be used');
  const command = withJson(group.command('check <id>'))
    .description(
      "check a target as the worker would use it, and show what to grant. Run it where the targets' credentials are, with the variables and files of the worker. It changes nothing",
    )
    .option(
      '--policy <folder>',
      'the policy that has the target: a folder, or the one in use (KEYTURN_DATABASE_URL)',
      ACTIVE,
    )
    .action((id: string, options: CheckOptions) => check(id, options, terminal));
  withExamples(command, [
    'keyturn target check shop-production',
    'keyturn target check shop-production --policy policies',
  ]);
}

async function check(id: string, options: CheckOptions, terminal: Terminal): Promise<void> {
  const { policy } = await loadPolicy(options.policy, options, terminal);
  // Drivers are of no use to the other commands: they should not wait for them.
  const { checkTargetOf } = await import('../target-checker.ts');
  const report = await checkTargetOf(policy, id);
  if (options.json) terminal.out(JSON.stringify(jsonOf(report)));
  else showReport(report, terminal);
  if (!report.isOk) throw silentFailure();
}

function jsonOf({ target, isOk, findings, run }: TargetReport): object {
  const shown = findings.map(({ check: name, outcome, detail }) => ({ check: name, outcome, detail }));
  return { target, ok: isOk, findings: shown, run };
}

/** Only these may create roles. */
const WHO = 'as a superuser of the target, or as the owner of its database with CREATEROLE';

const MARKS = { ok: 'ok', attention: 'attention', failed: 'FAILED' } as const;

/** Each finding on a line, then what to paste, which must not be wrapped. */
function showReport({ target, isOk, findings, run }: TargetReport, terminal: Terminal): void {
  const rows = findings.map(({ check: name, outcome, detail }) => [MARKS[outcome], name, visible(detail)]);
  const isClear = findings.every(({ outcome }) => outcome === 'ok');
  const verdict = isOk
    ? isClear
      ? 'No problems found.'
      : 'It can be used.'
    : 'It cannot be used like this.';
  terminal.out([`Target ${visible(target)}`, ...tableLines(rows), verdict].join('\n'));
  if (run.length === 0) return;
  terminal.out(['', `${isOk ? 'Recommended' : 'To fix it'}, with psql, ${WHO}:`, ''].join('\n'));
  terminal.data(['\\set ON_ERROR_STOP on', ...run.flatMap((sql) => visibleLines(sql))].join('\n'));
}
