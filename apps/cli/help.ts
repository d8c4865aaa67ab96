import type { Command } from 'commander';

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
  return command.addHelpText('after', lines.join('\n'));
}
