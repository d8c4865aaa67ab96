import { RE2JS } from 're2js';

import { PatternError, type Pattern } from './pattern.ts';

/** A larger program is refused: at up to 200 ns a step, 500 instructions over 4 KiB of text take up to 0.4 s. */
const INSTRUCTIONS_MAX = 500;

/** A regular expression in RE2 syntax, found anywhere in the text. Time grows with text × program, whatever the text. */
export function compileRegularExpression(source: string): Pattern {
  const program = compile(source);
  const size = program.programSize();
  if (size > INSTRUCTIONS_MAX) {
    throw new PatternError(`the pattern needs ${size} instructions, more than ${INSTRUCTIONS_MAX}`);
  }
  return { stepsPerCharacter: size, test: (text) => program.test(text) };
}

function compile(source: string): RE2JS {
  try {
    return RE2JS.compile(source);
  } catch (error) {
    throw new PatternError(error instanceof Error ? error.message : 'the pattern does not compile');
  }
}
