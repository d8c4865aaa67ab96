import { PatternError, type Pattern } from './pattern.ts';

type Token =
  { readonly kind: 'literal'; readonly character: string } | { readonly kind: 'one' | 'within' | 'across' };

/** Characters that mean something in other glob dialects: taken literally they would silently match nothing. */
const FOREIGN = /[\\[\]{}!]/u;

/**
 * A glob: `*` is any run of characters without `/`, `**` any run at all, `?` one character other than `/`; everything
 * else is itself. The whole text must match. Time grows with text × pattern, whatever the text.
 */
export function compileGlob(source: string): Pattern {
  const tokens = tokensOf(source);
  return { stepsPerCharacter: tokens.length + 1, test: (text) => isMatch(tokens, text) };
}

function tokensOf(source: string): readonly Token[] {
  if (source === '') throw new PatternError('an empty glob matches only the empty text');
  const foreign = FOREIGN.exec(source);
  if (foreign) throw new PatternError(`${foreign[0]} has no meaning in a glob: only *, ** and ? have`);
  const runs = source.match(/\*+|[^*]/gu) ?? [];
  return runs.map(tokenOf);
}

function tokenOf(run: string): Token {
  if (run.length > 2 && run.startsWith('*')) throw new PatternError('more than two * in a row');
  if (run === '**') return { kind: 'across' };
  if (run === '*') return { kind: 'within' };
  return run === '?' ? { kind: 'one' } : { kind: 'literal', character: run };
}

/** Walks all possible positions in the pattern at once: no backtracking, so no text makes it slow. */
function isMatch(tokens: readonly Token[], text: string): boolean {
  let here = withSkips(tokens, new Set([0]));
  for (const character of text) {
    const next = new Set<number>();
    for (const position of here) {
      const token = tokens[position];
      if (token && canTake(token, character)) next.add(isRun(token) ? position : position + 1);
    }
    if (next.size === 0) return false;
    here = withSkips(tokens, next);
  }
  return here.has(tokens.length);
}

/** A run may be empty, so the position behind it is possible too. A Set visits what is added while it is walked. */
function withSkips(tokens: readonly Token[], positions: Set<number>): ReadonlySet<number> {
  for (const position of positions) {
    const token = tokens[position];
    if (token && isRun(token)) positions.add(position + 1);
  }
  return positions;
}

function isRun(token: Token): boolean {
  return token.kind === 'within' || token.kind === 'across';
}

function canTake(token: Token, character: string): boolean {
  if (token.kind === 'literal') return token.character === character;
  return token.kind === 'across' || character !== '/';
}
