/** A text in three: what two texts share before and after what differs. */
export interface Parts {
  readonly before: string;
  readonly differing: string;
  readonly after: string;
}

const LETTER = /[\p{L}\p{M}\p{N}]/u;

/** Where two texts differ, in whole words: a word that is cut apart could not be seen to be of mixed scripts. */
export function differing(one: string, other: string): readonly [Parts, Parts] {
  const [left, right] = [[...one], [...other]];
  let start = 0;
  while (start < left.length && start < right.length && left[start] === right[start]) start += 1;
  let end = 0;
  const room = Math.min(left.length, right.length) - start;
  while (end < room && left[left.length - 1 - end] === right[right.length - 1 - end]) end += 1;
  while (start > 0 && LETTER.test(left[start - 1] ?? '')) start -= 1;
  while (end > 0 && LETTER.test(left[left.length - end] ?? '')) end -= 1;
  return [partsOf(left, start, end), partsOf(right, start, end)];
}

function partsOf(letters: readonly string[], start: number, end: number): Parts {
  const until = letters.length - end;
  return {
    before: letters.slice(0, start).join(''),
    differing: letters.slice(start, until).join(''),
    after: letters.slice(until).join(''),
  };
}
