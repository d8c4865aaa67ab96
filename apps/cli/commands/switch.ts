import type { Command } from 'commander';

import type { SwitchView, ThrowBody } from '../../../contract/switches.ts';
import { clientOf, withApi, type ApiOptions } from '../connection.ts';
import { usageError } from '../exit.ts';
import { consolePage } from '../browser.ts';
import type { Terminal } from '../terminal.ts';
import { tableLines } from '../text/table.ts';
import { clock } from '../text/times.ts';
import { visible } from '../../../domain/cards/visible.ts';

interface ReasonOptions extends ApiOptions {
  readonly reason: string;
}

interface ThrowOptions extends ReasonOptions {
  readonly agent?: string;
  readonly action?: string;
  readonly target?: string;
  readonly all?: boolean;
}

export function addSwitch(program: Command, terminal: Terminal): void {
  const group = program
    .command('switch')
    .description('stop an agent, an action, a target, or everything at once (kill switches)');
  withApi(group.command('list'))
    .description('list the switches that are on')
    .action(async (options: ApiOptions) => {
      const { items } = await (await clientOf(options, terminal)).switches();
      terminal.out(options.json ? JSON.stringify({ items }) : listLines(items).join('\n'));
    });
  withReason(group.command('throw'))
    .description('stop what you name, from now on; one operator can do this alone')
    .option('--agent <agent>', 'an agent by its id in the directory, or an account as "ISSUER SUBJECT"')
    .option('--action <action>', 'an action of the catalogue')
    .option('--target <target>', 'a target')
    .option('--all', 'everything')
    .action((options: ThrowOptions) => throwSwitch(terminal, options));
}

function withReason(command: Command): Command {
  return withApi(command).requiredOption('--reason <text>', 'why, for the record');
}

async function throwSwitch(terminal: Terminal, options: ThrowOptions): Promise<void> {
  const scope = scopeOf(options);
  const engaged = await (await clientOf(options, terminal)).throwSwitch(scope, options.reason);
  if (options.json) return terminal.out(JSON.stringify(engaged));
  return terminal.out(
    `Switch ${visible(engaged.id)} is on: ${scopeText(engaged)} is stopped from now on. ` +
      `Actions that have already started still finish. Two operators can lift it in the console: ${consolePage('/switches', options, terminal).href}`,
  );
}

/** Exactly one scope must be named: nobody stops everything, or only one thing, by a slip. */
function scopeOf(options: ThrowOptions): ThrowBody['scope'] {
  const kinds = (['agent', 'action', 'target'] as const).filter((kind) => options[kind] !== undefined);
  const [kind, ...others] = kinds;
  const isAll = options.all === true;
  if (others.length > 0 || (kind !== undefined) === isAll)
    throw usageError('Name one of --agent, --action, --target and --all.');
  return kind === undefined ? { kind: 'all', value: null } : { kind, value: options[kind] ?? null };
}

function scopeText({ scope }: SwitchView): string {
  return scope.value === null ? 'everything' : `${scope.kind} ${visible(scope.value)}`;
}

/** Switches as a table, with the reason where the caller may know it. */
function listLines(items: readonly SwitchView[]): string[] {
  if (items.length === 0) return ['No kill switch is on.'];
  const rows = items.map((engaged) => [
    visible(engaged.id),
    scopeText(engaged),
    clock(engaged.since),
    visible(engaged.thrown_by ?? ''),
    visible((engaged.agreed_to_lift ?? []).map(({ person }) => person).join(', ')),
    visible(engaged.reason ?? ''),
  ]);
  return tableLines([['SWITCH', 'STOPS', 'SINCE', 'BY', 'AGREED TO LIFT', 'REASON'], ...rows]);
}
