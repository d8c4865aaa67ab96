import {
  childrenOf,
  nodeField,
  nodesField,
  numberField,
  wordField,
  type NodeValue,
  type QueryNode,
} from './node-text.ts';
import { entryAt, queriesIn, type Scope } from './query-scope.ts';
import { SourceReader, type ValueSource } from './value-sources.ts';
import type { QueryFacts } from './query-facts.ts';
import { mayDiffer, type Search } from './varying-values.ts';

export type WriteOperation = 'insert' | 'update' | 'delete';

/** One way in which a statement (or one of its WITH parts) writes a relation itself. */
export interface RelationWrite {
  readonly oid: string;
  readonly operation: WriteOperation;
  /** By the number of the column. What is not in it is left alone or to defaults. */
  readonly sources: ReadonlyMap<number, ValueSource>;
  /** True when other rows get what is made for the row that it inserts: they belong to this row and no other one. */
  readonly isTied: boolean;
}

/** Reads from the analysed statement which columns it sets, and how: names, stars and types are resolved there. */
export function readWrittenValues(
  tree: NodeValue,
  facts: QueryFacts,
): { readonly writes: readonly RelationWrite[]; readonly reader: SourceReader } {
  const reader = new SourceReader(facts);
  const writes = [...queriesIn(tree)].map((scope) => ({ scope, found: writesOf(scope, { facts, reader }) }));
  const tied = ({ query }: Scope): boolean => reader.isTied(query);
  return {
    writes: writes.flatMap(({ scope, found }) => found.map((write) => ({ ...write, isTied: tied(scope) }))),
    reader,
  };
}

function writesOf(scope: Scope, search: Search): readonly Omit<RelationWrite, 'isTied'>[] {
  const { query } = scope;
  const { reader } = search;
  const entry = entryAt(query, numberField(query, 'resultRelation'));
  if (entry === null) return [];
  const oid = wordField(entry, 'relid');
  const set = (holder: QueryNode, field: string): ReadonlyMap<number, ValueSource> =>
    sourcesOf(nodesField(holder, field), { scope, reader });
  const write = (operation: WriteOperation, sources: RelationWrite['sources']) => ({
    oid,
    operation,
    sources,
  });
  switch (wordField(query, 'commandType')) {
    case '2':
      return [write('update', set(query, 'targetList'))];
    case '3': {
      const conflict = nodeField(query, 'onConflict');
      const isUpdate = conflict !== null && nodesField(conflict, 'onConflictSet').length > 0;
      const values = set(query, 'targetList');
      const inserted = write('insert', isRowByRow(query, search) ? unmixed(values) : values);
      return isUpdate ? [inserted, write('update', set(conflict, 'onConflictSet'))] : [inserted];
    }
    case '4':
      return [write('delete', new Map())];
    case '5':
      return nodesField(query, 'mergeActionList').flatMap((action) => {
        const operation = MERGE_OPERATIONS[wordField(action, 'commandType')];
        return operation === undefined ? [] : [write(operation, set(action, 'targetList'))];
      });
    default:
      return [];
  }
}

const MERGE_OPERATIONS: Readonly<Record<string, WriteOperation>> = { 2: 'update', 3: 'insert', 4: 'delete' };

function sourcesOf(
  targets: readonly QueryNode[],
  { scope, reader }: { readonly scope: Scope; readonly reader: SourceReader },
): ReadonlyMap<number, ValueSource> {
  const sources = new Map<number, ValueSource>();
  for (const target of targets.filter((candidate) => wordField(candidate, 'resjunk') !== 'true')) {
    const column = numberField(target, 'resno');
    const source = reader.sourceOf({ expression: target.fields.get('expr') ?? null, scope });
    sources.set(column, sources.has(column) ? { kind: 'expression', key: '', isMixed: false } : source);
  }
  return sources;
}

/**
 * True for `INSERT … VALUES` of values that stand in it: the statement itself says which row gets which. What is looked
 * up, or chosen by the clock, could make another row of it.
 */
function isRowByRow(query: QueryNode, search: Search): boolean {
  const tree = nodeField(query, 'jointree');
  const [from, ...others] = tree === null ? [] : nodesField(tree, 'fromlist');
  const entry = entryAt(query, numberField(from ?? query, 'rtindex'));
  if (entry === null || wordField(entry, 'rtekind') !== VALUES || others.length > 0) return false;
  return !isOpen(entry.fields.get('values_lists') ?? null, search);
}

const VALUES = '5';
const READING: ReadonlySet<string> = new Set(['QUERY', 'SUBLINK', 'VAR', 'PARAM', 'AGGREF', 'WINDOWFUNC']);

function isOpen(value: NodeValue, search: Search): boolean {
  return [...childrenOf(value)].some(
    (node) => READING.has(node.kind) || mayDiffer(node, search) || isOpen(node, search),
  );
}

function unmixed(sources: RelationWrite['sources']): RelationWrite['sources'] {
  return new Map([...sources].map(([column, source]) => [column, { ...source, isMixed: false }]));
}

/** Every relation that the statement names, whether it reads or writes it. */
export function relationsIn(tree: NodeValue): readonly string[] {
  const oids = new Set<string>();
  const look = (value: NodeValue): void => {
    for (const node of childrenOf(value)) {
      if (node.kind === 'RANGETBLENTRY' && /^[1-9]\d*$/.test(wordField(node, 'relid')))
        oids.add(wordField(node, 'relid'));
      look(node);
    }
  };
  look(tree);
  return [...oids];
}
