import type { Analysis } from './analysis.ts';
import type { TableEffect } from './images.ts';
import { fingerprintOf } from './fingerprint.ts';
import { OTHER, UUID_4 } from './made-values.ts';
import { keptIn } from './moved-rows.ts';
import {
  isSameValue,
  madeValues,
  project,
  type ProjectedEffect,
  type Projection,
  type UnboundValue,
} from './projection.ts';
import type { RowValues } from './raw-rows.ts';
import { notPreviewable } from './refusal.ts';
import type { Column } from './table-shape.ts';
import type { ValueSource } from './value-sources.ts';
import type { WrittenTable } from './written-tables.ts';
import { bagOf, insertedOf, isUpdate } from './pairing.ts';

/** Two dry runs of one statement, with what its analysis says of where values come from. */
export interface TwoRuns extends Pick<
  Analysis,
  'tables' | 'callsOwnerFunctions' | 'runsOwnerCode' | 'hasFixedValues' | 'isVarying'
> {
  readonly first: readonly TableEffect[];
  readonly second: readonly TableEffect[];
}

/** One table in both runs, and how the statement writes it. */
interface BothRuns {
  readonly first: TableEffect;
  readonly second: TableEffect;
  readonly table: WrittenTable | undefined;
}

/**
 * The effect that both runs share, or null when they differ in more than assigned values: then the data changed in
 * between, or the statement does something else every time. Throws `StatementRefused` when the statement itself makes
 * a value up at run time: nobody could approve that value.
 */
export function sharedEffect(runs: TwoRuns): readonly ProjectedEffect[] | null {
  const pairs = pairsOf(runs);
  if (pairs === null) return null;
  const projections = pairs.map((pair) => {
    const columns = varyingColumns(pair);
    for (const column of columns) {
      refuseMadeUpValue(runs, pair, column);
      if (runs.runsOwnerCode) refuseHiddenValue(runs, pair, column);
    }
    const leftOut = [...new Set([...columns, ...timedColumns(runs, pair)])];
    for (const column of leftOut) refuseUnboundValue(runs, pair, column);
    const assignedColumns = leftOut.map(({ shown }) => shown);
    const isCountsOnly = pair.first.rows === null || pair.second.rows === null;
    return { pair, projection: { assignedColumns, isCountsOnly } };
  });
  const first = projections.flatMap(({ pair, projection }) => {
    const kept = keptIn(runs, runs.first, pair.first);
    return projectWithUnbound(pair.first, { ...projection, ...kept }, runs) ?? [];
  });
  const second = projections.flatMap(({ pair, projection }) => {
    const kept = keptIn(runs, runs.second, pair.second);
    return project(pair.second, { ...projection, ...kept }) ?? [];
  });
  return fingerprintOf(first) === fingerprintOf(second) ? first : null;
}

/**
 * The effect of the only rehearsal of a statement that is proven to do the same each time. Left out are the identities that
 * the server gives to new rows, and nothing else.
 */
export function provenEffect(
  analysis: Pick<Analysis, 'tables' | 'runsOwnerCode'>,
  effects: readonly TableEffect[],
): readonly ProjectedEffect[] {
  return effects.flatMap((effect) => {
    const table = analysis.tables.find(({ oid }) => oid === effect.oid);
    const identities = effect.shape.columns.filter(
      ({ isIdentity, name }) => isIdentity && table?.takesDefaults === true && !table.sources.has(name),
    );
    const assignedColumns = effect.inserted > 0 ? identities.map(({ shown }) => shown) : [];
    const isCountsOnly = effect.rows === null;
    return project(effect, { assignedColumns, isCountsOnly, ...keptIn(analysis, effects, effect) }) ?? [];
  });
}

function pairsOf({ tables, ...runs }: TwoRuns): readonly BothRuns[] | null {
  if (runs.first.length !== runs.second.length) return null;
  const pairs = runs.first.flatMap((first) => {
    const second = runs.second.find(({ oid }) => oid === first.oid);
    if (second === undefined || !isSameShape(first, second)) return [];
    return [{ first, second, table: tables.find(({ oid }) => oid === first.oid) }];
  });
  return pairs.length === runs.first.length ? pairs : null;
}

