import { constantText } from './constant-text.ts';
import { listField, nodeField, numberField, wordField, type NodeValue, type QueryNode } from './node-text.ts';
import type { CallFact, QueryFacts } from './query-facts.ts';
import { hasOneRow, meaningOf, type Meaning, type Place, type Scope } from './query-scope.ts';

/**
 * Where a statement's value for a column comes from, as far as it is proven. `clock` and `made` are expressions of the
 * transaction's clock or a new UUID and nothing else; `assigned` is the key that a row inserted by the same statement
 * got; everything that is not proven is `expression`.
 */
export type ValueSource =
  | { readonly kind: 'default' | 'assigned' | 'expression' }
  | { readonly kind: 'clock' | 'made'; readonly text: string; readonly isRough: boolean };

/** Finds sources, and which nodes that vary by themselves are thereby proven to be harmless. */
export class SourceReader {
  readonly #facts: QueryFacts;
  readonly #proven = new Set<QueryNode>();
  readonly #used = new Set<NodeValue>();
  #stepsLeft = STEPS_MAX;

  constructor(facts: QueryFacts) {
    this.#facts = facts;
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
    if (isKind(expression, 'SETTODEFAULT')) return { kind: 'default' };
    const reading = this.#read(place, true);
    if (reading === null || reading.kind === 'constant') return EXPRESSION;
    if (reading.kind === 'default' || reading.kind === 'assigned') return { kind: reading.kind };
    if (reading.kind === 'clock' && !TIME_TYPES.has(this.#typeOf(expression))) return EXPRESSION;
    for (const leaf of reading.leaves) this.#proven.add(leaf);
    return { kind: reading.kind, text: reading.text, isRough: reading.isRough };
  }

  #typeOf(expression: NodeValue): string {
    if (!isNode(expression)) return '';
    if (expression.kind === 'COERCETODOMAIN') return this.#typeOf(expression.fields.get('arg') ?? null);
    const fields = ['vartype', 'funcresulttype', 'opresulttype', 'resulttype', 'type'];
    return fields.map((field) => wordField(expression, field)).find((word) => /^\d+$/.test(word)) ?? '';
  }

  /** `isFirst` until a variable leads to rows that another part of the statement may use as well. */
  #read({ expression, scope }: Place, isFirst: boolean): Reading | null {
    this.#stepsLeft -= 1;
    if (this.#stepsLeft < 0 || !isNode(expression)) return null;
    const read = (value: NodeValue): Reading | null => this.#read({ expression: value, scope }, isFirst);
    switch (expression.kind) {
      case 'CONST':
        return constantReading(expression);
      case 'SQLVALUEFUNCTION':
        return clockValue(expression);
      case 'FUNCEXPR':
        return this.#call(expression, read);
      case 'OPEXPR':
        return this.#operation(expression, read);
      case 'RELABELTYPE':
      case 'COERCEVIAIO':
      case 'COERCETODOMAIN':
        return this.#cast(expression, read(expression.fields.get('arg') ?? null));
      case 'VAR':
        return this.#variable(expression, meaningOf(expression, scope), isFirst);
      case 'SUBLINK':
        return this.#subselect(expression, scope);
      default:
        return null;
    }
  }

  #call(node: QueryNode, read: (value: NodeValue) => Reading | null): Reading | null {
    const fact = this.#facts.functions.get(wordField(node, 'funcid'));
    if (fact === undefined || fact.schema !== 'pg_catalog' || wordField(node, 'funcretset') !== 'false')
      return null;
    const values = listField(node, 'args');
    if (values.length === 0) return ownLeaf(node, fact);
    if (fact.volatility === 'v' || !CLOCK_FUNCTIONS.has(fact.name))
      return fixedCast(node, fact, { values, read });
    const args = values.map(read);
    if (CASTS.has(wordField(node, 'funcformat'))) return this.#cast(node, args[0] ?? null);
    const text = `${fact.name}(${args.map((arg) => arg?.text ?? '').join(', ')})`;
    return combined(args, text, ROUGH_FUNCTIONS.has(fact.name));
  }

