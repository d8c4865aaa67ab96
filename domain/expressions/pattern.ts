/** A compiled literal pattern of re2(), glob() or cidr(). */
export interface Pattern {
  /** Work for one UTF-16 unit of text, in steps. Bounds the time of `test` before it starts. */
  readonly stepsPerCharacter: number;
  /** Throws a `PatternError` for a text that is not of the kind the pattern judges. */
  readonly test: (text: string) => boolean;
}

/** A pattern that cannot be used, or a text that a pattern cannot judge. The message quotes the pattern, never the text. */
export class PatternError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'PatternError';
  }
}
