import { childrenOf, QueryNode, type NodeValue } from './node-text.ts';
import { meaningOf, queriesIn, type Place } from './query-scope.ts';
import { isClock } from './value-reading.ts';
import { calledBy, type Search } from './varying-values.ts';

/**
 * True when every value that the statement sets is written in it, or made at execution by itself: then triggers get
 * nothing from it that was read from rows and may be another value later.
 */
export function hasFixedValues(tree: NodeValue, search: Search): boolean {
  const left = { steps: STEPS_MAX };
  return [...queriesIn(tree)].every((scope) =>
    valuesOf(scope.query).every((expression) => isFixed({ expression, scope }, search, left)),
  );
}

const STEPS_MAX = 20_000;
const WRITES: ReadonlySet<string> = new Set(['2', '3', '5']);

function valuesOf(query: QueryNode): readonly NodeValue[] {
  if (!WRITES.has(query.word('commandType'))) return [];
  const targets = [
    ...query.nodes('targetList'),
    ...(query.node('onConflict')?.nodes('onConflictSet') ?? []),
    ...query.nodes('mergeActionList').flatMap((action) => action.nodes('targetList')),
  ];
  return targets.filter((target) => target.word('resjunk') !== 'true').map((target) => target.value('expr'));
}

/** What reads rows, or is none of a single value. */
const READING: ReadonlySet<string> = new Set(['QUERY', 'SUBLINK', 'AGGREF', 'WINDOWFUNC', 'PARAM']);

function isFixed(place: Place, search: Search, left: { steps: number }): boolean {
  left.steps -= 1;
  const { expression, scope } = place;
  if (left.steps < 0) return false;
  if (!(expression instanceof QueryNode)) return true;
  if (expression.kind === 'VAR') {
    if (search.reader.isProven(expression)) return true;
    // A column of VALUES or of a query over constants; rows of tables are not fixed.
    const meaning = meaningOf(expression, scope);
    return meaning.kind === 'places' && meaning.places.every((inner) => isFixed(inner, search, left));
  }
  if (READING.has(expression.kind) || !isFixedCall(expression, search)) return false;
  return [...childrenOf(expression)].every((child) => isFixed({ expression: child, scope }, search, left));
}

function isFixedCall(node: QueryNode, { facts, reader }: Search): boolean {
  const called = calledBy(node, facts);
  return called === null || called.volatility === 'i' || isClock(called) || reader.isProven(node);
}
