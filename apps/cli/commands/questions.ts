import type { Command } from 'commander';

import type { KeyturnClient } from '../../../sdk/client.ts';
import { clientOf, withApi, type ApiOptions } from '../connection.ts';
import { failure } from '../exit.ts';
import { withExamples } from '../help.ts';
import type { Terminal } from '../terminal.ts';
import { visibleJson } from '../../../domain/cards/visible.ts';

export function addAnswer(program: Command, terminal: Terminal): void {
  const command = withApi(program.command('answer <id> <answer>'))
    .description('answer a question about a request of your own')
    .option('--question <id>', 'which question, where several are open')
    .action(async (id: string, answer: string, options: ApiOptions & { readonly question?: string }) => {
      const client = await clientOf(options, terminal);
      const question = options.question ?? (await onlyOpen(client, id));
      const answered = await client.answer(id, question, answer);
      if (options.json) return terminal.out(JSON.stringify(answered));
      return terminal.out('Your answer is recorded.');
    });
  withExamples(command, [
    'keyturn answer ID "For ticket 4711"',
    'keyturn answer ID "For ticket 4711" --question QUESTION',
  ]);
}

async function onlyOpen(client: KeyturnClient, id: string): Promise<string> {
  const { questions = [] } = await client.show(id);
  const open = questions.filter(({ answer }) => answer === null);
  const [only] = open;
  if (!only) throw failure('not_found', 'No question about this request waits for an answer.');
  if (open.length === 1) return only.id;
  const listed = open.map(({ id: question, text }) => `  ${question} ${visibleJson(text)}`).join('\n');
  throw failure('several_questions', `Several questions are open: name one by --question.\n${listed}`);
}
