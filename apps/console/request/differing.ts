/** A text in three: what two texts share before and after what differs. */
export interface Parts {
  readonly before: string;
  readonly differing: string;
  readonly after: string;
}

const LETTER = /[\p{L}\p{M}\p{N}]/u;

/** Where two texts differ, in whole words: a word that is cut apart could not be seen to be of mixed scripts. */
export function differing(one: string, other: string): readonly [Parts, Parts] {
  const [left, right] = [Array.from(one), Array.from(other)];
  const start = wordStart(left, sharedStart(left, right));
  const room = Math.min(left.length, right.length) - start;
  const end = wordEnd(left, Math.min(room, sharedStart(left.toReversed(), right.toReversed())));
  return [partsOf(left, start, end), partsOf(right, start, end)];
}

function sharedStart(left: readonly string[], right: readonly string[]): number {
  const differs = left.findIndex((letter, index) => letter !== right[index]);
  return differs === -1 ? left.length : differs;
}

/** Back to where the word begins that is cut at an index. */
function wordStart(letters: readonly string[], index: number): number {
  let start = index;
  while (start > 0 && LETTER.test(letters[start - 1] ?? '')) start -= 1;
  return start;
}

/** How many letters are left at the end once the word that is cut there is whole. */
function wordEnd(letters: readonly string[], count: number): number {
  let end = count;
  while (end > 0 && LETTER.test(letters[letters.length - end] ?? '')) end -= 1;
  return end;
}

function partsOf(letters: readonly string[], start: number, end: number): Parts {
  const until = letters.length - end;
  return {
    before: letters.slice(0, start).join(''),
    differing: letters.slice(start, until).join(''),
    after: letters.slice(until).join(''),
  };
}
