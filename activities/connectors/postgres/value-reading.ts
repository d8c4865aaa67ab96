import { constantText } from './constant-text.ts';
import { QueryNode, type NodeValue } from './node-text.ts';
import type { CallFact } from './query-facts.ts';

/**
 * An expression whose value is proven to be a constant, the clock, a new UUID, a key that the statement got, or `drawn`:
 * made up by a function that the target allows for that.
 */
export interface Reading {
  readonly kind: 'constant' | 'clock' | 'made' | 'drawn' | 'assigned' | 'default';
  readonly text: string;
  /** Equal for the same expression over the same part of the statement, where texts may be equal for different ones. */
  readonly key: string;
  readonly isRough: boolean;
  /** True when rows get different ones of several expressions. */
  readonly isMixed?: boolean;
  /** True for what is made up where the target allows it to be worked on further. */
  readonly isAllowed?: boolean;
  /** The calls in it that give another value each time. */
  readonly leaves: readonly QueryNode[];
}

/** How an expression is shown, and told apart from others. */
export type Wording = Pick<Reading, 'text' | 'key'>;

export const ASSIGNED: Reading = { kind: 'assigned', text: '', key: '', isRough: false, leaves: [] };
export const DEFAULT: Reading = { kind: 'default', text: 'default', key: '', isRough: false, leaves: [] };

export function isKind(value: NodeValue, kind: string): boolean {
  return value instanceof QueryNode && value.kind === kind;
}

export function constantReading(node: QueryNode): Reading | null {
  const text = constantText(node);
  return text === null
    ? null
    : { kind: 'constant', text, key: `${node.word('consttype')} ${text}`, isRough: false, leaves: [] };
}

/** `current_date` and its kin by their number; those with an odd place in the list round to a precision. */
const CLOCK_VALUES = [
  'current_date',
  ...['current_time', 'current_timestamp', 'localtime', 'localtimestamp'].flatMap((name) => [name, name]),
];

/** The name of a clock keyword, or null for another one. */
export function clockName(node: QueryNode): string | null {
  return node.kind === 'SQLVALUEFUNCTION' ? (CLOCK_VALUES[node.number('op')] ?? null) : null;
}

export function clockValue(node: QueryNode): Reading | null {
  const name = clockName(node);
  if (name === null) return null;
  const precision = node.number('typmod');
  const isRound = name !== 'current_date' && precision >= 0;
  const text = isRound ? `${name}(${precision})` : name;
  return { kind: 'clock', text, key: text, isRough: isRound || name === 'current_date', leaves: [node] };
}

const CLOCKS: ReadonlySet<string> = new Set(['now', 'transaction_timestamp', 'statement_timestamp']);
const MAKERS: ReadonlySet<string> = new Set(['gen_random_uuid', 'uuidv4', 'uuidv7']);

/** True for functions of pg_catalog that answer the time at which a transaction or statement began. */
export function isClock(fact: CallFact): boolean {
  return fact.schema === 'pg_catalog' && CLOCKS.has(fact.name);
}

export function ownLeaf(node: QueryNode, fact: CallFact): Reading | null {
  const text = `${fact.name}()`;
  if (CLOCKS.has(fact.name)) return { kind: 'clock', text, key: text, isRough: false, leaves: [node] };
  if (!MAKERS.has(fact.name)) return null;
  return { kind: 'made', text, key: text, isRough: false, isAllowed: fact.isMade, leaves: [node] };
}

/** What a function makes up where the target allows it: from constants, or from other values that are made up so. */
export function drawn(
  node: QueryNode,
  { isMade, volatility }: Pick<CallFact, 'isMade' | 'volatility'>,
  { args, wording }: { readonly args: readonly (Reading | null)[]; readonly wording: Wording },
): Reading | null {
  const known = args.flatMap((arg) => (arg?.kind === 'constant' || arg?.isAllowed === true ? [arg] : []));
  const isDrawn = isMade || known.some(({ kind }) => kind !== 'constant');
  if (!isDrawn || known.length < args.length || !(isMade || volatility === 'i')) return null;
  const leaves = [...known.flatMap((arg) => arg.leaves), ...(isMade ? [node] : [])];
  return { kind: 'drawn', ...wording, isRough: false, isMixed: known.some(isMixed), isAllowed: true, leaves };
}

