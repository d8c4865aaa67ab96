import { counted } from '../../../domain/cards/counted.ts';
import type { RequestView } from '../../../contract/requests.ts';
import { fileLines } from './files.ts';
import { factLines } from './table.ts';
import { toned } from './tone.ts';
import { visible, visibleJson, visibleLines } from '../../../domain/cards/visible.ts';

type Plan = NonNullable<RequestView['plan']>;
type Effect = Plan['effects'][number];
type Row = Effect['rows'][number];

/** How much of a plan is printed; the rest is counted, with the command that shows it. */
export interface PlanDetail {
  readonly isWhole: boolean;
  /** Of the request: it is in the command that shows the rest. */
  readonly id: string;
}

const TABLES_MAX = 12;
const ROWS_MAX = 20;
const STEPS_MAX = 5;
const FILE_LINES_MAX = 60;

/** Lines for the rows of all tables together, and for those of one table where there are many. */
const LINES_MAX = 40;
const LINES_OF_TABLE_MIN = 6;

/** What would happen, as the server found out: the operation, every changed row, warnings, how to undo it. */
export function planLines(plan: Plan, detail: PlanDetail): string[] {
  const effects = detail.isWhole ? plan.effects : plan.effects.slice(0, TABLES_MAX);
  const hidden = plan.effects.length - effects.length;
  const room = Math.max(LINES_OF_TABLE_MIN, Math.floor(LINES_MAX / effects.length));
  return [
    headingOf(plan),
    ...factLines([['summary', visible(plan.summary)]]),
    ...visibleLines(plan.operation, '  | '),
    ...effects.flatMap((effect) => effectLines(effect, { ...detail, room })),
    ...(hidden > 0 ? [moreLine('  ', counted(hidden, 'more table'), detail)] : []),
    ...shownFileLines(plan, detail),
    ...plan.warnings
      .flatMap((warning) => visibleLines(warning, '  ! '))
      .map((line) => toned('warning', line)),
    ...factLines([...(plan.connector === 'gate' ? [] : undoFacts(plan)), ...costFacts(plan)]),
    ...stepLines(plan.reversal.steps ?? [], detail),
  ];
}

/** How much of a plan the short form leaves out; null: nothing. */
export function leftOut(plan: Plan): string | null {
  const effects = plan.effects.slice(0, TABLES_MAX);
  const room = Math.max(LINES_OF_TABLE_MIN, Math.floor(LINES_MAX / effects.length));
  const rows = plan.effects.reduce((sum, effect, index) => {
    const shown = index < TABLES_MAX ? rowsIn(effect, room).length : 0;
    return sum + effect.rows.length - shown;
  }, 0);
  const steps = Math.max(0, (plan.reversal.steps?.length ?? 0) - STEPS_MAX);
  const lines = Math.max(0, fileLines(plan.files ?? []).length - FILE_LINES_MAX);
  const parts = [
    ...(rows > 0 ? [counted(rows, 'row')] : []),
    ...(lines > 0 ? [`${counted(lines, 'line')} of the files`] : []),
    ...(steps > 0 ? [counted(steps, 'statement') + ' that would undo it'] : []),
  ];
  return parts.length === 0 ? null : parts.join(' and ');
}

/** Keyturn makes no plan for an action that it does not execute: the words are the requester's. */
function headingOf({ connector }: Plan): string {
  return connector === 'gate'
    ? `${toned('heading', 'What was requested')}, in the requester's words`
    : `${toned('heading', 'What will happen')}, as Keyturn found out in a dry run`;
}

type Room = PlanDetail & { readonly room: number };

function effectLines(effect: Effect, detail: Room): string[] {
  const assigned = effect.assigned_columns.map(visible).join(', ');
  const rows = detail.isWhole ? effect.rows : rowsIn(effect, detail.room);
  const hidden = effect.rows.length - rows.length;
  return [
    `  ${visible(effect.resource)}: ${changeText(effect)}`,
    ...sampleLines(effect),
    ...rows.flatMap((row) => rowLines(row, effect)),
    ...(hidden > 0 ? [moreLine('    ', counted(hidden, 'more row'), detail)] : []),
    ...(effect.is_counts_only
      ? [toned('warning', '    ! Only counted: when it runs, other rows than these may be changed.')]
      : []),
    ...(assigned === '' ? [] : [`    (given a value when it runs: ${assigned})`]),
  ];
}

