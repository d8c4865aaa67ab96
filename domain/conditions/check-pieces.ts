import { quote } from './did-you-mean.ts';
import { PATTERN_COMPILERS, type SyntaxNode } from './engine.ts';
import type { FactType } from './fact-type.ts';
import { literalsOf, type Inference } from './inference.ts';
import { evaluationSteps, takeSteps, type Pattern } from './pattern.ts';

/** A text, and what a function looks for in it. */
interface PieceOfText {
  /** The name of the function. */
  readonly name: string;
  readonly type: FactType | null;
  readonly piece: SyntaxNode | undefined;
}

/** Reports a piece, or a pattern, that none of the values has which the text can be. */
export function checkPiece(inference: Inference, { name, type, piece }: PieceOfText): void {
  const look = Object.hasOwn(LOOKS, name) ? LOOKS[name as keyof typeof LOOKS] : undefined;
  const closed = type && closedValues(type);
  if (!look || !closed || piece?.op !== 'value' || typeof piece.args !== 'string') return;
  const has = look.has(piece.args);
  if (has === null || closed.values.some(has)) return;
  inference.report(piece, `no ${closed.what} ${look.words(quote(piece.args))}`);
}

/** Everything that a text from facts can be; null where it may be more. */
function closedValues(type: FactType): { readonly what: string; readonly values: readonly string[] } | null {
  if (type.kind !== 'string' || literalsOf(type).length > 0) return null;
  if (type.enum) return { what: 'value', values: type.enum };
  const { names } = type;
  return names === undefined || names.isOpen ? null : { what: names.what, values: names.known };
}

interface Look {
  /** Null where that cannot be told. */
  readonly has: (piece: string) => ((text: string) => boolean) | null;
  readonly words: (piece: string) => string;
}

const LOOKS = {
  startsWith: {
    has: (piece) => (text) => text.startsWith(piece),
    words: (piece) => `with ${piece} at its beginning`,
  },
  endsWith: { has: (piece) => (text) => text.endsWith(piece), words: (piece) => `with ${piece} at its end` },
  contains: { has: (piece) => (text) => text.includes(piece), words: (piece) => `with ${piece} in it` },
  glob: { has: (piece) => testOf(PATTERN_COMPILERS.glob, piece), words: (piece) => `that fits ${piece}` },
  re2: { has: (piece) => testOf(PATTERN_COMPILERS.re2, piece), words: (piece) => `that fits ${piece}` },
} as const satisfies Readonly<Record<string, Look>>;

/** A pattern that cannot be compiled is reported where it is parsed. */
function testOf(compile: (source: string) => Pattern, source: string): ((text: string) => boolean) | null {
  try {
    const pattern = compile(source);
    const steps = evaluationSteps();
    // What takes too long to find out is not reported.
    return (text) => !takeSteps(steps, pattern, text) || pattern.test(text);
  } catch {
    return null;
  }
}