  #operation(node: QueryNode, read: (value: NodeValue) => Reading | null): Reading | null {
    const fact = this.#facts.operators.get(wordField(node, 'opno'));
    if (fact === undefined || fact.schema !== 'pg_catalog' || !CLOCK_OPERATIONS.has(fact.code)) return null;
    const args = listField(node, 'args').map(read);
    const texts = args.map((arg) => arg?.text ?? '');
    const text = texts.length === 1 ? `${fact.name} ${texts[0] ?? ''}` : texts.join(` ${fact.name} `);
    return combined(args, `(${text})`, false);
  }

  #cast(node: QueryNode, arg: Reading | null): Reading | null {
    if (arg === null) return null;
    const format = ['funcformat', 'relabelformat', 'coerceformat', 'coercionformat']
      .map((field) => wordField(node, field))
      .find((word) => word !== '');
    const type =
      this.#facts.types.get(wordField(node, 'funcresulttype') || wordField(node, 'resulttype')) ?? '';
    const isWritten = format === '1' && type !== '';
    // Every cast may cut the time: to a date, to whole seconds, to text.
    return {
      ...arg,
      isRough: arg.isRough || arg.kind === 'clock',
      text: isWritten ? `${arg.text}::${type}` : arg.text,
    };
  }

  #variable(variable: QueryNode, meaning: Meaning, isFirst: boolean): Reading | null {
    if (meaning.kind === 'excluded') return this.#proposed(meaning.scope, meaning.column);
    if (meaning.kind === 'own')
      return assignedKey(meaning.scope, meaning.column) ? ASSIGNED : this.#set(meaning);
    if (meaning.kind === 'row' || meaning.places.length === 0) return null;
    const isOne = meaning.source !== null && hasOneRow(meaning.source);
    const readings = meaning.places.map((place) =>
      isKind(place.expression, 'SETTODEFAULT') ? DEFAULT : this.#read(place, isOne),
    );
    const reading = merged(readings);
    // One key or UUID in several rows would tie rows together in a way that the effect does not show.
    const isTied = reading?.kind === 'made' || reading?.kind === 'assigned';
    if (reading === null || (isTied && !isFirst && !isOne)) return null;
    for (const { expression } of meaning.places) if (reading.leaves.length > 0) this.#used.add(expression);
    return { ...reading, leaves: [...reading.leaves, variable] };
  }

  /** `excluded.column`: what the row was to be inserted with. */
  #proposed(scope: Scope, column: number): Reading | null {
    const target = targetOf(scope.query, column);
    return target === null ? null : this.#read({ expression: target, scope }, true);
  }

  /** A column of RETURNING that the same part of the statement sets itself. */
  #set({ scope, column }: { readonly scope: Scope; readonly column: number }): Reading | null {
    if (wordField(scope.query, 'commandType') !== INSERT || !hasOneRow(scope.query)) return null;
    const target = targetOf(scope.query, column);
    return target === null ? null : this.#read({ expression: target, scope }, true);
  }

  /** `(select id from new_parent)` of a part that has one row. */
  #subselect(node: QueryNode, scope: Scope): Reading | null {
    const query = nodeField(node, 'subselect');
    if (query === null || wordField(node, 'subLinkType') !== EXPRESSION_SUBLINK) return null;
    const tree = nodeField(query, 'jointree');
    const isPlain =
      tree !== null && tree.fields.get('quals') === null && listField(tree, 'fromlist').length === 1;
    const targets = listField(query, 'targetList');
    if (!isPlain || targets.length !== 1 || !isNode(targets[0] ?? null)) return null;
    const expression = (targets[0] as QueryNode).fields.get('expr') ?? null;
    return this.#read({ expression, scope: { query, outer: scope } }, false);
  }
}

const STEPS_MAX = 20_000;
const EXPRESSION: ValueSource = { kind: 'expression' };
const INSERT = '3';
const EXPRESSION_SUBLINK = '4';

interface Reading {
  readonly kind: 'constant' | 'clock' | 'made' | 'assigned' | 'default';
  readonly text: string;
  readonly isRough: boolean;
  /** The calls in it that give another value each time. */
  readonly leaves: readonly QueryNode[];
}

const ASSIGNED: Reading = { kind: 'assigned', text: '', isRough: false, leaves: [] };
const DEFAULT: Reading = { kind: 'default', text: 'default', isRough: false, leaves: [] };

function isNode(value: NodeValue): value is QueryNode {
  return typeof value === 'object' && value !== null && 'kind' in value;
}

function isKind(value: NodeValue, kind: string): boolean {
  return isNode(value) && value.kind === kind;
}

function constantReading(node: QueryNode): Reading | null {
  const text = constantText(node);
  return text === null ? null : { kind: 'constant', text, isRough: false, leaves: [] };
}

/** `current_date` and its kin by their number; those with an odd place in the list round to a precision. */
const CLOCK_VALUES = [
  'current_date',
  'current_time',
  'current_time',
  'current_timestamp',
  'current_timestamp',
  'localtime',
  'localtime',
  'localtimestamp',
  'localtimestamp',
] as const;

/** The name of a clock keyword, or null for another one. */
export function clockName(node: QueryNode): string | null {
  return node.kind === 'SQLVALUEFUNCTION' ? (CLOCK_VALUES[numberField(node, 'op')] ?? null) : null;
}

function clockValue(node: QueryNode): Reading | null {
  const name = clockName(node);
  if (name === null) return null;
  const precision = numberField(node, 'typmod');
  const isRound = name !== 'current_date' && precision >= 0;
  const text = isRound ? `${name}(${precision})` : name;
  return { kind: 'clock', text, isRough: isRound || name === 'current_date', leaves: [node] };
}