/** False when the table was altered between the runs. */
function isSameShape(first: TableEffect, second: TableEffect): boolean {
  if (first.rows === null || second.rows === null) return true;
  return JSON.stringify(first.shape) === JSON.stringify(second.shape);
}

/** Columns whose new values differ between the runs. */
function varyingColumns({ first, second }: BothRuns): readonly Column[] {
  if (first.rows === null || second.rows === null) return [];
  const varying = new Set<number>();
  const others = new Map(second.rows.filter(isUpdate).map((row) => [row.key, row]));
  for (const row of first.rows.filter(isUpdate)) {
    const other = others.get(row.key)?.after;
    // Other rows than before: the effects differ, whatever their values.
    if (!other) continue;
    for (const [index, value] of row.after.entries())
      if (!isSameValue(value, other[index])) varying.add(index);
  }
  const inserted = [insertedOf(first.rows), insertedOf(second.rows)] as const;
  return first.shape.columns.filter(
    (_, index) => varying.has(index) || columnBag(inserted[0], index) !== columnBag(inserted[1], index),
  );
}

/** New rows have no common key, so columns are compared as bags of values. */
function columnBag(rows: readonly RowValues[], index: number): string {
  return bagOf(rows.map((row) => row[index] ?? null));
}

/** Columns that get a time, or what is made up, and nothing else: also where it happens to be equal in both runs. */
function timedColumns(runs: TwoRuns, { first, second, table }: BothRuns): readonly Column[] {
  const isWritten = first.inserted + first.updated > 0 && first.rows !== null && second.rows !== null;
  if (table === undefined || table.hasTriggers || runs.runsOwnerCode || !isWritten) return [];
  const isSet = (name: string): boolean =>
    (first.updated > 0 || !table.defaulted.has(name)) && (first.inserted > 0 || !table.kept.has(name));
  return first.shape.columns.filter(
    ({ name }) => ['clock', 'drawn'].includes(table.sources.get(name)?.kind ?? '') && isSet(name),
  );
}

function refuseMadeUpValue(runs: TwoRuns, { first, table }: BothRuns, column: Column): void {
  const { name } = column;
  if (isProven(runs, table, name)) return;
  const isUnset = table?.sources.has(name) !== true;
  // Nobody but the server can set it.
  if (!runs.isVarying && isUnset && column.isIdentityAlways) return;
  throw notPreviewable(
    `${first.resource}.${name} gets another value every time the statement runs. Only an expression of now(), a ` +
      'gen_random_uuid() alone, a default or a trigger may assign a value at execution. Write the value itself, and ' +
      'keep the clock out of everything that triggers may see.',
  );
}

/** Reviewers must see which rows get which value, and that must hold at execution. */
function refuseUnboundValue(runs: TwoRuns, pair: BothRuns, column: Column): void {
  const { first, table } = pair;
  const isMixed = table?.sources.get(column.name)?.isMixed === true;
  // Beside code of the owner, each value is compared by its kind.
  if (!isMixed && (runs.runsOwnerCode || !keepsValues(pair, column))) return;
  const why = isMixed
    ? 'several values that are made at execution, or only in some of its rows,'
    : 'a value that is made at execution in some rows, and another one in others,';
  throw notPreviewable(
    `${first.resource}.${column.name} gets ${why} and which row gets which could not be checked against the plan. Give the column one ` +
      'such expression in all rows that the statement writes (or INSERT … VALUES of plain values), write the values ' +
      'themselves, or change these rows in statements of their own.',
  );
}

/** True when rows of a column that is left out get a value that is not made at execution. */
function keepsValues(pair: BothRuns, column: Column): boolean {
  const { first, table } = pair;
  const index = first.shape.columns.findIndex(({ name }) => name === column.name);
  const isByChance = isEqualByChance(table?.sources.get(column.name));
  if (!isByChance && keepsUpdated(pair, index)) return true;
  return (!isByChance || table?.defaulted.has(column.name) === true) && keepsInserted(pair, index);
}

/** What is cut to days or drawn from few values may be equal by chance. */
function isEqualByChance(source: ValueSource | undefined): boolean {
  return source !== undefined && 'text' in source && (source.isRough || source.kind === 'drawn');
}

function keepsUpdated({ first, second }: BothRuns, index: number): boolean {
  const others = new Map((second.rows ?? []).filter(isUpdate).map((row) => [row.key, row.after[index]]));
  return (first.rows ?? []).filter(isUpdate).some(({ key, before, after }) => {
    const value = after[index] ?? null;
    return value !== null && !isSameValue(before[index], value) && isSameValue(value, others.get(key));
  });
}

