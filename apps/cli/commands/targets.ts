import type { Command } from 'commander';

import type { TargetPage } from '../../../domain/wire-targets.ts';
import type { KeyturnClient } from '../../../sdk/client.ts';
import { quote } from '../../../domain/suggestion.ts';
import { clientOf, withApi, type ApiOptions } from '../connection.ts';
import { explained } from '../help.ts';
import type { Terminal } from '../terminal.ts';
import { tableLines } from '../text/table.ts';
import { visible } from '../text/visible.ts';

interface TargetsOptions extends ApiOptions {
  readonly environment?: string;
  readonly action?: string;
}

type Target = TargetPage['items'][number];

interface Filter {
  readonly environment?: string;
  readonly action?: string;
}

/** `keyturn targets` */
export function addTargets(program: Command, terminal: Terminal): void {
  const command = withApi(program.command('targets'))
    .description('what actions act on: each target with its environment, and what may be asked for on it')
    .option('--environment <environment>', 'only those of this environment')
    .option('--action <action>', 'only those that this action acts on')
    .action(async (options: TargetsOptions) => {
      const { environment, action } = options;
      const filter = {
        ...(environment === undefined ? {} : { environment }),
        ...(action === undefined ? {} : { action }),
      };
      const items = await allTargets(await clientOf(options, terminal), filter);
      terminal.out(options.json ? JSON.stringify({ items }) : targetLines(items, options).join('\n'));
    });
  explained(command, {
    examples: ['keyturn targets', 'keyturn targets --action postgres.execute --json'],
    exits: {
      0: 'the targets were read, also when there are none',
      1: 'refused or unreachable',
      2: 'used wrongly',
    },
  });
}

async function allTargets(client: KeyturnClient, filter: Filter): Promise<Target[]> {
  const items: Target[] = [];
  let page = await client.targets(filter);
  items.push(...page.items);
  while (page.next_cursor !== null) {
    page = await client.targets({ ...filter, cursor: page.next_cursor });
    items.push(...page.items);
  }
  return items;
}

function targetLines(items: readonly Target[], options: Filter): string[] {
  if (items.length === 0) return [noneText(options)];
  const hasOwners = items.some(({ owners }) => owners !== undefined);
  const head = ['TARGET', 'ENVIRONMENT', 'TITLE', ...(hasOwners ? ['OWNERS'] : []), 'ACTIONS'];
  const rows = items.map(({ id, environment, title, owners = [], actions }) => [
    visible(id),
    visible(environment),
    visible(title),
    ...(hasOwners ? [owners.map(visible).join(', ')] : []),
    actions.map(visible).join(', '),
  ]);
  return tableLines([head, ...rows]);
}

function noneText({ environment, action }: Filter): string {
  const of = [
    ...(environment === undefined ? [] : [` in the environment ${quote(environment)}`]),
    ...(action === undefined ? [] : [` for the action ${quote(action)}`]),
  ].join('');
  return `There is no target${of}.${of === '' ? '' : ' All: keyturn targets'}`;
}
