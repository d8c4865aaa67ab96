import type { Client, QueryResultRow } from 'pg';

import { insertedOf, type RowImage } from './pairing.ts';
import { question } from './questions.ts';
import type { Value } from './raw-rows.ts';
import { rowsOf, takeRole } from './session.ts';
import type { TableShape } from './table-shape.ts';

/** The time of one transaction, in microseconds; local ones as a clock in the statement's time zone shows them. */
export interface MakingTime {
  readonly startedAt: bigint;
  readonly startedAtLocally: bigint;
  readonly lasted: bigint;
}

/** What one transaction can have made up for a table by itself: its time, and the latest values of sequences. */
export interface Making extends MakingTime {
  /** By the name of the column. */
  readonly sequences: ReadonlyMap<string, readonly SequenceHead[]>;
  /** What sequences gave to new rows of all changed tables, by the name of the column: a trigger may write it elsewhere. */
  readonly newKeys: ReadonlyMap<string, ReadonlySet<string>>;
}

/** The values that sequences gave to new rows, by the name of the column. */
export function newKeysOf(
  tables: readonly (Pick<Making, 'sequences'> & {
    readonly shape: TableShape;
    readonly rows: readonly RowImage[] | null;
  })[],
): Making['newKeys'] {
  const keys = new Map<string, Set<string>>();
  for (const { shape, rows: images, sequences } of tables) {
    const rows = insertedOf(images ?? []);
    for (const [index, { name }] of shape.columns.entries()) {
      const heads = sequences.get(name);
      const values = rows.map((row) => row[index]).filter((value) => typeof value === 'string');
      const given = values.filter((value) => sequenceKind(value, heads) !== null);
      if (given.length > 0) keys.set(name, new Set([...(keys.get(name) ?? []), ...given]));
    }
  }
  return keys;
}

/** The latest value that a sequence gave away; null before the first. A hidden one is not known. */
interface SequenceHead {
  readonly isHidden: boolean;
  readonly last: bigint | null;
  readonly step: bigint;
}

/** Kinds of values made at execution: `OTHER` may be what a row of a table held. */
export const OTHER = 'other';
export const UUID_4 = 'uuid 4';

interface TimeRow extends QueryResultRow {
  readonly started: string;
  readonly local: string;
  readonly lasted: string;
}

/** Asks for the time of the writer's open transaction, once the statement has run, in the statement's time zone. */
export const MAKING_TIME = question<TimeRow>(`
  select (extract(epoch from now()) * 1000000)::bigint::text as started,
         (extract(epoch from now()::timestamp) * 1000000)::bigint::text as local,
         (extract(epoch from clock_timestamp() - now()) * 1000000)::bigint::text as lasted`);

/** What `MAKING_TIME` answered. */
export function makingTimeOf([row]: readonly TimeRow[]): MakingTime {
  const { started, local, lasted } = row ?? { started: '0', local: '0', lasted: '0' };
  return { startedAt: BigInt(started), startedAtLocally: BigInt(local), lasted: BigInt(lasted) };
}

interface SequenceRow extends QueryResultRow {
  readonly oid: string;
  readonly name: string;
  readonly is_hidden: boolean;
  readonly last: string | null;
  readonly step: string;
}

/** Columns of tables ($1) that take values of sequences. A partition takes those of its parent. */
const SEQUENCE_COLUMNS = `
  with tables(oid, home) as (
    select direct.oid, direct.oid from unnest($1::oid[]) direct(oid)
    union
    select direct.oid, parent.relid from unnest($1::oid[]) direct(oid)
      cross join lateral pg_partition_ancestors(direct.oid) parent
  ), used(oid, name, sequence) as (
    select tables.oid, col.attname, link.objid
      from tables
      join pg_depend link on link.refobjid = tables.home and link.classid = 'pg_class'::regclass
                         and link.refclassid = 'pg_class'::regclass and link.deptype in ('a', 'i')
      join pg_attribute col on col.attrelid = link.refobjid and col.attnum = link.refobjsubid
    union
    select tables.oid, col.attname, link.refobjid
      from tables
      join pg_attrdef preset on preset.adrelid = tables.home
      join pg_attribute col on col.attrelid = preset.adrelid and col.attnum = preset.adnum
      join pg_depend link on link.classid = 'pg_attrdef'::regclass and link.objid = preset.oid
                         and link.refclassid = 'pg_class'::regclass
  ), seen as (
    select used.*, sequence.seqincrement, has_sequence_privilege(sequence.seqrelid, 'select, usage') as is_seen
      from used join pg_sequence sequence on sequence.seqrelid = used.sequence
  )
  select oid::text as oid, name, not is_seen as is_hidden, seqincrement::text as step,
         case when is_seen then pg_sequence_last_value(sequence)::text end as last
    from seen`;

