/** A compiled literal pattern of re2(), glob() or cidr(). */
export interface Pattern {
  /** Work for one UTF-16 unit of text, in steps. Bounds the time of `test` before it starts. */
  readonly stepsPerCharacter: number;
  /** Throws a `PatternError` for a text that is not of the kind the pattern judges. */
  readonly test: (text: string) => boolean;
}

/** Steps that are left to patterns, wherever they are. */
export interface PatternSteps {
  left: number;
}

/**
 * Steps that all patterns of one evaluation may take together, whatever its rules: at most 1 s, since a step takes up to
 * 200 ns where a text leads a regular expression to ever new states, and mostly less than 15. More is an error.
 */
const EVALUATION_STEPS = 5_000_000;

/** The steps of one evaluation, all of them left. */
export function evaluationSteps(): PatternSteps {
  return { left: EVALUATION_STEPS };
}

/** Takes the steps that a pattern may need for a text. False, then and for all later ones, when too few are left. */
export function takeSteps(steps: PatternSteps, pattern: Pattern, text: string): boolean {
  steps.left -= pattern.stepsPerCharacter * (text.length + 1);
  return steps.left >= 0;
}

/** A pattern that cannot be used, or a text that a pattern cannot judge. The message quotes the pattern, never the text. */
export class PatternError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'PatternError';
  }
}