function keepsInserted({ first, second }: BothRuns, index: number): boolean {
  const [rows, again] = [insertedOf(first.rows ?? []), insertedOf(second.rows ?? [])];
  return (
    rows.some((row) => (row[index] ?? null) !== null) && columnBag(rows, index) === columnBag(again, index)
  );
}

function isProven(runs: TwoRuns, table: WrittenTable | undefined, column: string): boolean {
  if (runs.callsOwnerFunctions || table?.sources.get(column)?.kind === 'expression') return false;
  // Without triggers nothing carries a value of the statement to a column that the statement leaves alone.
  return !runs.isVarying || (table?.isNamed === true && !table.hasTriggers && !runs.runsOwnerCode);
}

/**
 * The column is left out in all rows, but triggers and functions may put what they read into some of them: so every new
 * value must be another one in each run, and of a kind that cannot come from rows, or hold what the statement read.
 */
function refuseHiddenValue(runs: TwoRuns, { first, second, table }: BothRuns, column: Column): void {
  const values = [first, second].map((effect) => newValues(effect, column));
  const earlier = new Set(values[0]?.map(({ value }) => JSON.stringify(value)));
  const isKept = values[1]?.some(({ value }) => earlier.has(JSON.stringify(value))) === true;
  if (!isKept && isOfKnownKind(runs, values, table?.sources.get(column.name))) return;
  const why = isKept
    ? 'gets a new value in some rows each time, and the same one in others'
    : 'gets a value each time that may hold what triggers or functions are given or read';
  throw notPreviewable(
    `${first.resource}.${column.name} ${why}: at execution its origin could not be checked. Write the values ` +
      'themselves, or change these rows in statements of their own.',
  );
}

function isOfKnownKind(
  { hasFixedValues }: TwoRuns,
  values: readonly (readonly { readonly kind: string }[])[],
  source: ValueSource | undefined,
): boolean {
  const [documents, again] = values.map((made) =>
    JSON.stringify(made.flatMap(({ kind }) => (kind.startsWith('json ') ? [kind] : [])).sort()),
  );
  const isKnown = !values.flat().some(({ kind }) => kind === OTHER);
  const isOwn = source !== undefined && 'text' in source;
  return documents === again && (isKnown || (hasFixedValues && !isOwn));
}

/** A table's whole effect, with what is said of values that only execution makes. */
export function projectWithUnbound(
  table: TableEffect,
  projection: Projection,
  analysed: Pick<TwoRuns, 'runsOwnerCode'>,
): ProjectedEffect | null {
  const effect = project(table, projection);
  if (effect === null || !analysed.runsOwnerCode) return effect;
  const unbound = unboundIn(table, new Set(projection.assignedColumns));
  return unbound.length === 0 ? effect : { ...effect, unbound };
}

/** Code of the owner could put other values in. */
function unboundIn(table: TableEffect, assigned: ReadonlySet<string>): readonly UnboundValue[] {
  const columns = table.shape.columns.filter(({ shown }) => assigned.has(shown));
  return columns.flatMap((column): readonly UnboundValue[] => {
    const kinds = new Set(newValues(table, column).map(({ kind }) => kind));
    const name = `${table.resource}.${column.name}`;
    if (kinds.has(OTHER)) return [{ text: `${name} ${ANYTHING}`, isAnything: true }];
    const hasUuid = [...kinds].some((kind) => kind === UUID_4 || kind.includes(`<${UUID_4}>`));
    return hasUuid ? [{ text: `${name} ${ANY_UUID}`, isAnything: false }] : [];
  });
}

const ANYTHING =
  'gets what triggers or functions of the target make at execution: it is not in this plan, it may hold what they read ' +
  'from tables then, and nothing is compared with it.';
const ANY_UUID =
  'gets a UUID at execution: a new one looks like any that triggers or functions of the target read from a table then.';

function newValues({ rows, shape, making }: TableEffect, { name }: Column): ReturnType<typeof madeValues> {
  if (making === undefined) return [];
  return (rows ?? [])
    .flatMap((row) => madeValues(row, { shape, making }))
    .filter(({ column }) => column.name === name);
}
