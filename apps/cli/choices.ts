import { InvalidArgumentError, Option } from 'commander';

import { didYouMean } from '../../domain/suggestion.ts';

/** An option that takes one of a few words, and asks whether another was meant. */
export function choiceOption(flags: string, description: string, choices: readonly string[]): Option {
  const option = new Option(flags, description).choices(choices);
  return option.argParser((text: string) => oneOf(text, choices));
}

function oneOf(text: string, choices: readonly string[]): string {
  if (choices.includes(text)) return text;
  const meant = didYouMean(text, choices).replace(/^, d/, 'D');
  throw new InvalidArgumentError(`${meant === '' ? '' : `${meant} `}It takes ${choices.join(', ')}.`);
}
