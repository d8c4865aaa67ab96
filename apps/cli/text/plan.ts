import type { RequestView } from '../../../domain/wire.ts';
import { visible, visibleJson, visibleLines } from './visible.ts';

type Plan = NonNullable<RequestView['plan']>;
type Effect = Plan['effects'][number];
type Row = Effect['rows'][number];

/** What would happen, as the server found out: the operation, every changed row, warnings, the way back. */
export function planLines(plan: Plan): string[] {
  return [
    `What will happen (found out by Keyturn): ${visible(plan.summary)}`,
    ...visibleLines(plan.operation, '  | '),
    ...plan.effects.flatMap(effectLines),
    ...plan.warnings.flatMap((warning) => visibleLines(warning, '  ! ')),
    `  ${plan.reversal.is_possible ? 'Can be undone' : 'Cannot be undone'}: ${visible(plan.reversal.how)}`,
    ...costLines(plan),
  ];
}

function effectLines(effect: Effect): string[] {
  const counts = [
    [effect.inserted, 'inserted'],
    [effect.updated, 'updated'],
    [effect.deleted, 'deleted'],
  ] as const;
  const changed = counts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
  const assigned = effect.assigned_columns.map(visible).join(', ');
  return [
    `  ${visible(effect.resource)}: ${changed.join(', ') || 'nothing changes'}`,
    ...effect.rows.flatMap(rowLines),
    ...(effect.is_counts_only ? ['    (only counted: the rows could not be shown)'] : []),
    ...(assigned === '' ? [] : [`    (given a value when it runs: ${assigned})`]),
  ];
}

/** What trying it out cost the target. */
function costLines(plan: Plan): string[] {
  const used = plan.sequence_values_used ?? 0;
  const parts = [
    ...(plan.locks_held_ms > 0 ? [`held its locks for ${Math.ceil(plan.locks_held_ms)} ms`] : []),
    ...(used > 0 ? [`used up ${used} ${used === 1 ? 'value' : 'values'} of sequences`] : []),
  ];
  return parts.length === 0 ? [] : [`  Trying it out ${parts.join(' and ')}.`];
}

/** One row as a diff. Only changed columns are part of a plan. */
function rowLines(row: Row): string[] {
  return [
    `    ${markOf(row)} ${visible(row.key)}`,
    ...Object.entries(row.before ?? {}).map(
      ([column, value]) => `      - ${visible(column)} ${visibleJson(value)}`,
    ),
    ...Object.entries(row.after ?? {}).map(
      ([column, value]) => `      + ${visible(column)} ${visibleJson(value)}`,
    ),
  ];
}

function markOf(row: Row): string {
  if (row.before === null) return '+';
  return row.after === null ? '-' : '~';
}
