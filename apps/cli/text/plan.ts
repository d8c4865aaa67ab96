import type { RequestView } from '../../../domain/wire.ts';
import { visible, visibleJson, visibleLines } from './visible.ts';

type Plan = NonNullable<RequestView['plan']>;
type Effect = Plan['effects'][number];
type Row = Effect['rows'][number];

/** How much of a plan is printed; what is left out is counted, and said how to see. */
export interface PlanDetail {
  readonly isWhole: boolean;
}

const TABLES_MAX = 12;
const ROWS_MAX = 20;
const STEPS_MAX = 5;

/** What would happen, as the server found out: the operation, every changed row, warnings, the way back. */
export function planLines(plan: Plan, { isWhole }: PlanDetail = { isWhole: true }): string[] {
  const effects = isWhole ? plan.effects : plan.effects.slice(0, TABLES_MAX);
  const hidden = plan.effects.length - effects.length;
  // Keyturn found nothing out about an action that others perform: the words are the requester's.
  const isGate = plan.connector === 'gate';
  const heading = isGate
    ? 'What was asked for, in the words of whoever asks'
    : 'What will happen (found out by Keyturn)';
  return [
    `${heading}: ${visible(plan.summary)}`,
    ...visibleLines(plan.operation, '  | '),
    ...effects.flatMap((effect) => effectLines(effect, isWhole)),
    ...(hidden > 0 ? [`  … and ${counted(hidden, 'more table')} (keyturn show --all)`] : []),
    ...plan.warnings.flatMap((warning) => visibleLines(warning, '  ! ')),
    ...(isGate ? [] : [reversalLine(plan)]),
    ...stepLines(plan.reversal.steps ?? [], isWhole),
    ...costLines(plan),
  ];
}

function reversalLine({ reversal }: Plan): string {
  return `  ${reversal.is_possible ? 'Can be undone' : 'Cannot be undone'}: ${visible(reversal.how)}`;
}

function effectLines(effect: Effect, isWhole: boolean): string[] {
  const assigned = effect.assigned_columns.map(visible).join(', ');
  const rows = isWhole ? effect.rows : effect.rows.slice(0, ROWS_MAX);
  const hidden = effect.rows.length - rows.length;
  return [
    `  ${visible(effect.resource)}: ${changeText(effect)}`,
    ...sampleLines(effect),
    ...rows.flatMap((row) => rowLines(row, effect)),
    ...(hidden > 0 ? [`    … and ${counted(hidden, 'more row')} (keyturn show --all)`] : []),
    ...(effect.is_counts_only ? ['    (only counted: when it runs, other rows than these may be hit)'] : []),
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

/** `3 of 12,000 rows updated, by trigger` */
function changeText(effect: Effect): string {
  const counts = [
    [effect.inserted, effect.is_move === true ? 'moved in' : 'inserted'],
    [effect.updated, 'updated'],
    [effect.deleted, effect.is_move === true ? 'moved out' : 'deleted'],
  ] as const;
  const changed = counts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
  const share = effect.rows_before === undefined ? '' : ` of ${effect.rows_before} rows`;
  const by = effect.cause === undefined || effect.cause === 'statement' ? '' : `, by ${effect.cause}`;
  return `${changed.join(', ') || 'nothing changes'}${share}${by}`;
}

function sampleLines({ sample, rows }: Effect): string[] {
  if (sample === undefined) return [];
  const range = `${visible(sample.first_key)} … ${visible(sample.last_key)}`;
  return [
    `    (a sample: ${rows.length} of ${counted(sample.of, 'changed row')}, ${range}; all of them are bound)`,
  ];
}

/** One row as a diff. Only changed columns are part of a plan, those whose new value is known first. */
function rowLines(row: Row, effect: Effect): string[] {
  const isUpdate = row.before !== null && row.after !== null;
  const mark = isUpdate ? '~' : row.before === null ? '+' : '-';
  const columns = columnsOf(row, effect);
  if (isUpdate && columns.length === 0)
    return [`    ~ ${visible(row.key)} (what is written into it is not known)`];
  return [`    ${mark} ${visible(row.key)}`, ...columns.flatMap((column) => cellLines(row, column, effect))];
}

function cellLines({ before, after }: Row, column: string, effect: Effect): string[] {
  const name = visible(column);
  const isAssigned = before !== null && after !== null && effect.assigned_columns.includes(column);
  return [
    ...(before !== null && column in before ? [`      - ${name} ${valueText(before[column])}`] : []),
    ...(after !== null && column in after ? [`      + ${name} ${valueText(after[column])}`] : []),
    ...(isAssigned ? [`      + ${name} (given a value when it runs)`] : []),
  ];
}

/** In the table's order; a plan that says nothing of it keeps the order of its objects. */
function columnsOf({ before, after }: Row, { columns, assigned_columns: assigned }: Effect): string[] {
  const order = columns ?? [];
  const place = (column: string): number => {
    const found = order.indexOf(column);
    return (found === -1 ? order.length : found) + (assigned.includes(column) ? order.length + 1 : 0);
  };
  const names = new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})]);
  return [...names].sort((left, right) => place(left) - place(right));
}

/** A value too long to be kept is told apart by its digest. */
function valueText(value: unknown): string {
  if (typeof value !== 'object' || value === null) return visibleJson(value);
  const { bytes, sha256 } = value as { readonly bytes?: unknown; readonly sha256?: unknown };
  const isLong = typeof bytes === 'number' && typeof sha256 === 'string';
  return isLong ? `(${bytes} bytes, sha256 ${visible(sha256)})` : visibleJson(value);
}

function stepLines(steps: readonly string[], isWhole: boolean): string[] {
  const shown = isWhole ? steps : steps.slice(0, STEPS_MAX);
  const hidden = steps.length - shown.length;
  return [
    ...shown.flatMap((step) => visibleLines(`${step};`, '  < ')),
    ...(hidden > 0 ? [`  … and ${counted(hidden, 'more statement')} (keyturn show --all)`] : []),
  ];
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
