import { describe, expect, it } from 'vitest';

import { leftOut, planLines } from '../../apps/cli/text/plan.ts';
import { untoned } from '../../apps/cli/text/tone.ts';
import { requestView } from '../sdk/view.ts';

const plan = requestView().plan;
if (!plan) throw new Error('the view has no plan');
const [first] = plan.effects;
if (!first) throw new Error('the plan has no effect');
const effect = first;

function rows(count: number) {
  return Array.from({ length: count }, (_, index) => ({
    key: `id=${index}`,
    before: null,
    after: { n: '1' },
  }));
}

function tables(count: number) {
  return Array.from({ length: count }, (_, index) => ({ ...effect, resource: `public.t${index}`, rows: [] }));
}

function linesOf(shown: typeof plan & {}, isWhole: boolean): string[] {
  return planLines(shown, { isWhole, id: 'req_1' }).map(untoned);
}

describe('a long plan on a terminal', () => {
  it.each([
    ['20 rows', 20, 20, null],
    ['21 rows', 21, 20, '    … and 1 more row (keyturn show req_1 --full)'],
    ['500 rows', 500, 20, '    … and 480 more rows (keyturn show req_1 --full)'],
  ])('shows at most twenty rows of a table: of %s', (...[, count, shown, more]) => {
    const long = { ...plan, effects: [{ ...effect, rows: rows(count) }] };
    const lines = linesOf(long, false);
    expect(lines.filter((line) => line.startsWith('    + id='))).toHaveLength(shown);
    expect(lines.find((line) => line.includes('more row')) ?? null).toBe(more);
    expect(linesOf(long, true).filter((line) => line.startsWith('    + id='))).toHaveLength(count);
  });

  it.each([
    ['12 tables', 12, 12, null],
    ['13 tables', 13, 12, '  … and 1 more table (keyturn show req_1 --full)'],
    ['220 tables', 220, 12, '  … and 208 more tables (keyturn show req_1 --full)'],
  ])('shows at most twelve tables: of %s', (...[, count, shown, more]) => {
    const long = { ...plan, effects: tables(count) };
    const lines = linesOf(long, false);
    expect(lines.filter((line) => line.startsWith('  public.t'))).toHaveLength(shown);
    expect(lines.find((line) => line.includes('more table')) ?? null).toBe(more);
    expect(linesOf(long, true).filter((line) => line.startsWith('  public.t'))).toHaveLength(count);
  });

  it('does not claim to know what is written into rows that are only met', () => {
    const met = { ...effect, is_counts_only: true, rows: [{ key: 'id=7', before: {}, after: {} }] };
    expect(linesOf({ ...plan, effects: [met] }, true)).toContain(
      '    ~ id=7 (what is written into it is not known)',
    );
  });
});

describe('the files of a policy on a terminal', () => {
  const shown = (diff: string, isWhole = true): string[] =>
    linesOf({ ...plan, effects: [], files: [{ file: 'rules/a.yaml', diff }] }, isWhole);

  it('are shown by line, and what is in them cannot hide or pass for another line', () => {
    const hostile = `# fine \u202e\u001b[2K${' '.repeat(100)}${'x'.repeat(130)}`;
    const lines = shown(`@@ -1 +1 @@\n rules:\n+${hostile}\n-  - id: b`);
    const from = lines.indexOf("  Changes to rules/a.yaml, in their author's words:");
    expect(lines.slice(from + 1, from + 6)).toEqual([
      '    | @@ -1 +1 @@',
      '    |  rules:',
      `    | +# fine <U+202E><U+001B>[2K<100 spaces>${'x'.repeat(81)}`,
      `    \\ ${'x'.repeat(49)}`,
      '    | -  - id: b',
    ]);
  });

  it('are cut where they are long, which is said, and whole with --full', () => {
    const diff = Array.from({ length: 100 }, (_, n) => `+line ${n}`).join('\n');
    expect(shown(diff, false).filter((line) => line.includes('+line'))).toHaveLength(59);
    expect(shown(diff, false)).toContain('    … and 41 more lines (keyturn show req_1 --full)');
    expect(shown(diff).filter((line) => line.includes('+line'))).toHaveLength(100);
    expect(leftOut({ ...plan, effects: [], files: [{ file: 'a', diff }] })).toBe('41 lines of the files');
  });
});
