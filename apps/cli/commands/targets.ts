import type { Command } from 'commander';

import type { TargetPage } from '../../../contract/targets.ts';
import { clientOf, withApi, type ApiOptions } from '../connection.ts';
import { withExamples } from '../help.ts';
import type { Terminal } from '../terminal.ts';
import { tableLines } from '../text/table.ts';
import { visible } from '../../../domain/cards/visible.ts';
import { allTargets, unknownNames, type Filter } from '../unknown-names.ts';

type TargetsOptions = ApiOptions & Pick<Filter, 'environment' | 'action'>;

type Target = TargetPage['items'][number];

export function addTargets(program: Command, terminal: Terminal): void {
  const command = withApi(program.command('targets'))
    .description(
      'list what actions act on: each target with its environment, and what may be requested on it',
    )
    .option('--environment <environment>', 'only those of this environment')
    .option('--action <action>', 'only those that this action acts on')
    .action(async (options: TargetsOptions) => {
      const { environment, action } = options;
      const client = await clientOf(options, terminal);
      const items = await allTargets(client, { environment, action });
      const unknown = items.length === 0 ? await unknownNames(client, { environment, action }) : [];
      for (const line of unknown) terminal.error(line);
      if (options.json) terminal.out(JSON.stringify({ items }));
      else if (items.length > 0) terminal.out(targetLines(items).join('\n'));
      else terminal.error('No targets found.');
    });
  withExamples(command, ['keyturn targets', 'keyturn targets --action postgres.execute --json']);
}

function targetLines(items: readonly Target[]): string[] {
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
