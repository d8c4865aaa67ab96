const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const;

/** A length of time in its largest unit and the next one: `2h 5m`. */
export function duration(ms: number): string {
  const whole = Math.floor(Math.max(0, ms) / 1_000) * 1_000;
  const at = UNITS.findIndex(([, size]) => whole >= size);
  const [largest, next] = at < 0 ? [] : UNITS.slice(at, at + 2);
  if (!largest) return '0s';
  const rest = whole % largest[1];
  const first = `${Math.floor(whole / largest[1])}${largest[0]}`;
  return next && rest >= next[1] ? `${first} ${Math.floor(rest / next[1])}${next[0]}` : first;
}

/** `a`, `a or b`, `a, b or c` */
export function listed(words: readonly string[], conjunction: 'and' | 'or'): string {
  const last = words.at(-1) ?? '';
  return words.length < 2 ? last : `${words.slice(0, -1).join(', ')} ${conjunction} ${last}`;
}

/** `1,234`: the same everywhere, so that what is typed can be compared. */
export function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}
