import { describe, expect, it } from 'vitest';

import { summaryOf } from '../../../../activities/connectors/postgres/describe.ts';
import { shownEffects } from '../../../../activities/connectors/postgres/shown.ts';
import type { ResourceEffect } from '../../../../domain/request/plan.ts';

const ANALYSIS = {
  tables: [],
  rewritten: [],
  callsOwnerFunctions: false,
  reachesVolatileFunctions: false,
  listedTriggers: [],
  listedFireWithoutRows: false,
  runsOwnerCode: false,
  setsOffOwnerCode: false,
  hasFixedValues: true,
  isVarying: false,
  isRepeatable: false,
  unknownTriggers: [],
};
const SIZE = { rowsMax: 1_000, charactersMax: 512 * 1024, isUpdate: false };

/** A table of which so many rows change, each as long as that. */
function effect(name: string, count: number, characters: number): ResourceEffect {
  return {
    resource: `public.${name}`,
    inserted: count,
    updated: 0,
    deleted: 0,
    rows: Array.from({ length: count }, (_, index) => ({
      key: `id=${index}`,
      before: null,
      after: { id: String(index), v: 'x'.repeat(characters) },
    })),
    columns: ['id', 'v'],
    assigned_columns: [],
    is_counts_only: false,
  };
}

function partitions(count: number, rows: number, characters: number): readonly ResourceEffect[] {
  return Array.from({ length: count }, (_, index) => effect(`part_${index}`, rows, characters));
}

describe('a plan over many partitions', () => {
  it.each([
    ['many rows each', 100, 10],
    ['long rows each', 5, 8_000],
    ['one very long row each', 1, 60_000],
    ['few rows each', 4, 10],
  ])('stays within the one limit: 220 with %s', (_what, rows, characters) => {
    const shown = shownEffects(partitions(220, rows, characters), ANALYSIS, SIZE);
    expect(shown).toHaveLength(220);
    expect(shown.reduce((sum, one) => sum + one.rows.length, 0)).toBeLessThanOrEqual(SIZE.rowsMax);
    const length = shown.reduce((sum, one) => sum + JSON.stringify(one.rows).length, 0);
    expect(length).toBeLessThanOrEqual(SIZE.charactersMax + 220 * 2 + SIZE.rowsMax);
    for (const one of shown.filter((candidate) => candidate.rows.length < rows)) {
      expect(one.sample).toMatchObject({ of: rows });
    }
    expect(shown.every((one) => one.inserted === rows)).toBe(true);
    const summary = summaryOf(shown);
    expect(summary.length).toBeLessThan(320);
    expect(summary).toContain('more tables');
  });

  it('is refused where nobody would read it', () => {
    expect(() => shownEffects(partitions(501, 1, 1), ANALYSIS, SIZE)).toThrow('change them in parts');
  });
});
