/** `a`, `a or b`, `a, b or c` */
export function listed(words: readonly string[], conjunction: 'and' | 'or'): string {
  const last = words.at(-1) ?? '';
  return words.length < 2 ? last : `${words.slice(0, -1).join(', ')} ${conjunction} ${last}`;
}

/** `1,234`: the same everywhere, so that what is typed can be compared. */
export function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** The same with a capital letter in front. */
export function sentence(text: string): string {
  return text.replace(/^\p{Ll}/u, (letter) => letter.toUpperCase());
}

/** The server counts no further. */
const COUNTED_MAX = 1_000;

/** A count as the server gives it: one that is capped says so. */
export function cappedText(count: number): string {
  return count >= COUNTED_MAX ? `${grouped(COUNTED_MAX)}+` : String(count);
}
