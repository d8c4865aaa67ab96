/** Unchanged lines that are shown before and after a change. */
const CONTEXT = 3;

/** A line with the sign that it has in a diff. */
type Line = readonly [sign: ' ' | '+' | '-', text: string];

/**
 * How one text becomes another, as a unified diff. Never more work than the texts are long, whatever they hold: lines that
 * occur once in both are what the rest is lined up by, so the diff need not be the shortest one.
 */
export function lineDiff(before: string, after: string): string {
  const lines = changesOf(linesOf(before), linesOf(after));
  return hunksOf(lines).join('\n');
}

/** Whether the last line has an end is not told. */
function linesOf(text: string): readonly string[] {
  return text === '' ? [] : text.replace(/\n$/, '').split('\n');
}

function changesOf(before: readonly string[], after: readonly string[]): readonly Line[] {
  const parts: (readonly Line[])[] = [];
  let [left, right] = [0, 0];
  for (const [oldAt, newAt] of [...anchorsOf(before, after), [before.length, after.length] as const]) {
    parts.push(replaced(before.slice(left, oldAt), after.slice(right, newAt)));
    parts.push(before.slice(oldAt, oldAt + 1).map((line) => [' ', line]));
    [left, right] = [oldAt + 1, newAt + 1];
  }
  return parts.flat();
}

/** Between two anchors: what both begin and end with stays. */
function replaced(before: readonly string[], after: readonly string[]): readonly Line[] {
  const least = Math.min(before.length, after.length);
  let head = 0;
  while (head < least && before[head] === after[head]) head += 1;
  let tail = 0;
  while (tail < least - head && before.at(-1 - tail) === after.at(-1 - tail)) tail += 1;
  const signed = (sign: Line[0], lines: readonly string[]): Line[] => lines.map((line) => [sign, line]);
  return [
    ...signed(' ', before.slice(0, head)),
    ...signed('-', before.slice(head, before.length - tail)),
    ...signed('+', after.slice(head, after.length - tail)),
    ...signed(' ', before.slice(before.length - tail)),
  ];
}

/** The most lines that occur once in both texts and stand in the same order there: patience sorting. */
function anchorsOf(
  before: readonly string[],
  after: readonly string[],
): readonly (readonly [oldAt: number, newAt: number])[] {
  const positions = uniqueLines(after);
  const common = [...uniqueLines(before)].flatMap(([line, oldAt]) => {
    const newAt = positions.get(line);
    return newAt === undefined ? [] : [{ oldAt, newAt, previous: -1 }];
  });
  const piles: number[] = [];
  for (const [index, { newAt }] of common.entries()) {
    const at = pileFor(newAt, (pile) => common[piles[pile] ?? 0]?.newAt ?? 0, piles.length);
    const entry = common[index];
    if (entry) entry.previous = piles[at - 1] ?? -1;
    piles[at] = index;
  }
  const found: (readonly [number, number])[] = [];
  for (let entry = common[piles.at(-1) ?? -1]; entry; entry = common[entry.previous])
    found.push([entry.oldAt, entry.newAt]);
  return found.reverse();
}

/** The first pile whose top is not smaller. */
function pileFor(value: number, topOf: (pile: number) => number, count: number): number {
  let [low, high] = [0, count];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (topOf(middle) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Lines that occur once, with their index. */
function uniqueLines(lines: readonly string[]): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const [index, line] of lines.entries()) found.set(line, found.has(line) ? -1 : index);
  return new Map([...found].filter(([, index]) => index >= 0));
}

/** Changed lines with what stands around them, each hunk under the line numbers that it begins at. */
function hunksOf(lines: readonly Line[]): readonly string[] {
  const text: string[] = [];
  const numbers = { ' ': 0, '+': 0, '-': 0 };
  let isOpen = false;
  const isNear = nearness(lines);
  for (const [index, [sign, line]] of lines.entries()) {
    if (isNear[index] && !isOpen)
      text.push(`@@ -${numbers['-'] + numbers[' '] + 1} +${numbers['+'] + numbers[' '] + 1} @@`);
    isOpen = isNear[index] ?? false;
    if (isOpen) text.push(`${sign}${line}`);
    numbers[sign] += 1;
  }
  return text;
}

/** Which lines are changed, or stand near one that is. */
function nearness(lines: readonly Line[]): readonly boolean[] {
  const near: boolean[] = Array.from({ length: lines.length }, () => false);
  for (const [index, [sign]] of lines.entries())
    if (sign !== ' ') near.fill(true, Math.max(0, index - CONTEXT), index + CONTEXT + 1);
  return near;
}
