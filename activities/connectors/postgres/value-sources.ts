import { QueryNode, type NodeValue } from './node-text.ts';
import type { CallFact, QueryFacts } from './query-facts.ts';
import { hasOneRow, meaningOf, valueAt, type Meaning, type Place, type Scope } from './query-scope.ts';
import {
  ASSIGNED,
  CASTS,
  CLOCK_OPERATIONS,
  DEFAULT,
  ROUGH_FUNCTIONS,
  TIME_TYPES,
  clockValue,
  combined,
  constantReading,
  drawn,
  fixedCast,
  isClockCall,
  isKind,
  merged,
  ownLeaf,
  type Reading,
  type Wording,
} from './value-reading.ts';

/**
 * Where a statement's value for a column comes from, as far as it is proven. `clock` and `made` are expressions of the
 * transaction's clock or a new UUID and nothing else; `drawn` is made of constants by functions that the target lets be
 * called at execution; `assigned` is the key that a row inserted by the same statement got; everything that is not proven
 * is `expression`.
 */
export type ValueSource = (
  | { readonly kind: 'default' | 'assigned' | 'expression' }
  | { readonly kind: 'clock' | 'made' | 'drawn'; readonly text: string; readonly isRough: boolean }
) & {
  /** Equal for the same expression over the same part of the statement. */
  readonly key: string;
  /** True when nothing says which rows get which of several values, or get one at all. */
  readonly isMixed: boolean;
};

/** Finds sources, and which nodes that vary by themselves are thereby proven to be harmless. */
export class SourceReader {
  readonly #facts: QueryFacts;
  readonly #proven = new Set<QueryNode>();
  readonly #used = new Set<NodeValue>();
  readonly #parts = new Map<QueryNode, number>();
  #stepsLeft = STEPS_MAX;

  constructor(facts: QueryFacts) {
    this.#facts = facts;
  }

  /** True for a part whose new key or UUID, made for its one row, another part of the statement writes. */
  isTied(query: QueryNode): boolean {
    return this.#parts.has(query);
  }

  /** True for calls of the clock or of a UUID that are all that a column gets. */
  isProven(node: QueryNode): boolean {
    return this.#proven.has(node);
  }

  /** True for what a proven variable stands for: another use of it may carry the value elsewhere. */
  isUsed(expression: NodeValue): boolean {
    return this.#used.has(expression);
  }

  /** The source of one target of an INSERT, UPDATE or MERGE. */
  sourceOf(place: Place): ValueSource {
    const { expression } = place;
    const reading = this.#read(place, true);
    if (reading === null || reading.kind === 'constant') return EXPRESSION;
    const { key, isMixed = false } = reading;
    if (reading.kind === 'default' || reading.kind === 'assigned')
      return { kind: reading.kind, key, isMixed };
    if (reading.kind === 'clock' && !TIME_TYPES.has(this.#typeOf(expression))) return EXPRESSION;
    if (isSharedDraw(reading, place.scope)) return EXPRESSION;
    for (const leaf of reading.leaves) this.#proven.add(leaf);
    return { kind: reading.kind, text: reading.text, isRough: reading.isRough, key, isMixed };
  }

  #typeOf(expression: NodeValue): string {
    if (!(expression instanceof QueryNode)) return '';
    if (expression.kind === 'COERCETODOMAIN') return this.#typeOf(expression.value('arg'));
    const fields = ['vartype', 'funcresulttype', 'opresulttype', 'resulttype', 'type'];
    return fields.map((field) => expression.word(field)).find((word) => /^\d+$/.test(word)) ?? '';
  }

  /** `isFirst` until a variable leads to rows that another part of the statement may use as well. */
  #read({ expression, scope }: Place, isFirst: boolean): Reading | null {
    this.#stepsLeft -= 1;
    if (this.#stepsLeft < 0 || !(expression instanceof QueryNode)) return null;
    const read = (value: NodeValue): Reading | null => this.#read({ expression: value, scope }, isFirst);
    const readers: Readonly<Record<string, () => Reading | null>> = {
      SETTODEFAULT: () => DEFAULT,
      CONST: () => constantReading(expression),
      SQLVALUEFUNCTION: () => clockValue(expression),
      FUNCEXPR: () => this.#call(expression, read),
      OPEXPR: () => this.#operation(expression, read),
      RELABELTYPE: () => this.#cast(expression, read(expression.value('arg'))),
      COERCEVIAIO: () => this.#cast(expression, read(expression.value('arg'))),
      COERCETODOMAIN: () => this.#cast(expression, read(expression.value('arg'))),
      VAR: () => this.#variable(expression, meaningOf(expression, scope), isFirst),
      SUBLINK: () => this.#subselect(expression, scope),
    };
    return readers[expression.kind]?.() ?? null;
  }

  #call(node: QueryNode, read: (value: NodeValue) => Reading | null): Reading | null {
    const fact = this.#facts.functions.get(node.word('funcid'));
    if (fact === undefined || node.word('funcretset') !== 'false') return null;
    const args = node.list('args').map(read);
    const [texts, keys] = wordsOf(args);
    const text = `${fact.name}(${texts.join(', ')})`;
    const wording = { text, key: `${node.word('funcid')}(${keys.join(', ')})` };
    const known = fact.schema === 'pg_catalog' ? this.#knownCall(node, fact, { args, wording }) : null;
    return known ?? drawn(node, fact, { args, wording });
  }

