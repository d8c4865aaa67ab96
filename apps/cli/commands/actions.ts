import type { Command } from 'commander';

import type { JsonValue } from '../../../domain/crypto/canonical-json.ts';
import { didYouMean, quote } from '../../../domain/conditions/did-you-mean.ts';
import type { ActionCatalogue } from '../../../contract/actions.ts';
import { clientOf, withApi, type ApiOptions } from '../connection.ts';
import { failure } from '../exit.ts';
import { withExamples } from '../help.ts';
import type { Terminal } from '../terminal.ts';
import { argumentRows } from '../text/argument-schema.ts';
import { factLines, tableLines } from '../text/table.ts';
import { visible } from '../../../domain/cards/visible.ts';

type Action = ActionCatalogue['items'][number];

export function addActions(program: Command, terminal: Terminal): void {
  const command = withApi(program.command('actions [action]'))
    .description('list what can be requested; with an action, show its arguments and targets')
    .action(async (name: string | undefined, options: ApiOptions) => {
      const { items } = await (await clientOf(options, terminal)).actions();
      if (name === undefined)
        return terminal.out(options.json ? JSON.stringify({ items }) : listLines(items).join('\n'));
      const action = actionOf(items, name);
      return terminal.out(options.json ? JSON.stringify(action) : actionLines(action).join('\n'));
    });
  withExamples(command, ['keyturn actions', 'keyturn actions postgres.execute']);
}

function actionOf(items: readonly Action[], name: string): Action {
  const action = items.find((item) => item.action === name);
  if (action) return action;
  const names = items.map((item) => item.action);
  throw failure(
    'unknown_action',
    `There is no action ${quote(name)}${didYouMean(name, names) || '. To list all: keyturn actions'}`,
  );
}

function listLines(items: readonly Action[]): string[] {
  const rows = items.map(({ action, title, targets }) => [
    visible(action),
    visible(title),
    targets.map(({ id }) => visible(id)).join(', '),
  ]);
  return [
    ...tableLines([['ACTION', 'TITLE', 'TARGETS'], ...rows]),
    '',
    'Arguments of an action: keyturn actions ACTION',
  ];
}

function actionLines({
  action,
  title,
  mode,
  schema_version: version,
  arguments: schema,
  targets,
}: Action): string[] {
  const rows = argumentRows(schema as Readonly<Record<string, JsonValue>>);
  const listed = targets.map(({ id, environment }) => `${visible(id)} (${visible(environment)})`);
  const given = mode === 'execute' ? '' : ` --mode ${mode}`;
  return [
    `${visible(action)}, version ${version}: ${visible(title)}`,
    '',
    rows.length === 0
      ? 'It takes no arguments.'
      : 'Arguments (-a NAME=TEXT, or --arguments JSON for values that are not text):',
    ...(rows.length === 0 ? [] : factLines(rows)),
    '',
    listed.length === 0 ? 'It has no targets.' : `Targets: ${listed.join(', ')}`,
    ...(targets[0]
      ? ['', `To request it: keyturn request ${visible(action)} ${visible(targets[0].id)}${given} …`]
      : []),
  ];
}
