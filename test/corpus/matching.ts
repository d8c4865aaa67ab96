import { createHash } from 'node:crypto';

import type { JsonValue } from '../../domain/crypto/canonical-json.ts';
import type { ResourceEffect, RowEffect } from '../../domain/request/plan.ts';
import { textOf, type Row, type TableDifference } from './difference.ts';
import type { Text } from './state.ts';

type Columns = Readonly<Record<string, JsonValue>>;

interface Pair {
  readonly gone: Row;
  readonly come: Row;
}

/** What of a difference is not yet explained by the effect, and the other way round. */
interface Open {
  gone: Row[];
  come: Row[];
  readonly unmet: string[];
}

/**
 * What differs between a plan's effects and what really became of the rows, in words; nothing when the effects
 * explain every row that went and came, and nothing else. Only columns that the plan names as assigned may vary.
 */
export function unexplained(
  effects: readonly ResourceEffect[],
  difference: ReadonlyMap<string, TableDifference>,
): readonly string[] {
  const planned = new Map(effects.map((effect) => [effect.resource, effect]));
  const unforeseen = [...difference.keys()].filter((name) => !planned.has(name));
  return [
    ...unforeseen.map((name) => `${name} changed and is not in the plan`),
    ...effects.flatMap((effect) => {
      const { gone = [], come = [] } = difference.get(effect.resource) ?? {};
      return effect.is_counts_only ? [] : unexplainedRows(effect, { gone, come });
    }),
  ];
}

function unexplainedRows(effect: ResourceEffect, difference: TableDifference): readonly string[] {
  const open: Open = { gone: [...difference.gone], come: [...difference.come], unmet: [] };
  const rows = withoutCancelling(effect.rows);
  for (const row of rows.filter(({ after }) => after === null)) matchDeleted(open, row);
  for (const row of rows.filter(isUpdate)) matchUpdated(open, row, effect.assigned_columns);
  for (const row of rows.filter(({ before }) => before === null))
    matchInserted(open, row, effect.assigned_columns);
  const unshown = effect.sample === undefined ? 0 : effect.sample.of - effect.rows.length;
  if (open.unmet.length === 0 && Math.max(open.gone.length, open.come.length) <= unshown) return [];
  const lines = [
    ...open.unmet.map((line) => `planned and did not happen: ${line}`),
    ...open.gone.map((row) => `went and was not planned: ${textOf(row)}`),
    ...open.come.map((row) => `came and was not planned: ${textOf(row)}`),
  ];
  return lines.map((line) => `${effect.resource}: ${line}`);
}

function isUpdate({ before, after }: RowEffect): boolean {
  return before !== null && after !== null;
}

/** A row that goes and comes back as it was makes no difference. */
function withoutCancelling(rows: readonly RowEffect[]): readonly RowEffect[] {
  const left = [...rows];
  for (const row of rows.filter(({ after }) => after === null)) {
    const wanted = canonical(row.before);
    const twin = left.findIndex(({ before, after }) => before === null && canonical(after) === wanted);
    if (twin === -1) continue;
    left.splice(twin, 1);
    left.splice(left.indexOf(row), 1);
  }
  return left;
}

function canonical(columns: Columns | null): string {
  return JSON.stringify(Object.entries(columns ?? {}).sort(([left], [right]) => (left < right ? -1 : 1)));
}

function matchDeleted(open: Open, row: RowEffect): void {
  const found = open.gone.findIndex((gone) => isWhole(gone, row.before ?? {}, []));
  if (found === -1) open.unmet.push(`- ${JSON.stringify(row.before)}`);
  else open.gone.splice(found, 1);
}

function matchInserted(open: Open, row: RowEffect, assigned: readonly string[]): void {
  const found = open.come.findIndex((come) => isWhole(come, row.after ?? {}, assigned));
  if (found === -1) open.unmet.push(`+ ${JSON.stringify(row.after)}`);
  else open.come.splice(found, 1);
}

function matchUpdated(open: Open, row: RowEffect, assigned: readonly string[]): void {
  const pair = pairOf(open, row, assigned);
  if (pair !== null) {
    open.gone.splice(open.gone.indexOf(pair.gone), 1);
    open.come.splice(open.come.indexOf(pair.come), 1);
    return;
  }
  const changed = canonical(row.before) !== canonical(row.after);
  if (changed) open.unmet.push(`~ ${row.key} ${JSON.stringify(row.before)} → ${JSON.stringify(row.after)}`);
}

function pairOf(open: Open, row: RowEffect, assigned: readonly string[]): Pair | null {
  const { before, after } = { before: row.before ?? {}, after: row.after ?? {} };
  const free = new Set([...Object.keys(before), ...Object.keys(after), ...assigned]);
  for (const gone of open.gone.filter((candidate) => has(candidate, before) && isNamed(row.key, candidate))) {
    const come = open.come.find((candidate) => has(candidate, after) && isSameBeside(gone, candidate, free));
    if (come !== undefined) return { gone, come };
  }
  return null;
}

/** The key of a row names values of it: each part behind an equals sign is one of them, as it is or as JSON. */
function isNamed(key: string, row: Row): boolean {
  return [...row].some(
    ([name, value]) =>
      key.includes(name) && (key.includes(String(value)) || key.includes(JSON.stringify(value))),
  );
}

function has(row: Row, columns: Columns): boolean {
  return Object.entries(columns).every(
    ([name, value]) => row.has(name) && isSame(value, row.get(name) ?? null),
  );
}

/** A value too long for a plan stands there by the length and digest of a record that holds it alone. */
function isSame(planned: JsonValue, text: Text): boolean {
  if (typeof planned !== 'object' || planned === null || Array.isArray(planned)) return planned === text;
  if (text === null) return false;
  const { bytes, sha256 } = planned as { readonly bytes?: JsonValue; readonly sha256?: JsonValue };
  const record = /^$|[\s"\\(),]/.test(text) ? `("${text.replaceAll(/["\\]/g, '$&$&')}")` : `(${text})`;
  return bytes === Buffer.byteLength(record) && sha256 === createHash('sha256').update(record).digest('hex');
}

function isWhole(row: Row, columns: Columns, assigned: readonly string[]): boolean {
  const isComplete = [...row.keys()].every((name) => Object.hasOwn(columns, name) || assigned.includes(name));
  return isComplete && has(row, columns);
}

function isSameBeside(left: Row, right: Row, free: ReadonlySet<string>): boolean {
  return [...left].every(([name, value]) => free.has(name) || right.get(name) === value);
}
