import type { ResourceEffect, Reversal, RiskFacts } from '../../../domain/request/plan.ts';

const MOVES = { inserts: 'moves in', updates: 'updates', deletes: 'moves out' } as const;

const VERBS = [
  ['inserted', 'inserts'],
  ['updated', 'updates'],
  ['deleted', 'deletes'],
] as const;

/** A summary is one line in lists, chats and cards: what does not fit is counted. */
const SUMMARY_CHARACTERS_MAX = 220;

/**
 * `Updates 3 rows of public.account (balance), and inserts 3 rows of public.account_log by trigger.` Takes effects in the
 * order in which they are shown.
 */
export function summaryOf(effects: readonly ResourceEffect[]): string {
  const clauses = effects.flatMap(clausesOf);
  if (clauses.length === 0) return 'Changes nothing.';
  let length = 0;
  const shown = clauses.filter(({ text }, index) => {
    length += text.length;
    return index === 0 || length <= SUMMARY_CHARACTERS_MAX;
  });
  const parts = [...shown.map(({ text }) => text), ...moreOf(clauses.slice(shown.length))];
  const [first = '', ...others] = parts;
  const sentence =
    others.length === 0 ? first : `${[first, ...others.slice(0, -1)].join(', ')}, and ${others.at(-1) ?? ''}`;
  return `${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}.`;
}

interface Clause {
  readonly resource: string;
  readonly count: number;
  readonly text: string;
}

function moreOf(hidden: readonly Clause[]): readonly string[] {
  if (hidden.length === 0) return [];
  const tables = new Set(hidden.map(({ resource }) => resource)).size;
  const count = hidden.reduce((sum, clause) => sum + clause.count, 0);
  return [`changes ${rowsText(count)} of ${tables === 1 ? '1 more table' : `${tables} more tables`}`];
}

function clausesOf(effect: ResourceEffect): readonly Clause[] {
  const { resource, cause, rows_before: before } = effect;
  const by = cause === undefined || cause === 'statement' ? '' : ` by ${cause}`;
  return VERBS.flatMap(([field, verb]) => {
    const count = effect[field];
    if (count === 0) return [];
    const columns = field === 'updated' ? changedColumns(effect) : '';
    const share = field === 'inserted' || before === undefined ? '' : ` of ${before.toLocaleString('en-US')}`;
    const rows = share === '' ? rowsText(count) : `${count.toLocaleString('en-US')}${share} rows`;
    const does = effect.is_move === true ? MOVES[verb] : verb;
    return [{ resource, count, text: `${does} ${rows} of ${resource}${columns}${by}` }];
  });
}

function rowsText(count: number): string {
  return count === 1 ? '1 row' : `${count.toLocaleString('en-US')} rows`;
}

const COLUMNS_SHOWN_MAX = 6;
const COLUMNS_CHARACTERS_MAX = 80;

/** Columns that updated rows change, in the table's order. */
function changedColumns(effect: ResourceEffect): string {
  const updates = effect.rows.filter(({ before, after }) => before !== null && after !== null);
  // What is assigned has its earlier value alone.
  const changed = new Set(updates.flatMap(({ before, after }) => Object.keys({ ...before, ...after })));
  const names = (effect.columns ?? []).filter((name) => changed.has(name));
  if (effect.inserted > 0 || names.length === 0) return '';
  const shown = names.slice(0, COLUMNS_SHOWN_MAX);
  while (shown.length > 1 && shown.join(', ').length > COLUMNS_CHARACTERS_MAX) shown.pop();
  return ` (${shown.join(', ')}${shown.length < names.length ? ', …' : ''})`;
}

/** Facts for policy. What is only counted, or shown in part, is not fully previewed. */
export function riskFactsOf(effects: readonly ResourceEffect[], reversal: Reversal): RiskFacts {
  const changed = effects.map(({ inserted, updated, deleted }) => inserted + updated + deleted);
  return {
    rows_changed: changed.reduce((sum, count) => sum + count, 0),
    resources_changed: effects.length,
    is_destructive: effects.some(({ updated, deleted }) => updated + deleted > 0),
    is_fully_previewed: !effects.some((effect) => effect.is_counts_only || effect.sample !== undefined),
    is_reversible: reversal.is_possible,
  };
}
