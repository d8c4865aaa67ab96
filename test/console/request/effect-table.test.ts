import { describe, expect, it } from 'vitest';

import { differing } from '../../../apps/console/request/differing.ts';
import {
  changedRows,
  effectCounts,
  effectTable,
  shareOfTable,
} from '../../../apps/console/request/effect-table.ts';
import { effect } from './shown.ts';

describe('an effect as a table', () => {
  it('has the changed columns in the order of the target, those given when it runs last', () => {
    const table = effectTable(
      effect({
        columns: ['name', 'credit'],
        assigned_columns: ['id'],
        rows: [{ key: 'new row 1', before: null, after: { credit: '5', name: 'Ada' } }],
      }),
    );
    expect(table.columns).toEqual(['name', 'credit', 'id']);
    expect(table.rows).toEqual([
      {
        key: 'new row 1',
        mark: 'inserted',
        cells: [
          { column: 'name', after: { kind: 'text', text: 'Ada' } },
          { column: 'credit', after: { kind: 'text', text: '5' } },
          { column: 'id', after: { kind: 'assigned' } },
        ],
      },
    ]);
  });

  it('marks what is replaced, what is unknown, what is null, and what is too long', () => {
    const { rows } = effectTable(
      effect({
        columns: ['a', 'b'],
        rows: [
          { key: '1', before: { a: 'x' }, after: { a: null } },
          { key: '2', before: { b: { bytes: 9_000, sha256: 'ab' } }, after: { b: '' } },
          { key: '3', before: {}, after: {} },
          { key: '4', before: { a: 'null', b: 'y' }, after: null },
        ],
      }),
    );
    expect(rows[0]?.cells).toEqual([
      { column: 'a', before: { kind: 'text', text: 'x' }, after: { kind: 'null' } },
      null,
    ]);
    expect(rows[1]?.cells[1]).toEqual({
      column: 'b',
      before: { kind: 'long', bytes: 9_000, sha256: 'ab' },
      after: { kind: 'text', text: '' },
    });
    expect(rows[2]?.cells).toEqual([null, null]);
    expect(rows[3]).toMatchObject({
      mark: 'deleted',
      cells: [{ before: { kind: 'text', text: 'null' } }, {}],
    });
  });

  it('says how much of the table changes', () => {
    expect(shareOfTable(effect({ updated: 0, deleted: 250, rows_before: 1_000 }))).toBe(0.25);
    expect(shareOfTable(effect({}))).toBeNull();
    expect(shareOfTable(effect({ rows_before: 0 }))).toBeNull();
    expect(
      effectCounts(effect({ updated: 0, inserted: 2, deleted: 2, is_move: true })).map(({ word }) => word),
    ).toEqual(['moved in', 'moved out']);
    expect(changedRows([effect({ changed: 7 }), effect({ changed: 5 })])).toBe(12);
  });
});

describe('where two values differ', () => {
  it('is marked in whole words, so that none is cut where scripts mix', () => {
    expect(differing('paypal is paid', 'p\u0430ypal is paid')).toEqual([
      { before: '', differing: 'paypal', after: ' is paid' },
      { before: '', differing: 'p\u0430ypal', after: ' is paid' },
    ]);
  });

  it('holds all of both texts', () => {
    for (const [one, other] of [
      ['a b', 'a b c'],
      ['', 'x'],
      ['same', 'same'],
      ['1 2 3', '1 3'],
      ['😀 a', '😀 b'],
    ] as const) {
      const [left, right] = differing(one, other);
      expect(left.before + left.differing + left.after).toBe(one);
      expect(right.before + right.differing + right.after).toBe(other);
    }
  });
});
