import {
  childrenOf,
  isQueryNode,
  listField,
  nodeField,
  nodesField,
  numberField,
  wordField,
  type NodeValue,
  type QueryNode,
} from './node-text.ts';

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
  const holder = climbed(scope, numberField(variable, 'varlevelsup'));
  const column = numberField(variable, 'varattno');
  const place = numberField(variable, 'varno');
  const entry = holder === null ? null : entryAt(holder.query, place);
  if (holder === null || entry === null || !(column > 0)) return ROW;
  const kind = wordField(entry, 'rtekind');
  if (kind === RELATION) return ownRow(holder, variable);
  return FOLLOWED[kind]?.(entry, holder, column) ?? ROW;
}

const RELATION = '0';

/** By the kind of the range table's entry. What is not here (functions, XML, JSON tables) is data. */
const FOLLOWED: Readonly<Record<string, (entry: QueryNode, holder: Scope, column: number) => Meaning>> = {
  1: (entry, holder, column) => ofSubquery(nodeField(entry, 'subquery'), holder, column),
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
  const [place, column] = [numberField(variable, 'varno'), numberField(variable, 'varattno')];
  const conflict = nodeField(scope.query, 'onConflict');
  if (conflict !== null && numberField(conflict, 'exclRelIndex') === place) {
    return { kind: 'excluded', scope, column };
  }
  // What RETURNING gives of a view is computed by the view, or by its triggers.
  const isView = entryAt(scope.query, place)?.fields.get('relkind') === 'v';
  const isOwn = !isView && numberField(scope.query, 'resultRelation') === place;
  const isPlain = ['', '0'].includes(wordField(variable, 'varreturningtype'));
  return isOwn && isPlain ? { kind: 'own', scope, column } : ROW;
}

/** The entry of a query's range table at a place of it. */
export function entryAt(query: QueryNode, place: number): QueryNode | null {
  const entry = listField(query, 'rtable')[place - 1];
  return isQueryNode(entry) ? entry : null;
}

function ofList(entry: QueryNode, field: string, where: { holder: Scope; column: number }): Meaning {
  const expression = listField(entry, field)[where.column - 1] ?? null;
  return { kind: 'places', places: [{ expression, scope: where.holder }], source: null };
}

function ofValues(entry: QueryNode, holder: Scope, column: number): Meaning {
  const places = listField(entry, 'values_lists').map((row) => ({
    expression: Array.isArray(row) ? ((row as readonly NodeValue[])[column - 1] ?? null) : null,
    scope: holder,
  }));
  return { kind: 'places', places, source: null };
}

function ofSubquery(query: QueryNode | null, holder: Scope, column: number): Meaning {
  if (query === null) return ROW;
  const scope = { query, outer: holder };
  if (nodeField(query, 'setOperations') === null) return ofTargets(scope, column);
  const arms = nodesField(query, 'rtable').map((entry) => nodeField(entry, 'subquery'));
  const places = arms.flatMap((arm) => {
    const meaning = ofSubquery(arm, scope, column);
    return meaning.kind === 'places' ? meaning.places : [{ expression: null, scope }];
  });
  return { kind: 'places', places, source: query };
}

function ofPart(entry: QueryNode, holder: Scope, column: number): Meaning {
  const home = climbed(holder, numberField(entry, 'ctelevelsup'));
  const name = wordField(entry, 'ctename');
  const parts = home === null ? [] : nodesField(home.query, 'cteList');
  const part = parts.find((candidate) => wordField(candidate, 'ctename') === name);
  if (home === null || part === undefined || wordField(part, 'cterecursive') !== 'false') return ROW;
  return ofSubquery(nodeField(part, 'ctequery'), home, column);
}

/** The output column of a query: of its RETURNING where it writes. */
function ofTargets(scope: Scope, column: number): Meaning {
  const isSelect = wordField(scope.query, 'commandType') === '1';
  const targets = nodesField(scope.query, isSelect ? 'targetList' : 'returningList');
  const target = targets.find((candidate) => numberField(candidate, 'resno') === column);
  const expression = target?.fields.get('expr') ?? null;
  return { kind: 'places', places: [{ expression, scope }], source: scope.query };
}

/** True when a query reads from nothing, so that it has one row at most. */
export function hasOneRow(query: QueryNode): boolean {
  const tree = nodeField(query, 'jointree');
  const plain = ['setOperations', 'onConflict'].every((field) => nodeField(query, field) === null);
  const isSet =
    wordField(query, 'hasTargetSRFs') !== 'false' || listField(query, 'mergeActionList').length > 0;
  return plain && !isSet && tree !== null && listField(tree, 'fromlist').length === 0;
}
