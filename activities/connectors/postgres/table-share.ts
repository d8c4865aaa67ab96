import { beginReading } from './rehearsal.ts';
import { observerOf } from './effect.ts';
import { noteRowsRead } from './kept-sessions.ts';
import type { ProjectedEffect } from './projection.ts';
import { rawRows } from './raw-rows.ts';
import { takeRole } from './session.ts';
import type { ReversalSearch } from './reversal.ts';

/** From so many changed rows on, people are shown which share of the table they are. */
const MANY_ROWS = 20;

/**
 * Effects on many rows with how many the table had. For people only: whole tables are counted for it, so this is done once
 * a plan and never while an execution waits to commit.
 */
export async function withShares(
  effects: readonly ProjectedEffect[],
  { prepared, sessions, tables }: Omit<ReversalSearch, 'effects'>,
): Promise<readonly ProjectedEffect[]> {
  // A count of the rows that policies let through would say something else.
  const whole = new Set(tables.filter(({ shape }) => !shape.isFiltered).map(({ resource }) => resource));
  const many = effects.filter(
    ({ resource, updated, deleted, is_counts_only: isBlind }) =>
      !isBlind && updated + deleted >= MANY_ROWS && whole.has(resource),
  );
  if (many.length === 0) return effects;
  const { reader } = sessions;
  const counts = new Map<string, number>();
  await beginReading(prepared, sessions);
  try {
    await takeRole(reader, observerOf(prepared.settings));
    noteRowsRead(reader);
    for (const { resource } of many) {
      const [row] = await rawRows(reader, `select pg_catalog.count(*) from only ${resource}`);
      counts.set(resource, Number(row?.[0] ?? '0'));
    }
  } finally {
    await reader.query('rollback');
  }
  return effects.map((effect) => {
    const rowsBefore = counts.get(effect.resource);
    return rowsBefore === undefined ? effect : { ...effect, rows_before: rowsBefore };
  });
}