  #knownCall(
    node: QueryNode,
    fact: CallFact,
    { args, wording }: { readonly args: readonly (Reading | null)[]; readonly wording: Wording },
  ): Reading | null {
    if (args.length === 0) return ownLeaf(node, fact);
    if (fact.volatility === 'v' || !isClockCall(fact, args)) return fixedCast(node, fact, args[0] ?? null);
    if (CASTS.has(node.word('funcformat'))) return this.#cast(node, args[0] ?? null);
    return combined(args, wording, ROUGH_FUNCTIONS.has(fact.name));
  }

  #operation(node: QueryNode, read: (value: NodeValue) => Reading | null): Reading | null {
    const fact = this.#facts.operators.get(node.word('opno'));
    if (fact === undefined || fact.schema !== 'pg_catalog') return null;
    const args = node.list('args').map(read);
    const [texts, keys] = wordsOf(args);
    const sides = texts.length === 1 ? `${fact.name} ${texts[0] ?? ''}` : texts.join(` ${fact.name} `);
    const wording = { text: `(${sides})`, key: `${node.word('opno')}(${keys.join(', ')})` };
    const known = CLOCK_OPERATIONS.has(fact.code) ? combined(args, wording, false) : null;
    return known ?? drawn(node, { ...fact, isMade: false }, { args, wording });
  }

  #cast(node: QueryNode, arg: Reading | null): Reading | null {
    if (arg === null) return null;
    const format = ['funcformat', 'relabelformat', 'coerceformat', 'coercionformat']
      .map((field) => node.word(field))
      .find((word) => word !== '');
    const typeName = node.word('funcresulttype') || node.word('resulttype');
    const type = this.#facts.types.get(typeName) ?? '';
    const isWritten = format === '1' && type !== '';
    // Every cast may cut the time: to a date, to whole seconds, to text.
    return {
      ...arg,
      key: `${typeName}(${arg.key})`,
      isRough: arg.isRough || arg.kind === 'clock',
      text: isWritten ? `${arg.text}::${type}` : arg.text,
    };
  }

  #variable(variable: QueryNode, meaning: Meaning, isFirst: boolean): Reading | null {
    if (meaning.kind === 'excluded') return this.#proposed(meaning.scope, meaning.column);
    if (meaning.kind === 'own')
      return assignedKey(meaning.scope, meaning.column)
        ? this.#tied({ ...ASSIGNED, key: String(meaning.column) }, meaning.scope.query)
        : this.#set(meaning);
    return meaning.kind === 'row' ? null : this.#places(variable, meaning, isFirst);
  }

  #places(
    variable: QueryNode,
    meaning: Extract<Meaning, { kind: 'places' }>,
    isFirst: boolean,
  ): Reading | null {
    const isOne = meaning.source !== null && hasOneRow(meaning.source);
    const reading = merged(meaning.places.map((place) => this.#read(place, isOne)));
    if (reading === null || (TIED.has(reading.kind) && !isFirst && !isOne)) return null;
    // What is drawn once may only go to one place.
    if (reading.kind === 'drawn' && !isFirst) return null;
    for (const { expression } of meaning.places) if (reading.leaves.length > 0) this.#used.add(expression);
    return { ...this.#tied(reading, meaning.source), leaves: [...reading.leaves, variable] };
  }

  /** One value of several rows is told apart from one that another part of the statement gives to them. */
  #tied(reading: Reading, part: QueryNode | null): Reading {
    if (part === null || !TIED.has(reading.kind)) return reading;
    const number = this.#parts.get(part) ?? this.#parts.size;
    this.#parts.set(part, number);
    return { ...reading, key: `${reading.key} of ${number}` };
  }

  /** `excluded.column`: what the row was to be inserted with. */
  #proposed(scope: Scope, column: number): Reading | null {
    const target = targetOf(scope.query, column);
    return target === null ? null : this.#read({ expression: target, scope }, true);
  }

  /** A column of RETURNING that the same part of the statement sets itself. */
  #set({ scope, column }: { readonly scope: Scope; readonly column: number }): Reading | null {
    if (scope.query.word('commandType') !== INSERT || !hasOneRow(scope.query)) return null;
    const target = targetOf(scope.query, column);
    const reading = target === null ? null : unlessDrawn(this.#read({ expression: target, scope }, true));
    return reading === null ? null : this.#tied(reading, scope.query);
  }

  /** `(select id from new_parent)` of a part that has one row. */
  #subselect(node: QueryNode, scope: Scope): Reading | null {
    const query = node.node('subselect');
    if (query === null || node.word('subLinkType') !== EXPRESSION_SUBLINK) return null;
    const tree = query.node('jointree');
    const isPlain = tree !== null && tree.fields.get('quals') === null && tree.list('fromlist').length === 1;
    const [target, ...others] = query.nodes('targetList');
    if (!isPlain || target === undefined || others.length > 0) return null;
    const place = { expression: target.value('expr'), scope: { query, outer: scope } };
    return unlessDrawn(this.#read(place, false));
  }
}