/** Where the sequences of tables stand, by table and column, as far as the role may see them. */
export async function readSequenceHeads(
  writer: Client,
  { oids, role }: { readonly oids: readonly string[]; readonly role: string },
): Promise<ReadonlyMap<string, Making['sequences']>> {
  await takeRole(writer, role);
  const rows = await rowsOf<SequenceRow>(writer, SEQUENCE_COLUMNS, [oids]);
  await takeRole(writer, null);
  const heads = rows.map(({ is_hidden: isHidden, last, step, ...column }) => {
    return { ...column, isHidden, last: last === null ? null : BigInt(last), step: BigInt(step) };
  });
  const byTable = [...Map.groupBy(heads, ({ oid }) => oid)];
  return new Map(byTable.map(([oid, own]) => [oid, Map.groupBy(own, ({ name }) => name)]));
}

/** The kind of one value that a column got: the same in every run, as far as it is known without knowing the value. */
export function madeKind(value: Value, column: string, making: Making): string {
  if (value === null) return 'null';
  if (typeof value !== 'string') return OTHER;
  const alone = uuidKind(value, making) ?? timeKind(value, making);
  return alone ?? sequenceKind(value, making.sequences.get(column)) ?? documentKind(value, making) ?? OTHER;
}

/** JSON with all that stands in it, but for times, UUIDs and keys of new rows of this run, which stand there by their kind. */
function documentKind(text: string, making: Making): string | null {
  if (!/^[[{]/.test(text) || !isJson(text)) return null;
  const keyed = text.replaceAll(/"(\w+)"\s*:\s*(-?\d+)(?=\s*[,}])/g, (found, name: string, value: string) =>
    making.newKeys.get(name)?.has(value) === true ? `"${name}": <sequence>` : found,
  );
  return `json ${keyed.replaceAll(/"(?:[^"\\]|\\.)*"/g, (found) => {
    const part = found.slice(1, -1).replace('T', ' ');
    const kind = uuidKind(part, making) ?? timeKind(part, making);
    // Times that are over, and days, are what rows hold.
    return kind === null || kind.includes(' -') || kind.startsWith('day') ? found : `<${kind}>`;
  })}`;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** One of version 7 holds the time at which it was made; of version 4, any other one looks the same. */
function uuidKind(text: string, { startedAt, lasted }: MakingTime): string | null {
  const version = /^[\da-f]{8}-[\da-f]{4}-([47])[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/.exec(text)?.[1];
  if (version !== '7') return version === undefined ? null : UUID_4;
  const madeAt = BigInt(`0x${text.slice(0, 13).replace('-', '')}`) * 1000n;
  return madeAt >= startedAt - SECOND && madeAt <= startedAt + lasted + 2n * SECOND ? 'uuid 7' : null;
}

const DAY = /^\d{4}-\d\d-\d\d$/;
const TIME_OF_DAY =
  /^(?<date>\d{4}-\d\d-\d\d) (?<time>\d\d:\d\d:\d\d)(?:\.(?<fraction>\d{1,6}))?(?<zone>[+-]\d\d(?::\d\d)?)?$/;
const MINUTE = 60_000_000n;
const SECOND = 1_000_000n;
const WHOLE_DAY = 1440n * MINUTE;

/** A time by its whole minutes from the start of the transaction: `now()`, `now() + interval '30 days'`. */
function timeKind(text: string, { startedAt, startedAtLocally, lasted }: Making): string | null {
  if (DAY.test(text)) {
    return `day ${microsecondsOf(text, '00:00:00', '') / WHOLE_DAY - startedAtLocally / WHOLE_DAY}`;
  }
  const found = TIME_OF_DAY.exec(text)?.groups;
  if (found === undefined) return null;
  const at = microsecondsOf(found['date'] ?? '', found['time'] ?? '', found['fraction'] ?? '');
  // Rounded to a second, a time may lie before the start of its transaction.
  const zone = found['zone'];
  const after = at - (zone === undefined ? startedAtLocally : startedAt + offsetOf(zone)) + SECOND;
  const minutes = after >= 0n ? after / MINUTE : (after - MINUTE + 1n) / MINUTE;
  return after - minutes * MINUTE <= lasted + 2n * SECOND ? `minute ${minutes}` : null;
}

/** How far the clocks of a zone (`+02`, `-03:30`) are ahead. */
function offsetOf(zone: string): bigint {
  const [hours = '0', minutes = '0'] = zone.slice(1).split(':');
  return (BigInt(hours) * 60n + BigInt(minutes)) * MINUTE * (zone.startsWith('-') ? -1n : 1n);
}

function microsecondsOf(date: string, time: string, fraction: string): bigint {
  return BigInt(Date.parse(`${date}T${time}Z`)) * 1000n + BigInt(fraction.padEnd(6, '0'));
}

/** Others take values too, so the last one may not be ours. */
const LATEST = 10_000n;

function sequenceKind(text: string, heads: readonly SequenceHead[] | undefined): string | null {
  if (heads === undefined || !/^-?\d{1,19}$/.test(text)) return null;
  const value = BigInt(text);
  const isLatest = heads.some(({ isHidden, last, step }) => {
    if (isHidden) return true;
    const back = last === null ? -1n : (last - value) / step;
    return back >= 0n && back < LATEST && (last === null || (last - value) % step === 0n);
  });
  return isLatest ? 'sequence' : null;
}
