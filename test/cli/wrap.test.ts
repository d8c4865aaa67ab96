import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { requestLines } from '../../apps/cli/text/request.ts';
import { visible } from '../../apps/cli/text/visible.ts';
import { wrapped } from '../../apps/cli/text/wrap.ts';
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
  return wrapped(requestLines(view, NOW).join('\n'), columns).split('\n');
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
      fc.property(text, fc.integer({ min: 20, max: 120 }), (foreign, columns) => {
        const lines = wrapped(`  > ${foreign} .`, columns).split('\n');
        for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(columns);
        for (const line of lines.slice(1)) expect(line.startsWith('  > ... ')).toBe(true);
        const joined = lines.map((line, at) => (at === 0 ? line : line.slice('  > ... '.length))).join('');
        expect(joined).toBe(`  > ${foreign} .`);
      }),
    );
  });

  it('leaves what is to be copied in one piece', () => {
    const ticket = `${'a'.repeat(300)}.${'b_-'.repeat(50)}`;
    expect(wrapped(ticket, 80)).toBe(ticket);
  });
});
