import { InvalidArgumentError, type Command } from 'commander';

import { didYouMean } from '../../domain/conditions/did-you-mean.ts';

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
