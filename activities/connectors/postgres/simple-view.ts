import { childrenOf, QueryNode, readNodeText } from './node-text.ts';
import { entryAt } from './query-scope.ts';

/**
 * Reads the query of a view (`ev_action` of its rule) that PostgreSQL writes through by itself; null for others. Answers the
 * relation behind it, which may be a view again, and the numbers of columns that are columns of that relation, with those there.
 */
export function readSimpleView(
  action: string,
): { readonly oid: string; readonly columns: ReadonlyMap<number, number> } | null {
  const [query] = [...childrenOf(readNodeText(action))];
  if (query === undefined || !isPlain(query)) return null;
  const from = (query.node('jointree') ?? query).list('fromlist');
  const [place] = from;
  if (from.length !== 1 || !(place instanceof QueryNode) || place.kind !== 'RANGETBLREF') return null;
  const index = place.number('rtindex');
  const entry = entryAt(query, index);
  if (entry === null || !isRelation(entry)) return null;
  return { oid: entry.word('relid'), columns: columnsOf(query, index) };
}

const ABSENT =
  'setOperations distinctClause groupClause groupingSets havingQual limitCount limitOffset cteList'.split(
    ' ',
  );

const FALSE = ['hasAggs', 'hasWindowFuncs', 'hasTargetSRFs'] as const;

function isPlain(query: QueryNode): boolean {
  return (
    query.word('commandType') === '1' &&
    ABSENT.every((field) => query.value(field) === null) &&
    FALSE.every((field) => query.word(field) === 'false')
  );
}

function isRelation(entry: QueryNode): boolean {
  const isNamed = entry.word('rtekind') === '0' && entry.oid('relid') !== null;
  return isNamed && entry.node('tablesample') === null;
}

function columnsOf(query: QueryNode, place: number): ReadonlyMap<number, number> {
  const pairs = query.nodes('targetList').flatMap((target): [number, number][] => {
    const variable = target.node('expr');
    if (variable?.kind !== 'VAR' || target.word('resjunk') !== 'false') return [];
    const isOwn = variable.number('varno') === place && variable.number('varlevelsup') === 0;
    const column = variable.number('varattno');
    return isOwn && column > 0 ? [[target.number('resno'), column]] : [];
  });
  return new Map(pairs);
}
