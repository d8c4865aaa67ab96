import type { ResourceEffect } from '../../../domain/request/plan.ts';
import type { Analysis } from './analysis.ts';
import type { TableEffect } from './images.ts';
import type { ProjectedEffect } from './projection.ts';
import type { RewrittenRelation } from './rewriting.ts';
import type { Statement } from './statement.ts';
import { wholeTables } from './whole-tables.ts';
import type { WrittenTable } from './written-tables.ts';

/** Things a reviewer must know about a plan. */
export function warningsOf(statement: Statement, effects: readonly TableEffect[]): readonly string[] {
  const blind = effects.filter(({ rows }) => rows === null);
  const counted = blind.map(
    ({ resource, blindness }) =>
      `Counts only for ${resource}: ${blindness ?? 'its rows differ'}. When it runs, other rows and values than ` +
      "today's may be hit: only how many is checked.",
  );
  return [...new Set([...counted, ...oddCharacters(statement.text), ...wholeTables(statement)])];
}

/** What the server does instead of writing what the statement names. */
export function rewritingOf(rewritten: readonly RewrittenRelation[]): readonly string[] {
  const lines = rewritten.map(
    ({ resource, by }) => `${REWRITING[by](resource)} A change of its definition is drift.`,
  );
  const more = lines.length - REWRITING_SHOWN_MAX;
  const shown = lines.slice(0, REWRITING_SHOWN_MAX);
  return more > 0 ? [...shown, `${more} more views and rules are followed.`] : shown;
}

const REWRITING_SHOWN_MAX = 8;

const REWRITING: Readonly<Record<RewrittenRelation['by'], (resource: string) => string>> = {
  view: (resource) => `Written through the view ${resource}: what changes is the table behind it.`,
  triggers: (resource) => `Triggers of the view ${resource} decide what is written instead.`,
  rules: (resource) => `Rules rewrite what is done to ${resource}.`,
};

/** A function of the target's owner may do what no table shows, also while it is rehearsed. */
export function unseenEffects({
  reachesVolatileFunctions,
  listedTriggers,
}: Pick<Analysis, 'reachesVolatileFunctions' | 'listedTriggers'>): readonly string[] {
  const callers = [
    ...(reachesVolatileFunctions ? ['The statement calls a function of the target that'] : []),
    ...(listedTriggers.length > 0 ? [`Triggers call ${shortList(listedTriggers)}, which`] : []),
  ];
  return callers.map(
    (who) => `${who} may act outside of tables (NOTIFY, foreign servers, files): such effects are not seen.`,
  );
}

/** Where a statement also inserts or deletes rows, those that it moves between partitions are among these. */
export function movesOf(
  effects: readonly ProjectedEffect[],
  shown: readonly ResourceEffect[],
): readonly string[] {
  const isSaid = new Set(shown.filter((effect) => effect.is_move === true).map(({ resource }) => resource));
  return effects.flatMap(({ resource, moved = 0 }) =>
    moved === 0 || isSaid.has(resource)
      ? []
      : [
          `Of the rows inserted into ${resource}, ${moved.toLocaleString('en-US')} moved there from other partitions, ` +
            'where they stand as deleted.',
        ],
  );
}

const NAMES_SHOWN_MAX = 5;

/** Some of the names, and how many more there are. */
export function shortList(names: readonly string[]): string {
  const more = names.length - NAMES_SHOWN_MAX;
  return `${names.slice(0, NAMES_SHOWN_MAX).join(', ')}${more > 0 ? ` and ${more} more functions` : ''}`;
}

/** Characters that are invisible or turn the direction of text make a statement look like another one. */
function oddCharacters(text: string): readonly string[] {
  if (!/[\p{Cf}\p{Zl}\p{Zp}]|[^\P{Cc}\t\n\r]/u.test(text)) return [];
  return [
    'The statement holds invisible or direction-changing characters: what you see may not be what runs.',
  ];
}

/** What columns get that are assigned when the statement runs: the effect names them, and here is by which expression. */
export function assignmentsOf(
  tables: readonly WrittenTable[],
  effects: readonly TableEffect[],
): readonly string[] {
  const changed = new Map(effects.map(({ resource, inserted }) => [resource, inserted > 0]));
  return tables
    .filter(({ resource }) => changed.has(resource))
    .flatMap((table) => assignmentsIn(table, changed.get(table.resource) === true));
}

/** All of them, for an expression may hold a value that stands nowhere else. */
function assignmentsIn({ resource, sources, kept }: WrittenTable, hasNewRows: boolean): readonly string[] {
  const columns = new Map<string, string[]>();
  for (const [name, source] of sources) {
    if (!('text' in source) || (kept.has(name) && !hasNewRows)) continue;
    const how = `${WHEN[source.kind]}: ${source.text}.`;
    columns.set(how, [...(columns.get(how) ?? []), name]);
  }
  return [...columns].map(
    ([how, names]) => `${resource}.${names.join(', ')} ${names.length === 1 ? 'is' : 'are'} ${how}`,
  );
}

const WHEN = {
  clock: 'fixed when executed',
  made: 'fixed when executed',
  drawn: 'made at execution, and not compared with any approved value',
} as const;