/** One key or UUID in several rows would tie rows together in a way that the effect does not show. */
const TIED: ReadonlySet<string> = new Set(['made', 'drawn', 'assigned']);

const STEPS_MAX = 20_000;
const EXPRESSION: ValueSource = { kind: 'expression', key: '', isMixed: false };
const INSERT = '3';
const EXPRESSION_SUBLINK = '4';

/** What is drawn may go to the column that it was drawn for, and nowhere else. */
function unlessDrawn(reading: Reading | null): Reading | null {
  return reading?.kind === 'drawn' ? null : reading;
}

/** A row of FROM may meet many rows of an UPDATE: one value for all of them. */
function isSharedDraw({ kind, leaves }: Reading, { query }: Scope): boolean {
  if (kind !== 'drawn' || query.word('commandType') === INSERT) return false;
  return leaves.some((leaf) => leaf.kind === 'VAR');
}

function wordsOf(args: readonly (Reading | null)[]): readonly [readonly string[], readonly string[]] {
  return [args.map((arg) => arg?.text ?? ''), args.map((arg) => arg?.key ?? '')];
}

function targetOf(query: QueryNode, column: number): NodeValue {
  return valueAt(query.nodes('targetList'), column);
}

/** True when a part inserts one row and leaves this column to its default. */
function assignedKey({ query }: Scope, column: number): boolean {
  if (query.word('commandType') !== INSERT || !hasOneRow(query)) return false;
  const target = targetOf(query, column);
  return target === null || isKind(target, 'SETTODEFAULT');
}
