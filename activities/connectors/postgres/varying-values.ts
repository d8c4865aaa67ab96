import { adviceOn } from './advice.ts';
import { childrenOf, type NodeValue, type QueryNode } from './node-text.ts';
import { FUNCTION_FIELDS, type CallFact, type QueryFacts } from './query-facts.ts';
import { meaningOf, queriesIn } from './query-scope.ts';
import { notPreviewable } from './refusal.ts';
import { clockName, isClock } from './value-reading.ts';
import type { SourceReader } from './value-sources.ts';

/** What an analysed statement names, and which of its values are proven. */
export interface Search {
  readonly facts: QueryFacts;
  readonly reader: SourceReader;
}

/**
 * Refuses values that nobody could approve: what a function makes up each time, and what is calculated from the clock.
 * True when anything is left in a writing statement that may differ from one run to the next (the clock in a
 * condition, functions of the target's owner): then not even what its triggers write is proven to be theirs.
 */
export function refuseVaryingValues(tree: NodeValue, search: Search): boolean {
  let isVarying = false;
  const look = (value: NodeValue, place: 'value' | 'condition' | 'own condition'): void => {
    for (const node of childrenOf(value)) {
      const kind = varyingKind(node, search);
      if (kind !== null) {
        refuseMadeUp(node, { kind, isValue: place === 'value', search });
        isVarying ||= place !== 'own condition';
      }
      lookInside(node, (inner, at) =>
        look(inner, at ?? (isCondition(node) && place === 'value' ? 'condition' : place)),
      );
    }
  };
  look(tree, 'value');
  return isVarying || isCarriedElsewhere(tree, search.reader);
}

/** A proven value, or what another part of the statement got, that is also used where nothing is proven. */
function isCarriedElsewhere(tree: NodeValue, reader: SourceReader): boolean {
  const variables = (value: NodeValue): readonly QueryNode[] =>
    [...childrenOf(value)].flatMap((node) => {
      if (node.kind === 'QUERY') return [];
      return node.kind === 'VAR' ? [node] : variables(node);
    });
  return [...queriesIn(tree)].some((scope) =>
    variables(scope.query)
      .filter((variable) => !reader.isProven(variable))
      .some((variable) => {
        const meaning = meaningOf(variable, scope);
        if (meaning.kind !== 'places') return false;
        return (
          isReturned(meaning.source) || meaning.places.some(({ expression }) => reader.isUsed(expression))
        );
      }),
  );
}

/** What rows became when another part wrote them: defaults, times and triggers may have varied. Deleted rows are old. */
function isReturned(source: QueryNode | null): boolean {
  return source !== null && ['2', '3', '5'].includes(source.word('commandType'));
}

type Place = 'condition' | 'own condition' | null;

/** The parts of a node, with what is a condition told apart. */
function lookInside(node: QueryNode, look: (inner: NodeValue, at: Place) => void): void {
  const hidden = node.kind === 'QUERY' && isOutermost(node) ? 'returningList' : '';
  for (const [name, value] of node.fields) {
    // Wrapped, so that a single node is looked at itself and not only its children.
    if (name !== hidden && name !== 'jointree') look([value], CONDITIONS.has(name) ? 'condition' : null);
  }
  const tree = node.node('jointree');
  if (tree === null) return;
  look(tree.list('fromlist'), null);
  look([tree.value('quals')], choosesOwnRows(node, tree) ? 'own condition' : 'condition');
}

/** The condition of an UPDATE or DELETE of one table only chooses rows of that table, and those are shown. */
function choosesOwnRows(query: QueryNode, tree: QueryNode): boolean {
  const isOneTable = tree.list('fromlist').length === 1 && query.list('rtable').length === 1;
  return isOneTable && ['2', '4'].includes(query.word('commandType'));
}

/** What the outermost statement returns, nobody sees. */
function isOutermost(query: QueryNode): boolean {
  return query.word('commandType') !== '1' && query.word('canSetTag') === 'true';
}

const CONDITIONS: ReadonlySet<string> = new Set(
  'quals qual havingQual onConflictWhere mergeJoinCondition limitCount limitOffset aggfilter'.split(' '),
);

const CONDITION_KINDS: ReadonlySet<string> = new Set(
  'SCALARARRAYOPEXPR DISTINCTEXPR BOOLEXPR NULLTEST BOOLEANTEST ROWCOMPAREEXPR'.split(' '),
);
const BOOLEAN = '16';

/** What only answers yes or no may depend on the clock: when the answer changes, the request goes back to review. */
function isCondition(node: QueryNode): boolean {
  if (CONDITION_KINDS.has(node.kind)) return true;
  return node.word('opresulttype') === BOOLEAN || node.word('funcresulttype') === BOOLEAN;
}

type Varying = 'clock' | 'made up' | 'read';

/** How a node may give another value each time, beside what is proven to be all that a column gets. */
export function varyingKind(node: QueryNode, { facts, reader }: Search): Varying | null {
  if (reader.isProven(node)) return null;
  if (clockName(node) !== null) return 'clock';
  // Text such as 'now' becomes the time when it is cast.
  if (node.kind === 'COERCEVIAIO') return TIMES.has(node.word('resulttype')) ? 'read' : null;
  const called = calledBy(node, facts);
  return called === null || called.volatility === 'i' || isAgeOfTwo(node, called) ? null : kindOfCall(called);
}

function kindOfCall(called: CallFact): Varying | null {
  if (called.isMade) return 'made up';
  if (called.schema !== 'pg_catalog') return 'read';
  if (isClock(called) || called.name === 'age') return 'clock';
  return called.volatility === 'v' ? 'made up' : null;
}

function isAgeOfTwo(node: QueryNode, { name }: CallFact): boolean {
  return name === 'age' && node.list('args').length > 1;
}

const TIMES: ReadonlySet<string> = new Set(['1082', '1083', '1114', '1184', '1266']);

/** The function that a node calls, by name or through an operator. */
export function calledBy(node: QueryNode, facts: QueryFacts): CallFact | null {
  const oid = FUNCTION_FIELDS.map((field) => node.oid(field)).find((named) => named !== null);
  if (oid !== undefined) return facts.functions.get(oid) ?? UNKNOWN;
  const sign = node.oid('opno');
  return sign === null ? null : (facts.operators.get(sign) ?? UNKNOWN);
}

const UNKNOWN: CallFact = { schema: '', name: 'unknown', volatility: 'v', code: '', isMade: false };

interface Found {
  readonly kind: Varying;
  readonly isValue: boolean;
  readonly search: Search;
}

function refuseMadeUp(node: QueryNode, { kind, isValue, search }: Found): void {
  if (kind === 'read' || (kind === 'clock' && !isValue)) return;
  const called = calledBy(node, search.facts) ?? UNKNOWN;
  const advice = kind === 'clock' ? calculated(clockName(node) ?? `${called.name}()`) : madeUp(called);
  throw notPreviewable(advice);
}

function madeUp({ name, isMade }: CallFact): string {
  if (!isMade) return adviceOn(name);
  return (
    `${name}() gives another value every time. At this target such a value may be all that a plain column gets, calculated ` +
    'from constants alone: elsewhere in a statement write the value itself.'
  );
}

function calculated(name: string): string {
  return (
    `A value is calculated from ${name}, and would be another one than the approved one. Write the value itself; or ` +
    'give the column a time: now(), now() + an interval, date_trunc(…, now()), to_char(now(), …) or a cast of these.'
  );
}
