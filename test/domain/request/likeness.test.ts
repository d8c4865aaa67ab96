import { describe, expect, it } from 'vitest';

import { sha256 } from '../../../domain/crypto/digest.ts';
import { likenesses, type Likenesses } from '../../../domain/request/likeness.ts';
import type { ResourceEffect } from '../../../domain/request/plan.ts';

const EFFECT: ResourceEffect = {
  resource: 'public.account',
  inserted: 0,
  updated: 1,
  deleted: 0,
  rows: [],
  assigned_columns: [],
  is_counts_only: false,
};

const PLANNED: Likenesses = {
  action: 'postgres.execute',
  target: 'shop',
  plan: { effects: [EFFECT], fingerprint: sha256('effect') },
  normalForm: sha256('statement'),
};

function shared(change: Partial<Likenesses>): number {
  const other = likenesses({ ...PLANNED, ...change });
  return likenesses(PLANNED).filter((one) => other.includes(one)).length;
}

describe('two plans are alike', () => {
  it.each<[string, number, Partial<Likenesses>]>([
    ['in statement and effect', 2, {}],
    ['in effect, in other words', 1, { normalForm: sha256('other') }],
    ['in effect, where there is one way to write it', 1, { normalForm: undefined }],
    ['in statement, when data changed', 1, { plan: { effects: [EFFECT], fingerprint: sha256('other') } }],
    ['in nothing, at another target', 0, { target: 'elsewhere' }],
    ['in nothing, by another action', 0, { action: 'other' }],
  ])('%s: %i', (_what, count, change) => {
    expect(shared(change)).toBe(count);
  });

  it.each<[string, readonly ResourceEffect[]]>([
    ['there is none', []],
    ['it is only counted', [EFFECT, { ...EFFECT, is_counts_only: true }]],
  ])('never in their effect, where %s', (_what, effects) => {
    const plan = { effects, fingerprint: sha256('effect') };
    expect(likenesses({ ...PLANNED, normalForm: undefined, plan })).toEqual([]);
  });
});
