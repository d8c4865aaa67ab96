import { describe, expect, it } from 'vitest';

import { lineDiff } from '../../policy-files/line-diff.ts';

function text(lines: readonly (string | number)[]): string {
  return lines.map((line) => `${line}\n`).join('');
}

const TWENTY = Array.from({ length: 20 }, (_, n) => n + 1);

/** What the new text is, by the old one and the diff: what no hunk names is unchanged. */
function applied(before: string, diff: string): string {
  const old = before === '' ? [] : before.replace(/\n$/, '').split('\n');
  const lines: string[] = [];
  let at = 0;
  const take = (line: string): void => {
    const [sign, words] = [line.charAt(0), line.slice(1)];
    if (sign !== '+' && old[at++] !== words) throw new Error(`The diff does not fit at line ${at}.`);
    if (sign !== '-') lines.push(words);
  };
  for (const line of diff === '' ? [] : diff.split('\n')) {
    const [, start] = /^@@ -(\d+) \+\d+ @@$/.exec(line) ?? [];
    if (start === undefined) take(line);
    else while (at < Number(start) - 1) lines.push(old[at++] ?? '');
  }
  return text([...lines, ...old.slice(at)]);
}

describe('a line diff', () => {
  it('shows what changes with three lines around it, hunk by hunk', () => {
    const after = [0, ...TWENTY.slice(0, 14), 'x', ...TWENTY.slice(15)];
    expect(lineDiff(text(TWENTY), text(after)).split('\n')).toEqual(
      ['@@ -1 +1 @@', '+0', ' 1', ' 2', ' 3', '@@ -12 +13 @@', ' 12', ' 13', ' 14', '-15', '+x'].concat([
        ' 16',
        ' 17',
        ' 18',
      ]),
    );
  });

  it('is empty for the same text, and tells nothing of the end of its last line', () => {
    expect([lineDiff('a\n', 'a\n'), lineDiff('a', 'a\n'), lineDiff('', '')]).toEqual(['', '', '']);
  });

  it('gives the new text of the old one, whatever they hold', () => {
    let state = 7;
    const random = (below: number): number => {
      state = (state * 1_103_515_245 + 12_345) & 0x7fffffff;
      return (state >> 8) % below;
    };
    for (let round = 0; round < 2_000; round += 1) {
      const [before, after] = [0, 1].map(() => text(Array.from({ length: random(12) }, () => random(8))));
      if (before === undefined || after === undefined) return expect.unreachable();
      expect(applied(before, lineDiff(before, after)), JSON.stringify([before, after])).toBe(after);
    }
  });

  it.each([
    ['all lines are the same', text(Array(20_000).fill('x')), text(Array(20_001).fill('x'))],
    [
      'all lines are turned around',
      text(Array.from(Array(20_000).keys())),
      text(Array.from(Array(20_000).keys()).reverse()),
    ],
  ])('comes to an end where %s', (_what, before, after) => {
    expect(lineDiff(before, after)).not.toBe('');
  });
});
