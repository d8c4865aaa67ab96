import { Help, type Command, type Option } from 'commander';

import { codesOf, exitHelp } from './exit.ts';

/** What a help text has beyond options: how a command is used, and which exit codes scripts can rely on. */
export interface Explanation {
  readonly examples: readonly string[];
  readonly exits: Readonly<Record<number, string>>;
}

/** Adds examples to the end of a command's help. */
export function withExamples(command: Command, examples: readonly string[]): Command {
  const head = examples.length === 1 ? 'Example:' : 'Examples:';
  return command.addHelpText('after', ['', head, ...examples.map((example) => `  ${example}`)].join('\n'));
}

/** Adds examples and exit codes to the end of a command's help. */
export function explained(command: Command, { examples, exits }: Explanation): Command {
  const lines = [
    '',
    'Exit codes:',
    ...Object.entries(exits).map(([code, meaning]) => `  ${code}  ${meaning}`),
  ];
  EXPLAINED.add(command);
  return withExamples(command, examples).addHelpText('after', lines.join('\n'));
}

const EXPLAINED = new WeakSet<Command>();

/** Adds the usual exit codes to the help of each command below that says none of its own. */
export function addExitCodes(command: Command): void {
  for (const child of command.commands) addExitCodes(child);
  if (command.commands.length > 0 || EXPLAINED.has(command)) return;
  command.addHelpText(
    'after',
    exitHelp(
      codesOf(nameOf(command)),
      command.options.some(({ long }) => long === '--fail-on'),
    ),
  );
}

/** Makes each mistake on a command line show how its command is used. */
export function addUsage(command: Command): void {
  for (const child of command.commands) addUsage(child);
  const usage = command.createHelp().commandUsage(command);
  command.showHelpAfterError(`Usage: ${usage}\nMore: ${nameOf(command)} --help`);
}

const COMMON: ReadonlySet<string | undefined> = new Set(['--json', '--api', '--token', '--help']);

/** The options of a command, its own first, then those that most commands have. */
export function commonLast(command: Command): Option[] {
  const options = new Help().visibleOptions(command);
  const isCommon = ({ long }: Option): boolean => COMMON.has(long);
  return [...options.filter((option) => !isCommon(option)), ...options.filter(isCommon)];
}

/** A command in the list of all: every one has options, so they are not mentioned. */
export function termOf(command: Command): string {
  const given = command.registeredArguments.map((one) =>
    one.required ? `<${one.name()}>` : `[${one.name()}]`,
  );
  return [command.name(), ...given].join(' ');
}

function nameOf(command: Command): string {
  return command.parent ? `${nameOf(command.parent)} ${command.name()}` : command.name();
}
