import type { Command } from 'commander';

import { codesOf, exitHelp } from './exit.ts';

/** What a help says beyond options: how a command is used, and by which exit codes scripts tell what came of it. */
export interface Explanation {
  readonly examples: readonly string[];
  readonly exits: Readonly<Record<number, string>>;
}

/** Adds examples and exit codes to the end of a command's help. */
export function explained(command: Command, { examples, exits }: Explanation): Command {
  const lines = [
    '',
    examples.length === 1 ? 'Example:' : 'Examples:',
    ...examples.map((example) => `  ${example}`),
    '',
    'Exit codes:',
    ...Object.entries(exits).map(([code, meaning]) => `  ${code}  ${meaning}`),
  ];
  EXPLAINED.add(command);
  return command.addHelpText('after', lines.join('\n'));
}

const EXPLAINED = new WeakSet<Command>();

/** Adds the usual exit codes to the help of each command below that says none of its own. */
export function addExitCodes(command: Command): void {
  for (const child of command.commands) addExitCodes(child);
  if (command.commands.length > 0 || EXPLAINED.has(command)) return;
  command.addHelpText('after', exitHelp(codesOf(nameOf(command))));
}

function nameOf(command: Command): string {
  return command.parent ? `${nameOf(command.parent)} ${command.name()}` : command.name();
}
