import type { EntityManager } from 'typeorm';

import { rows } from './rows.ts';

/** What a sweep may find. */
export const FINDINGS = ['orphaned', 'overdue', 'wedged', 'settled', 'hidden', 'unreceived'] as const;

/** A kind of finding. */
export type Finding = (typeof FINDINGS)[number];

/** What a sweep looked at and found: ids of requests. */
export type SweepFound = Readonly<Record<Finding, readonly string[]>> & { readonly checked: number };

/** What was last found, or when a sweep last ended. */
export interface SweepRow {
  readonly what: Finding | 'checked';
  readonly at: Date;
  readonly checked: number;
  readonly requests: readonly string[];
}

/** Notes that a sweep ended, and what it found. */
export async function storeSweep(manager: EntityManager, { checked, ...found }: SweepFound): Promise<void> {
  const lines = [
    { what: 'checked', requests: [] },
    ...FINDINGS.map((what) => ({ what, requests: found[what] })).filter(
      ({ requests }) => requests.length > 0,
    ),
  ];
  await manager.query(
    `insert into keyturn.sweep (what, at, checked, requests)
       select line ->> 'what', clock_timestamp(), $2, array(select jsonb_array_elements_text(line -> 'requests'))
         from jsonb_array_elements($1::jsonb) line
     on conflict (what) do update set at = excluded.at, checked = excluded.checked, requests = excluded.requests`,
    [JSON.stringify(lines), checked],
  );
}

/** When a sweep last ended, and what was last found of each kind. */
export async function readSweeps(manager: EntityManager): Promise<readonly SweepRow[]> {
  return rows(manager, 'select what, at, checked, requests from keyturn.sweep order by at desc, what');
}
