const QUOTE_LENGTH_MAX = 80;

/** Text that somebody wrote, for use in a message: short, and without characters that could drive a terminal. */
export function quote(text: string): string {
  const shown = text.length > QUOTE_LENGTH_MAX ? `${text.slice(0, QUOTE_LENGTH_MAX)}…` : text;
  return `'${shown.replaceAll(/\p{Cc}|\p{Cf}|\p{Zl}|\p{Zp}/gu, '?')}'`;
}

/** `, did you mean 'effect'?` when a known word is close, else nothing. */
export function didYouMean(word: string, known: Iterable<string>): string {
  const reach = word.length <= 3 ? 1 : 2;
  let best: { readonly word: string; readonly distance: number } | null = null;
  for (const candidate of known) {
    if (Math.abs(candidate.length - word.length) > reach) continue;
    const distance = editDistance(word, candidate);
    if (distance <= reach && distance < (best?.distance ?? Infinity)) best = { word: candidate, distance };
  }
  return best ? `, did you mean ${quote(best.word)}?` : '';
}

/** Levenshtein distance, where swapping two neighbours counts one: the commonest slip of the keyboard. */
function editDistance(left: string, right: string): number {
  const rows: number[][] = [Array.from({ length: right.length + 1 }, (_, column) => column)];
  const at = (row: number, column: number): number => rows[row]?.[column] ?? Infinity;
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row];
    rows.push(current);
    for (let column = 1; column <= right.length; column += 1) {
      const substitution = left[row - 1] === right[column - 1] ? 0 : 1;
      const isSwap = left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1];
      const steps = [
        at(row - 1, column) + 1,
        at(row, column - 1) + 1,
        at(row - 1, column - 1) + substitution,
      ];
      current[column] = Math.min(...steps, isSwap ? at(row - 2, column - 2) + 1 : Infinity);
    }
  }
  return at(left.length, right.length);
}
