import { Help, InvalidArgumentError, type Command, type Option } from 'commander';

import { didYouMean } from '../../domain/conditions/did-you-mean.ts';
import { exitsOf } from './exit.ts';

export function withExamples(command: Command, examples: readonly string[]): Command {
  const head = examples.length === 1 ? 'Example:' : 'Examples:';
  return command.addHelpText('after', ['', head, ...examples.map((example) => `  ${example}`)].join('\n'));
}

/** Adds the exit codes to the help of each command below. */
export function addExitCodes(command: Command): void {
  for (const child of command.commands) addExitCodes(child);
  if (command.commands.length > 0) return;
  const hasFailOn = command.options.some(({ long }) => long === '--fail-on');
  const exits = Object.entries(exitsOf(nameOf(command), hasFailOn));
  const lines = exits.map(([code, meaning]) => `  ${code}  ${meaning}`);
  command.addHelpText('after', ['', 'Exit codes:', ...lines].join('\n'));
}

/** Makes each mistake on a command line show how its command is used. */
export function addUsage(command: Command): void {
  for (const child of command.commands) addUsage(child);
  if (command.commands.length > 0) command.helpCommand('help [command]', 'show the help of a command');
  const usage = command.createHelp().commandUsage(command);
  command.showHelpAfterError(`Usage: ${usage}\nMore: ${nameOf(command)} --help`);
}

/** Makes every option and argument that takes one of a few words ask whether another was meant. */
export function suggestChoices(command: Command): void {
  for (const taking of [...command.options, ...command.registeredArguments]) {
    const { argChoices: choices } = taking;
    if (choices !== undefined) taking.argParser((text: string) => oneOf(text, choices));
  }
  for (const child of command.commands) suggestChoices(child);
}

function oneOf(text: string, choices: readonly string[]): string {
  if (choices.includes(text)) return text;
  const meant = didYouMean(text, choices).replace(/^, d/, 'D');
  throw new InvalidArgumentError(`${meant === '' ? '' : `${meant} `}It takes ${choices.join(', ')}.`);
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
