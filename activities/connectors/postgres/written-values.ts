import { nodesBelow, type NodeValue, type QueryNode } from './node-text.ts';
import { entryAt, queriesIn, type Scope } from './query-scope.ts';
import { SourceReader, type ValueSource } from './value-sources.ts';
import type { QueryFacts } from './query-facts.ts';
import { varyingKind, type Search } from './varying-values.ts';

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
  const writes = [...queriesIn(tree)].map((scope) => ({ scope, found: valuesOf(scope, { facts, reader }) }));
  const tied = ({ query }: Scope): boolean => reader.isTied(query);
  return {
    writes: writes.flatMap(({ scope, found }) => found.map((write) => ({ ...write, isTied: tied(scope) }))),
    reader,
  };
}

/** Every relation that the statement itself writes, and how. */
export function writesIn(tree: NodeValue): readonly Pick<RelationWrite, 'oid' | 'operation'>[] {
  return [...queriesIn(tree)].flatMap(({ query }) => writesOf(query));
}

function valuesOf(scope: Scope, search: Search): readonly Omit<RelationWrite, 'isTied'>[] {
  const { query } = scope;
  const isInsert = query.word('commandType') === INSERT;
  return writesOf(query).map(({ targets, ...write }) => {
    const sources = sourcesOf(targets, { scope, reader: search.reader });
    const isUnmixed = isInsert && write.operation === 'insert' && isRowByRow(query, search);
    return { ...write, sources: isUnmixed ? unmixed(sources) : sources };
  });
}

interface Write extends Pick<RelationWrite, 'oid' | 'operation'> {
  /** What says which columns it sets. */
  readonly targets: readonly QueryNode[];
}

function writesOf(query: QueryNode): readonly Write[] {
  const entry = entryAt(query, query.number('resultRelation'));
  if (entry === null) return [];
  const oid = entry.word('relid');
  const write = (operation: WriteOperation, targets: readonly QueryNode[]): Write => ({
    oid,
    operation,
    targets,
  });
  switch (query.word('commandType')) {
    case '2':
      return [write('update', query.nodes('targetList'))];
    case INSERT: {
      const set = query.node('onConflict')?.nodes('onConflictSet') ?? [];
      const inserted = write('insert', query.nodes('targetList'));
      return set.length > 0 ? [inserted, write('update', set)] : [inserted];
    }
    case '4':
      return [write('delete', [])];
    case '5':
      return query.nodes('mergeActionList').flatMap((action) => {
        const operation = MERGE_OPERATIONS[action.word('commandType')];
        return operation === undefined ? [] : [write(operation, action.nodes('targetList'))];
      });
    default:
      return [];
  }
}

const INSERT = '3';
const MERGE_OPERATIONS: Readonly<Record<string, WriteOperation>> = { 2: 'update', 3: 'insert', 4: 'delete' };

function sourcesOf(
  targets: readonly QueryNode[],
  { scope, reader }: { readonly scope: Scope; readonly reader: SourceReader },
): ReadonlyMap<number, ValueSource> {
  const sources = new Map<number, ValueSource>();
  for (const target of targets.filter((one) => one.word('resjunk') !== 'true')) {
    const column = target.number('resno');
    const source = reader.sourceOf({ expression: target.value('expr'), scope });
    sources.set(column, sources.has(column) ? { kind: 'expression', key: '', isMixed: false } : source);
  }
  return sources;
}

/**
 * True for `INSERT … VALUES` of values that stand in it: the statement itself says which row gets which. What is looked
 * up, or chosen by the clock, could make another row of it.
 */
function isRowByRow(query: QueryNode, search: Search): boolean {
  const tree = query.node('jointree');
  const [from, ...others] = tree === null ? [] : tree.nodes('fromlist');
  const entry = entryAt(query, (from ?? query).number('rtindex'));
  if (entry === null || entry.word('rtekind') !== VALUES || others.length > 0) return false;
  return ![...nodesBelow(entry.value('values_lists'))].some(
    (node) => READING.has(node.kind) || varyingKind(node, search) !== null,
  );
}

const VALUES = '5';
const READING: ReadonlySet<string> = new Set(['QUERY', 'SUBLINK', 'VAR', 'PARAM', 'AGGREF', 'WINDOWFUNC']);

function unmixed(sources: RelationWrite['sources']): RelationWrite['sources'] {
  return new Map([...sources].map(([column, source]) => [column, { ...source, isMixed: false }]));
}

/** Every relation that the statement names, whether it reads or writes it. */
export function relationsIn(tree: NodeValue): readonly string[] {
  const entries = [...nodesBelow(tree)].filter(({ kind }) => kind === 'RANGETBLENTRY');
  return [...new Set(entries.flatMap((entry) => entry.oid('relid') ?? []))];
}