/** The first rows that fit, one at least. */
function rowsIn(effect: Effect, room: number): readonly Row[] {
  let lines = 0;
  const rows = effect.rows.slice(0, ROWS_MAX);
  const end = rows.findIndex((row, index) => {
    lines += rowLines(row, effect).length;
    return index > 0 && lines > room;
  });
  return end === -1 ? rows : rows.slice(0, end);
}

function shownFileLines({ files = [] }: Plan, detail: PlanDetail): string[] {
  const lines = fileLines(files);
  const hidden = detail.isWhole ? 0 : Math.max(0, lines.length - FILE_LINES_MAX);
  return [
    ...lines.slice(0, lines.length - hidden),
    ...(hidden > 0 ? [moreLine('    ', counted(hidden, 'more line'), detail)] : []),
  ];
}

function moreLine(indent: string, what: string, { id }: PlanDetail): string {
  return toned('warning', `${indent}… and ${what} (keyturn show ${visible(id)} --full)`);
}

function undoFacts({ reversal }: Plan): readonly (readonly [string, string])[] {
  return [['undo', `${reversal.is_possible ? 'possible' : 'not possible'}: ${visible(reversal.how)}`]];
}

/** What the dry run cost the target. */
function costFacts(plan: Plan): readonly (readonly [string, string])[] {
  const used = plan.sequence_values_used ?? 0;
  const parts = [
    ...(plan.locks_held_ms > 0 ? [`held its locks for ${Math.ceil(plan.locks_held_ms)} ms`] : []),
    ...(used > 0 ? [`used up ${counted(used, 'sequence value')}`] : []),
  ];
  return parts.length === 0 ? [] : [['dry run', parts.join(' and ')]];
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
    `    (a sample: ${rows.length} of ${counted(sample.of, 'changed row')}, ${range}; the approval binds all of them)`,
  ];
}

const MARKS = { '~': 'warning', '+': 'good', '-': 'bad' } as const;

/** One row as a diff. Only changed columns are part of a plan, those whose new value is known first. */
function rowLines(row: Row, effect: Effect): string[] {
  const isUpdate = row.before !== null && row.after !== null;
  const mark = isUpdate ? '~' : row.before === null ? '+' : '-';
  const columns = columnsOf(row, effect);
  if (isUpdate && columns.length === 0)
    return [toned('warning', `    ~ ${visible(row.key)} (what is written into it is not known)`)];
  return [
    toned(MARKS[mark], `    ${mark} ${visible(row.key)}`),
    ...columns.flatMap((column) => cellLines(row, column, effect)),
  ];
}

function cellLines({ before, after }: Row, column: string, effect: Effect): string[] {
  const name = visible(column);
  const isAssigned = before !== null && after !== null && effect.assigned_columns.includes(column);
  return [
    ...(before !== null && column in before
      ? [toned('bad', `      - ${name} ${valueText(before[column])}`)]
      : []),
    ...(after !== null && column in after
      ? [toned('good', `      + ${name} ${valueText(after[column])}`)]
      : []),
    ...(isAssigned ? [toned('good', `      + ${name} (given a value when it runs)`)] : []),
  ];
}

/** In the table's order, or in the plan's own if it does not give one. */
function columnsOf({ before, after }: Row, { columns, assigned_columns: assigned }: Effect): string[] {
  const order = columns ?? [];
  const position = (column: string): number => {
    const found = order.indexOf(column);
    return (found === -1 ? order.length : found) + (assigned.includes(column) ? order.length + 1 : 0);
  };
  const names = new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})]);
  return [...names].sort((left, right) => position(left) - position(right));
}

/** A value too long to be stored is identified by its digest. */
function valueText(value: unknown): string {
  if (typeof value !== 'object' || value === null) return visibleJson(value);
  const { bytes, sha256 } = value as { readonly bytes?: unknown; readonly sha256?: unknown };
  const isLong = typeof bytes === 'number' && typeof sha256 === 'string';
  return isLong ? `(${bytes} bytes, sha256 ${visible(sha256)})` : visibleJson(value);
}

function stepLines(steps: readonly string[], detail: PlanDetail): string[] {
  const shown = detail.isWhole ? steps : steps.slice(0, STEPS_MAX);
  const hidden = steps.length - shown.length;
  return [
    ...shown.flatMap((step) => visibleLines(`${step};`, '  < ')),
    ...(hidden > 0 ? [moreLine('  ', counted(hidden, 'more statement'), detail)] : []),
  ];
}
