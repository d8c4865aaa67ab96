import {
  childrenOf,
  isQueryNode,
  listField,
  nodeField,
  nodesField,
  numberField,
  readNodeText,
  wordField,
  type QueryNode,
} from './node-text.ts';
import { entryAt } from './query-scope.ts';

/** A view that PostgreSQL writes through by itself: to one relation, column by column. */
export interface SimpleView {
  /** The relation behind it, which may be a view again. */
  readonly oid: string;
  /** Numbers of its columns that are columns of that relation, with the numbers that they have there. */
  readonly columns: ReadonlyMap<number, number>;
}

/** Reads the query of a view (`ev_action` of its rule). Null where PostgreSQL would not write through it. */
export function readSimpleView(action: string): SimpleView | null {
  const [query] = [...childrenOf(readNodeText(action))];
  if (query === undefined || !isPlain(query)) return null;
  const from = listField(nodeField(query, 'jointree') ?? query, 'fromlist');
  const [place] = from;
  if (from.length !== 1 || !isQueryNode(place) || place.kind !== 'RANGETBLREF') return null;
  const index = numberField(place, 'rtindex');
  const entry = entryAt(query, index);
  if (entry === null || !isRelation(entry)) return null;
  return { oid: wordField(entry, 'relid'), columns: columnsOf(query, index) };
}

const ABSENT =
  'setOperations distinctClause groupClause groupingSets havingQual limitCount limitOffset cteList'.split(
    ' ',
  );

const FALSE = ['hasAggs', 'hasWindowFuncs', 'hasTargetSRFs'] as const;

function isPlain(query: QueryNode): boolean {
  return (
    wordField(query, 'commandType') === '1' &&
    ABSENT.every((field) => (query.fields.get(field) ?? null) === null) &&
    FALSE.every((field) => wordField(query, field) === 'false')
  );
}

function isRelation(entry: QueryNode): boolean {
  const isNamed = wordField(entry, 'rtekind') === '0' && /^[1-9]\d*$/.test(wordField(entry, 'relid'));
  return isNamed && nodeField(entry, 'tablesample') === null;
}

function columnsOf(query: QueryNode, place: number): ReadonlyMap<number, number> {
  const pairs = nodesField(query, 'targetList').flatMap((target): [number, number][] => {
    const variable = nodeField(target, 'expr');
    if (variable?.kind !== 'VAR' || wordField(target, 'resjunk') !== 'false') return [];
    const isOwn = numberField(variable, 'varno') === place && numberField(variable, 'varlevelsup') === 0;
    const column = numberField(variable, 'varattno');
    return isOwn && column > 0 ? [[numberField(target, 'resno'), column]] : [];
  });
  return new Map(pairs);
}
