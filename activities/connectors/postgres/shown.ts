import type { EffectCause, ResourceEffect, RowEffect } from '../../../domain/request/plan.ts';
import type { Analysis } from './analysis.ts';
import { unwrap } from './parse-tree.ts';
import type { ReadingBudget } from './raw-rows.ts';
import { notPreviewable } from './refusal.ts';
import type { PreparedCall } from './prepared-call.ts';

/** How much of its effects a plan carries, over all tables. */
interface PlanSize {
  readonly rowsMax: number;
  readonly charactersMax: number;
  /** True for an UPDATE and nothing beside it: what it inserts and deletes in its own tables are rows that move between partitions. */
  readonly isUpdate: boolean;
}

/** How much of its effects a plan carries. */
export function sizeOf({ settings, limits, statement }: PreparedCall): PlanSize {
  const isUpdate = statement.writesCount === 1 && unwrap(statement.tree, 'UpdateStmt') !== null;
  return { rowsMax: settings.rowLimit, charactersMax: limits.imageCharactersMax, isUpdate };
}

/** More tables than this are no effect that anybody reads. */
const TABLES_MAX = 500;

const SAMPLE_ROWS = 20;
const SAMPLE_CHARACTERS_MAX = 16 * 1024;

/**
 * Effects as people see them: the statement's own first, then what functions, cascades and triggers do, and of what does
 * not fit a sample that says so.
 */
export function shownEffects(
  effects: readonly ResourceEffect[],
  analysis: Analysis,
  size: PlanSize,
): readonly ResourceEffect[] {
  if (effects.length > TABLES_MAX) {
    throw notPreviewable(
      `It changes ${effects.length} tables, more than the ${TABLES_MAX} that a plan can show: change them in parts.`,
    );
  }
  const caused = effects.map((effect) => ({ ...effect, cause: causeOf(effect, analysis) }));
  const isMoving =
    size.isUpdate &&
    !analysis.rewritten.some(({ by }) => by === 'rules') &&
    isBalanced(caused.filter(({ cause }) => cause === 'statement'));
  const ordered = caused
    .map((effect) => (isMoving && isMove(effect) ? { ...effect, is_move: true } : effect))
    .sort((left, right) => CAUSES.indexOf(left.cause) - CAUSES.indexOf(right.cause));
  const left = { rows: size.rowsMax, characters: size.charactersMax };
  return ordered.map((effect) => {
    const shown = withinSize(effect, left);
    left.rows -= shown.rows.length;
    left.characters -= charactersOf(shown.rows);
    return shown;
  });
}

const CAUSES: readonly EffectCause[] = ['statement', 'function', 'cascade', 'trigger'];

function causeOf({ resource }: ResourceEffect, { tables, reachesVolatileFunctions }: Analysis): EffectCause {
  const table = tables.find((written) => written.resource === resource);
  if (table !== undefined) return table.isNamed ? 'statement' : 'cascade';
  return reachesVolatileFunctions && !tables.some(({ hasTriggers }) => hasTriggers) ? 'function' : 'trigger';
}

function isMove({ cause, inserted, deleted }: ResourceEffect): boolean {
  return cause === 'statement' && inserted + deleted > 0;
}

/** What moves leaves one partition and comes into another. */
function isBalanced(own: readonly ResourceEffect[]): boolean {
  return own.length > 1 && own.reduce((sum, { inserted, deleted }) => sum + inserted - deleted, 0) === 0;
}

function withinSize(effect: ResourceEffect, left: Readonly<ReadingBudget>): ResourceEffect {
  const { rows } = effect;
  if (rows.length <= left.rows && charactersOf(rows) <= left.characters) return withColumns(effect, rows);
  const sample = sampleOf(rows, left);
  return {
    ...withColumns(effect, sample),
    sample: { of: rows.length, first_key: rows[0]?.key ?? '', last_key: rows.at(-1)?.key ?? '' },
  };
}

/** Only the columns that the shown rows speak of, in the table's order. */
function withColumns(effect: ResourceEffect, rows: readonly RowEffect[]): ResourceEffect {
  const named = new Set(rows.flatMap(({ before, after }) => Object.keys({ ...before, ...after })));
  return { ...effect, rows, columns: (effect.columns ?? []).filter((column) => named.has(column)) };
}

/** Rows from the whole range, evenly spread, as many as fit. */
function sampleOf(rows: readonly RowEffect[], left: Readonly<ReadingBudget>): readonly RowEffect[] {
  const count = Math.min(SAMPLE_ROWS, left.rows, rows.length);
  const step = count > 1 ? (rows.length - 1) / (count - 1) : 1;
  let characters = Math.min(left.characters, SAMPLE_CHARACTERS_MAX);
  return Array.from({ length: count }, (_, index) => rows[Math.round(index * step)]).flatMap((row) => {
    if (row === undefined) return [];
    characters -= charactersOf([row]);
    return characters < 0 ? [] : [row];
  });
}

function charactersOf(rows: readonly RowEffect[]): number {
  return rows.reduce((sum, row) => sum + JSON.stringify(row).length, 0);
}
