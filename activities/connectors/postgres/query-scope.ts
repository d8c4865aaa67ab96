import { childrenOf, QueryNode, type NodeValue } from './node-text.ts';

/** A query and the one that it stands in. */
export interface Scope {
  readonly query: QueryNode;
  readonly outer: Scope | null;
}

/** Every query of an analysed statement, sub-selects and parts of WITH included. */
export function* queriesIn(value: NodeValue, outer: Scope | null = null): Generator<Scope> {
  for (const child of childrenOf(value)) {
    const scope = child.kind === 'QUERY' ? { query: child, outer } : outer;
    if (scope !== null && child.kind === 'QUERY') yield scope;
    yield* queriesIn(child, scope);
  }
}

/** An expression and the query that its variables refer to. */
export interface Place {
  readonly expression: NodeValue;
  readonly scope: Scope;
}

/** What a variable stands for. `row` is data of a table, or anything else that cannot be followed. */
export type Meaning =
  | { readonly kind: 'row' }
  | { readonly kind: 'excluded'; readonly scope: Scope; readonly column: number }
  | { readonly kind: 'own'; readonly scope: Scope; readonly column: number }
  /** Computed once for each row of `source`; of a set operation or of VALUES, one place for each arm or row. */
  | { readonly kind: 'places'; readonly places: readonly Place[]; readonly source: QueryNode | null };

const ROW: Meaning = { kind: 'row' };

/** Follows a variable one step. */
export function meaningOf(variable: QueryNode, scope: Scope): Meaning {
  const holder = climbed(scope, variable.number('varlevelsup'));
  const column = variable.number('varattno');
  const place = variable.number('varno');
  const entry = holder === null ? null : entryAt(holder.query, place);
  if (holder === null || entry === null || !(column > 0)) return ROW;
  const kind = entry.word('rtekind');
  if (kind === RELATION) return ownRow(holder, variable);
  return FOLLOWED[kind]?.(entry, holder, column) ?? ROW;
}

const RELATION = '0';

/** By the kind of the range table's entry. What is not here (functions, XML, JSON tables) is data. */
const FOLLOWED: Readonly<Record<string, (entry: QueryNode, holder: Scope, column: number) => Meaning>> = {
  1: (entry, holder, column) => ofSubquery(entry.node('subquery'), holder, column),
  2: (entry, holder, column) => ofList(entry, 'joinaliasvars', { holder, column }),
  5: ofValues,
  6: ofPart,
  9: (entry, holder, column) => ofList(entry, 'groupexprs', { holder, column }),
};

function climbed(scope: Scope, levels: number): Scope | null {
  let holder: Scope | null = scope;
  if (!(levels >= 0)) return null;
  for (let level = 0; level < levels && holder !== null; level += 1) holder = holder.outer;
  return holder;
}

function ownRow(scope: Scope, variable: QueryNode): Meaning {
  const [place, column] = [variable.number('varno'), variable.number('varattno')];
  const conflict = scope.query.node('onConflict');
  if (conflict !== null && conflict.number('exclRelIndex') === place) {
    return { kind: 'excluded', scope, column };
  }
  // What RETURNING gives of a view is computed by the view, or by its triggers.
  const isView = entryAt(scope.query, place)?.word('relkind') === 'v';
  const isOwn = !isView && scope.query.number('resultRelation') === place;
  const isPlain = ['', '0'].includes(variable.word('varreturningtype'));
  return isOwn && isPlain ? { kind: 'own', scope, column } : ROW;
}

/** The entry of a query's range table at a place of it. */
export function entryAt(query: QueryNode, place: number): QueryNode | null {
  const entry = query.list('rtable')[place - 1];
  return entry instanceof QueryNode ? entry : null;
}

function ofList(entry: QueryNode, field: string, where: { holder: Scope; column: number }): Meaning {
  const expression = entry.list(field)[where.column - 1] ?? null;
  return { kind: 'places', places: [{ expression, scope: where.holder }], source: null };
}

function ofValues(entry: QueryNode, holder: Scope, column: number): Meaning {
  const places = entry.list('values_lists').map((row) => ({
    expression: Array.isArray(row) ? ((row as readonly NodeValue[])[column - 1] ?? null) : null,
    scope: holder,
  }));
  return { kind: 'places', places, source: null };
}

function ofSubquery(query: QueryNode | null, holder: Scope, column: number): Meaning {
  if (query === null) return ROW;
  const scope = { query, outer: holder };
  if (query.node('setOperations') === null) return ofTargets(scope, column);
  const arms = query.nodes('rtable').map((entry) => entry.node('subquery'));
  const places = arms.flatMap((arm) => {
    const meaning = ofSubquery(arm, scope, column);
    return meaning.kind === 'places' ? meaning.places : [{ expression: null, scope }];
  });
  return { kind: 'places', places, source: query };
}

function ofPart(entry: QueryNode, holder: Scope, column: number): Meaning {
  const home = climbed(holder, entry.number('ctelevelsup'));
  const name = entry.word('ctename');
  const parts = home === null ? [] : home.query.nodes('cteList');
  const part = parts.find((one) => one.word('ctename') === name);
  if (home === null || part === undefined || part.word('cterecursive') !== 'false') return ROW;
  return ofSubquery(part.node('ctequery'), home, column);
}

/** The output column of a query: of its RETURNING where it writes. */
function ofTargets(scope: Scope, column: number): Meaning {
  const isSelect = scope.query.word('commandType') === '1';
  const targets = scope.query.nodes(isSelect ? 'targetList' : 'returningList');
  return { kind: 'places', places: [{ expression: valueAt(targets, column), scope }], source: scope.query };
}

/** What a list of targets gives to a column; null for nothing. */
export function valueAt(targets: readonly QueryNode[], column: number): NodeValue {
  return targets.find((target) => target.number('resno') === column)?.value('expr') ?? null;
}

/** True when a query reads from nothing, so that it has one row at most. */
export function hasOneRow(query: QueryNode): boolean {
  const tree = query.node('jointree');
  const plain = ['setOperations', 'onConflict'].every((field) => query.node(field) === null);
  const isSet = query.word('hasTargetSRFs') !== 'false' || query.list('mergeActionList').length > 0;
  return plain && !isSet && tree !== null && tree.list('fromlist').length === 0;
}
