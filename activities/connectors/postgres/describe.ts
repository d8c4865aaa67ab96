import type { Plan, ResourceEffect, RiskFacts } from '../../../domain/plan.ts';
import type { WrittenTable } from './written-tables.ts';

const VERBS = [
  ['inserted', 'inserts'],
  ['updated', 'updates'],
  ['deleted', 'deletes'],
] as const;

/** `Updates 3 rows of public.account (balance), and inserts 3 rows of public.account_log by trigger.` */
export function summaryOf(effects: readonly ResourceEffect[], tables: readonly WrittenTable[]): string {
  const clauses = effects.flatMap((effect) => clausesOf(effect, tables));
  if (clauses.length === 0) return 'Changes nothing.';
  const [first = '', ...others] = [...clauses]
    .sort((left, right) => left.rank - right.rank)
    .map(({ text }) => text);
  const sentence =
    others.length === 0 ? first : `${[first, ...others.slice(0, -1)].join(', ')}, and ${others.at(-1) ?? ''}`;
  return `${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}.`;
}

function clausesOf(
  effect: ResourceEffect,
  tables: readonly WrittenTable[],
): readonly { rank: number; text: string }[] {
  const table = tables.find(({ resource }) => resource === effect.resource);
  const by = causeOf(table);
  return VERBS.flatMap(([field, verb]) => {
    const count = effect[field];
    if (count === 0) return [];
    const columns = field === 'updated' ? changedColumns(effect) : '';
    const rows = count === 1 ? '1 row' : `${count.toLocaleString('en-US')} rows`;
    return [{ rank: by === '' ? 0 : 1, text: `${verb} ${rows} of ${effect.resource}${columns}${by}` }];
  });
}

function causeOf(table: WrittenTable | undefined): string {
  if (table === undefined) return ' by trigger';
  return table.isNamed ? '' : ' by cascade';
}

const COLUMNS_SHOWN_MAX = 6;

function changedColumns(effect: ResourceEffect): string {
  const updates = effect.rows.filter(({ before, after }) => before !== null && after !== null);
  const names = [
    ...new Set([...updates.flatMap(({ after }) => Object.keys(after ?? {})), ...effect.assigned_columns]),
  ];
  if (effect.inserted > 0 || names.length === 0) return '';
  const more = names.length > COLUMNS_SHOWN_MAX ? ', …' : '';
  return ` (${names.sort().slice(0, COLUMNS_SHOWN_MAX).join(', ')}${more})`;
}

/** Facts for policy. */
export function riskFactsOf(effects: readonly ResourceEffect[], reversal: Plan['reversal']): RiskFacts {
  const changed = effects.map(({ inserted, updated, deleted }) => inserted + updated + deleted);
  return {
    rows_changed: changed.reduce((sum, count) => sum + count, 0),
    resources_changed: effects.length,
    is_destructive: effects.some(({ updated, deleted }) => updated + deleted > 0),
    is_fully_previewed: !effects.some((effect) => effect.is_counts_only),
    is_reversible: reversal.is_possible,
  };
}

/** How to undo it, from the images alone. */
export function reversalOf(
  effects: readonly ResourceEffect[],
  tables: readonly WrittenTable[],
): Plan['reversal'] {
  if (effects.length === 0)
    return { is_possible: true, how: 'Nothing changes, so there is nothing to undo.' };
  const blind = effects.filter((effect) => effect.is_counts_only).map(({ resource }) => resource);
  if (blind.length > 0) {
    return {
      is_possible: false,
      how: `The earlier rows of ${blind.join(', ')} are not recorded. Restore from a backup.`,
    };
  }
  const causes = new Map(tables.map((table) => [table.resource, table.isNamed]));
  const own = effects.filter(({ resource }) => causes.has(resource));
  const unknown = own.filter(hasUnknownNewRows).map(({ resource }) => resource);
  if (unknown.length > 0) {
    return {
      is_possible: false,
      how: `New rows of ${unknown.join(', ')} get their keys when the statement runs.`,
    };
  }
  return { is_possible: true, how: `${steps(own).join('; ')}.${besides(effects, own)}` };
}

function hasUnknownNewRows(effect: ResourceEffect): boolean {
  return effect.rows.some(({ key, before }) => before === null && key.startsWith('new row '));
}

function steps(effects: readonly ResourceEffect[]): readonly string[] {
  const lines = effects.flatMap(({ resource, rows, assigned_columns: assigned }) => {
    const updated = rows.filter(({ before, after }) => before !== null && after !== null).length;
    const deleted = rows.filter(({ after }) => after === null).length;
    const inserted = rows.filter(({ before }) => before === null).length;
    const but = assigned.length === 0 ? '' : ` except ${assigned.join(', ')}`;
    return [
      ...(updated > 0
        ? [`set the ${updated} changed rows of ${resource} back to their values before${but}`]
        : []),
      ...(deleted > 0 ? [`insert the ${deleted} deleted rows of ${resource} again`] : []),
      ...(inserted > 0 ? [`delete the ${inserted} new rows of ${resource}`] : []),
    ];
  });
  const [first = '', ...others] = lines;
  return [`${first.charAt(0).toUpperCase()}${first.slice(1)}`, ...others];
}

function besides(effects: readonly ResourceEffect[], own: readonly ResourceEffect[]): string {
  const byTriggers = effects.filter((effect) => !own.includes(effect)).map(({ resource }) => resource);
  return byTriggers.length === 0
    ? ''
    : ` What triggers wrote to ${byTriggers.join(', ')} stays, and they act again.`;
}