/** A cast of pg_catalog that keeps what is proven, e.g. of a new key from bigint to integer. */
export function fixedCast(node: QueryNode, fact: CallFact, arg: Reading | null): Reading | null {
  if (fact.volatility === 'v' || !CASTS.has(node.word('funcformat'))) return null;
  return arg !== null && KEPT_BY_CASTS.has(arg.kind) ? arg : null;
}

const KEPT_BY_CASTS: ReadonlySet<string> = new Set(['assigned', 'constant', 'default', 'drawn']);

/** Casts, written and implicit. */
export const CASTS: ReadonlySet<string> = new Set(['1', '2']);

export const TIME_TYPES: ReadonlySet<string> = new Set(
  ['1082', '1083', '1114', '1184', '1266', '25', '1042', '1043'], // date, time, timestamps, timetz, text and its kin
);

const CLOCK_FUNCTIONS: ReadonlySet<string> = new Set(
  [
    'timezone date_trunc date_bin date_add date_subtract to_char make_interval justify_days justify_hours',
    'justify_interval date timestamp timestamptz time timetz interval text varchar bpchar float8 int4 int8 lower upper',
  ].flatMap((line) => line.split(' ')),
);

export const ROUGH_FUNCTIONS: ReadonlySet<string> = new Set(['date_trunc', 'date_bin', 'to_char']);

export const CLOCK_OPERATIONS: ReadonlySet<string> = new Set(
  [
    'timestamptz_pl_interval timestamptz_mi_interval timestamp_pl_interval timestamp_mi_interval date_pl_interval',
    'date_mi_interval date_pli date_mii integer_pl_date interval_pl_timestamptz interval_pl_timestamp interval_pl_date',
    'interval_pl interval_mi interval_mul mul_d_interval interval_div interval_um time_pl_interval time_mi_interval',
    'timetz_pl_interval timetz_mi_interval textcat',
  ].flatMap((line) => line.split(' ')),
);

const PATTERNS =
  /"[TZ]"|(FM|FX)?(HH(24|12)?|MI|SSSSS?|SS|MS|US|FF[1-6]|AM|PM|[AP]\.M\.|Y,YYY|I?Y{1,4}|BC|AD|[BA]\.[CD]\.|MONTH|MON|MM|DAY|DY|I?D{1,3}|IW|WW|W|CC|J|Q|RM|TZ[HM]?|OF)(TH|SP)?/gi;

/** True for functions of pg_catalog that only calculate with times, or print them. */
export function isClockCall({ name }: CallFact, args: readonly (Reading | null)[]): boolean {
  return CLOCK_FUNCTIONS.has(name) && (name !== 'to_char' || isClockFormat(args[1]?.text ?? ''));
}

/** True for a format that prints times and signs between them: other letters would come out as they are. */
function isClockFormat(text: string): boolean {
  return /^'[\s.,:;/\-_+T]*'$/.test(text.replace(PATTERNS, ''));
}

/** An operation on constants and the clock alone. */
export function combined(
  args: readonly (Reading | null)[],
  wording: Wording,
  isRough: boolean,
): Reading | null {
  const known = args.flatMap((arg) => (arg === null ? [] : [arg]));
  const isPlain = known.every(({ kind }) => kind === 'clock' || kind === 'constant');
  if (known.length < args.length || !isPlain) return null;
  const isClock = known.some(({ kind }) => kind === 'clock');
  return {
    kind: isClock ? 'clock' : 'constant',
    ...wording,
    isRough: isRough || known.some((arg) => arg.isRough),
    isMixed: known.some(isMixed),
    leaves: known.flatMap(({ leaves }) => leaves),
  };
}

function isMixed(reading: Reading): boolean {
  return reading.isMixed === true;
}

/** What the rows of VALUES or the arms of a set operation have in common; null when one of them is a value to approve. */
export function merged(readings: readonly (Reading | null)[]): Reading | null {
  const [first] = readings;
  if (first === undefined || first === null) return null;
  const others = readings.slice(1);
  if (others.some((reading) => reading?.kind !== first.kind)) return null;
  const [texts, keys] = (['text', 'key'] as const).map(
    (field) => new Set(readings.map((reading) => reading?.[field] ?? '')),
  );
  return {
    kind: first.kind,
    text: [...(texts ?? [])].join(' or '),
    key: [...(keys ?? [])].join(' or '),
    isMixed: (keys?.size ?? 0) > 1 || readings.some((reading) => reading !== null && isMixed(reading)),
    isRough: readings.some((reading) => reading?.isRough === true),
    leaves: readings.flatMap((reading) => reading?.leaves ?? []),
  };
}
