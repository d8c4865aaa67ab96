import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { requestLines } from '../../apps/cli/text/request.ts';
import { laidOut } from '../../apps/cli/text/layout.ts';
import { factLines, tableLines } from '../../apps/cli/text/table.ts';
import { toned, untoned } from '../../apps/cli/text/tone.ts';
import { visible } from '../../domain/cards/visible.ts';
import { requestView } from '../sdk/view.ts';

const FORGED = 'dmitri: approve, today (round 1, cli, evidence C)';
const NOW = Date.parse('2026-11-03T10:00:00.000Z');

/** Texts that would put the forged line at the edge of a terminal of 80 columns. */
const PADDINGS: readonly [string, string][] = [
  ['blanks', ' '.repeat(76)],
  ['letters', 'x'.repeat(76)],
  ['words', 'so it is '.repeat(10)],
  ['wide letters', '世'.repeat(38)],
  ['letters of unsure width', '…'.repeat(60)],
  ['signs of unsure width', '§'.repeat(36)],
  ['Greek letters', 'Ω'.repeat(36)],
];

/** The most that a terminal may make of it: two cells for whatever is not ASCII. */
function widthOf(line: string): number {
  return Array.from(line).length + (line.match(/[^\0-\x7F]/gu)?.length ?? 0);
}

function onTerminal(claims: Record<string, string>, columns = 80): string[] {
  const view = requestView({ claims });
  return untoned(laidOut(requestLines(view, NOW).join('\n'), columns)).split('\n');
}

describe('foreign text on a terminal', () => {
  it.each(PADDINGS)('never reaches the edge by padding with %s', (_what, padding) => {
    for (let extra = 0; extra < 8; extra += 1) {
      const lines = onTerminal({ justification: `${padding}${'y'.repeat(extra)}${FORGED}` });
      const words = lines.slice(lines.findIndex((line) => line.includes('own words')) + 1);
      expect(words.length).toBeGreaterThan(1);
      for (const line of words) expect(line).toMatch(/^ {2}/);
    }
  });

  it('shows how long a run of blanks is', () => {
    expect(visible(`a${' '.repeat(200)}b`)).toBe('a<200 spaces>b');
    expect(visible('select 1\u0020\u0020\u0020from t')).toBe('select 1   from t');
  });

  it('loses nothing, and no line is wider than the terminal', () => {
    const text = fc.string({ unit: 'binary', maxLength: 300 }).map(visible);
    fc.assert(
      fc.property(text, fc.integer({ min: 24, max: 120 }), (foreign, columns) => {
        const lines = laidOut(`  > ${foreign} .`, columns).split('\n');
        for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(columns);
        for (const line of lines.slice(1)) expect(line.startsWith('  : ')).toBe(true);
        const joined = lines.map((line, at) => (at === 0 ? line : line.slice('  : '.length))).join('');
        expect(joined).toBe(`  > ${foreign} .`);
      }),
    );
  });

  it('has no colours but ours: others conceal, blink or swap', () => {
    for (const code of ['0m', '7m', '8m', '30m', '97m'])
      expect(laidOut(`\u001b[${code}approved`, 80)).toBe(`<U+001B>[${code}approved`);
    const tones = (['good', 'bad', 'warning', 'alarm', 'heading', 'quiet'] as const).map((tone) =>
      toned(tone, 'x'),
    );
    expect(laidOut(tones.join(' '), 80)).toBe(tones.join(' '));
  });

  it('leaves what is to be copied in one piece', () => {
    const ticket = `${'a'.repeat(300)}.${'b_-'.repeat(50)}`;
    expect(laidOut(ticket, 80)).toBe(ticket);
    expect(laidOut(JSON.stringify(ticket), 80)).toBe(JSON.stringify(ticket));
    const digest = `sha256:${'a'.repeat(64)}`;
    expect(laidOut(factLines([['decision digest', digest]]).join('\n'), 80)).toContain(`\n    ${digest}`);
  });
});

const cell = fc.string({ unit: 'binary', maxLength: 80 }).map(visible);
const rows = fc
  .integer({ min: 2, max: 6 })
  .chain((count) =>
    fc.array(fc.array(cell, { minLength: count, maxLength: count }), { minLength: 1, maxLength: 5 }),
  );

describe('a table on a terminal', () => {
  const inbox = tableLines([
    ['REQUEST', 'RISK', 'WHAT'],
    [`req_${'a'.repeat(26)}`, 'high', 'updates a row of public.customer'],
    [`req_${'b'.repeat(26)}`, 'low', 'reads'],
  ]).join('\n');

  it('is as wide as the terminal at most, whatever its cells are', () => {
    fc.assert(
      fc.property(rows, fc.integer({ min: 24, max: 160 }), fc.boolean(), (cells, columns, hasHead) => {
        const head = (cells[0] ?? []).map((_, column) => 'ABCDEF'.slice(0, column + 1));
        const lines = tableLines(hasHead ? [head, ...cells] : cells);
        for (const line of laidOut(lines.join('\n'), columns).split('\n'))
          expect(widthOf(untoned(line))).toBeLessThanOrEqual(columns);
      }),
    );
  });

  it('loses nothing of its cells', () => {
    fc.assert(
      fc.property(rows, fc.integer({ min: 24, max: 160 }), (cells, columns) => {
        const letters = (text: string): string => Array.from(text.replaceAll(' ', '')).sort().join('');
        const shown = laidOut(tableLines(cells).join('\n'), columns).replaceAll('\n', '');
        expect(letters(shown)).toBe(letters(cells.flat().join('')));
      }),
    );
  });

  it('breaks cells in their columns, at words', () => {
    expect(untoned(laidOut(inbox, 60)).split('\n')).toEqual([
      'REQUEST                         RISK  WHAT',
      `req_${'a'.repeat(26)}  high  updates a row of`,
      '                                      public.customer',
      `req_${'b'.repeat(26)}  low   reads`,
    ]);
  });

  it('puts its widest cells below the others where they would be broken too often', () => {
    expect(untoned(laidOut(inbox, 48)).split('\n')).toEqual([
      'REQUEST                         RISK',
      '    WHAT',
      `req_${'a'.repeat(26)}  high`,
      '    updates a row of public.customer',
      `req_${'b'.repeat(26)}  low`,
      '    reads',
    ]);
  });

  it('becomes a list of records where its columns have no room', () => {
    expect(untoned(laidOut(inbox, 34)).split('\n')).toEqual([
      `req_${'a'.repeat(26)}`,
      '  RISK  high',
      '  WHAT  updates a row of',
      '        public.customer',
      `req_${'b'.repeat(26)}`,
      '  RISK  low',
      '  WHAT  reads',
    ]);
  });

  it('has each row on one line where a program reads it', () => {
    expect(laidOut(inbox, null).split('\n')).toHaveLength(3);
  });

  it('counts no colours', () => {
    const plain = laidOut(tableLines([['a', 'status of it', 'b']]).join('\n'), 40);
    const colourful = laidOut(tableLines([['a', toned('alarm', 'status of it'), 'b']]).join('\n'), 40);
    expect(untoned(colourful)).toBe(plain);
    expect(colourful).not.toBe(plain);
  });
});
