import * as fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

import { addBusinessTime, type BusinessInterval } from '../../../domain/calendar/business-time.ts';

const anyIntervals: fc.Arbitrary<readonly BusinessInterval[]> = fc
  .uniqueArray(fc.integer({ min: 0, max: 5_000 }), { maxLength: 20 })
  .map((numbers) => {
    const marks = numbers.toSorted((left, right) => left - right);
    const starts = Array.from({ length: Math.floor(marks.length / 2) }, (_, index) => index * 2);
    return starts.map((at) => ({ startMs: marks[at] ?? 0, endMs: marks[at + 1] ?? 0 }));
  });

const anyMs = fc.integer({ min: 0, max: 6_000 });
const anyDuration = fc.integer({ min: 0, max: 3_000 });
const anyTwo = fc.tuple(anyDuration, anyDuration);

/** Null is later than everything. */
const asNumber = (at: number | null): number => at ?? Infinity;

it('counts only business time: what is left at the end of one interval goes on in the next', () => {
  const intervals = [
    { startMs: 100, endMs: 200 },
    { startMs: 500, endMs: 600 },
  ];
  expect(addBusinessTime(intervals, 0, 1)).toBe(101);
  expect(addBusinessTime(intervals, 150, 50)).toBe(200);
  expect(addBusinessTime(intervals, 150, 51)).toBe(501);
  expect(addBusinessTime(intervals, 300, 100)).toBe(600);
});

it('says that the intervals do not reach that far, instead of guessing', () => {
  expect(addBusinessTime([{ startMs: 100, endMs: 200 }], 0, 101)).toBeNull();
  expect(addBusinessTime([], 0, 1)).toBeNull();
  expect(addBusinessTime([{ startMs: 100, endMs: 200 }], 200, 1)).toBeNull();
});

it('lets no time at all pass at once, also outside of business hours', () => {
  expect(addBusinessTime([], 7, 0)).toBe(7);
});

it('gives no instant for numbers that are none', () => {
  const always = [{ startMs: 0, endMs: 1_000_000 }];
  for (const wrong of [-1, 0.5, Number.NaN, Infinity]) expect(addBusinessTime(always, 0, wrong)).toBeNull();
  for (const wrong of [0.5, Number.NaN, -Infinity]) expect(addBusinessTime(always, wrong, 1)).toBeNull();
});

it('never gives an earlier instant for a later start or a longer time', () => {
  fc.assert(
    fc.property(anyIntervals, fc.tuple(anyMs, anyMs), anyTwo, (intervals, instants, [short, more]) => {
      const [early, late] = [Math.min(...instants), Math.max(...instants)];
      const at = asNumber(addBusinessTime(intervals, early, short));
      expect(asNumber(addBusinessTime(intervals, late, short))).toBeGreaterThanOrEqual(at);
      expect(asNumber(addBusinessTime(intervals, early, short + more))).toBeGreaterThanOrEqual(at);
      expect(at).toBeGreaterThanOrEqual(early + short);
    }),
  );
});

it('gives the same instant in one step or in two', () => {
  fc.assert(
    fc.property(anyIntervals, anyMs, anyTwo, (intervals, from, [first, second]) => {
      const between = addBusinessTime(intervals, from, first);
      const inTwo = between === null ? null : addBusinessTime(intervals, between, second);
      expect(inTwo).toBe(addBusinessTime(intervals, from, first + second));
    }),
  );
});

it('has exactly the asked business time between the two instants', () => {
  fc.assert(
    fc.property(anyIntervals, anyMs, anyDuration, (intervals, from, duration) => {
      const end = addBusinessTime(intervals, from, duration);
      if (end === null) return;
      const passed = intervals.map(({ startMs, endMs }) =>
        Math.max(0, Math.min(endMs, end) - Math.max(startMs, from)),
      );
      expect(passed.reduce((sum, ms) => sum + ms, 0)).toBe(duration);
    }),
  );
});

it('imports nothing and knows no clock, so that workflow code may call it', () => {
  const source = new URL('../../../domain/calendar/business-time.ts', import.meta.url);
  expect(readFileSync(source, 'utf8')).not.toMatch(/\bimport\b|\bIntl\b|\bDate\b/);
});