const CLOCKS: ReadonlySet<string> = new Set(['now', 'transaction_timestamp', 'statement_timestamp']);
const MAKERS: ReadonlySet<string> = new Set(['gen_random_uuid', 'uuidv4', 'uuidv7']);

/** True for functions of pg_catalog that answer the time at which a transaction or statement began. */
export function isClock(fact: CallFact): boolean {
  return fact.schema === 'pg_catalog' && CLOCKS.has(fact.name);
}

function ownLeaf(node: QueryNode, fact: CallFact): Reading | null {
  const text = `${fact.name}()`;
  if (CLOCKS.has(fact.name)) return { kind: 'clock', text, isRough: false, leaves: [node] };
  return MAKERS.has(fact.name) ? { kind: 'made', text, isRough: false, leaves: [node] } : null;
}

/** A cast of pg_catalog that keeps what is proven, e.g. of a new key from bigint to integer. */
function fixedCast(
  node: QueryNode,
  fact: CallFact,
  {
    values,
    read,
  }: { readonly values: readonly NodeValue[]; readonly read: (value: NodeValue) => Reading | null },
): Reading | null {
  if (fact.volatility === 'v' || !CASTS.has(wordField(node, 'funcformat'))) return null;
  const arg = read(values[0] ?? null);
  return arg?.kind === 'assigned' || arg?.kind === 'constant' || arg?.kind === 'default' ? arg : null;
}

/** Casts, written and implicit. */
const CASTS: ReadonlySet<string> = new Set(['1', '2']);

const TIME_TYPES: ReadonlySet<string> = new Set(
  ['1082', '1083', '1114', '1184', '1266', '25', '1042', '1043'], // date, time, timestamps, timetz, text and its kin
);

const CLOCK_FUNCTIONS: ReadonlySet<string> = new Set(
  [
    'timezone date_trunc date_bin date_add date_subtract to_char make_interval justify_days justify_hours',
    'justify_interval date timestamp timestamptz time timetz interval text varchar bpchar float8 int4 int8 lower upper',
  ].flatMap((line) => line.split(' ')),
);

const ROUGH_FUNCTIONS: ReadonlySet<string> = new Set(['date_trunc', 'date_bin', 'to_char']);

const CLOCK_OPERATIONS: ReadonlySet<string> = new Set(
  [
    'timestamptz_pl_interval timestamptz_mi_interval timestamp_pl_interval timestamp_mi_interval date_pl_interval',
    'date_mi_interval date_pli date_mii integer_pl_date interval_pl_timestamptz interval_pl_timestamp interval_pl_date',
    'interval_pl interval_mi interval_mul mul_d_interval interval_div interval_um time_pl_interval time_mi_interval',
    'timetz_pl_interval timetz_mi_interval textcat',
  ].flatMap((line) => line.split(' ')),
);

/** An operation on constants and the clock alone. */
function combined(args: readonly (Reading | null)[], text: string, isRough: boolean): Reading | null {
  const known = args.flatMap((arg) => (arg === null ? [] : [arg]));
  const isPlain = known.every(({ kind }) => kind === 'clock' || kind === 'constant');
  if (known.length < args.length || !isPlain) return null;
  const isClock = known.some(({ kind }) => kind === 'clock');
  return {
    kind: isClock ? 'clock' : 'constant',
    text,
    isRough: isRough || known.some((arg) => arg.isRough),
    leaves: known.flatMap(({ leaves }) => leaves),
  };
}

/** What the rows of VALUES or the arms of a set operation have in common; null when one of them is a value to approve. */
function merged(readings: readonly (Reading | null)[]): Reading | null {
  const [first] = readings;
  if (first === undefined || first === null) return null;
  const others = readings.slice(1);
  if (others.some((reading) => reading?.kind !== first.kind)) return null;
  const texts = new Set(readings.map((reading) => reading?.text ?? ''));
  return {
    kind: first.kind,
    text: [...texts].join(' or '),
    isRough: readings.some((reading) => reading?.isRough === true),
    leaves: readings.flatMap((reading) => reading?.leaves ?? []),
  };
}

function targetOf(query: QueryNode, column: number): NodeValue {
  for (const target of listField(query, 'targetList')) {
    if (isNode(target) && numberField(target, 'resno') === column) return target.fields.get('expr') ?? null;
  }
  return null;
}

/** True when a part inserts one row and leaves this column to its default. */
function assignedKey({ query }: Scope, column: number): boolean {
  if (wordField(query, 'commandType') !== INSERT || !hasOneRow(query)) return false;
  const target = targetOf(query, column);
  return target === null || isKind(target, 'SETTODEFAULT');
}
