import type { QueryNode } from './node-text.ts';

const MICROSECONDS_PER_SECOND = 1_000_000n;

/** A constant of a node tree as SQL, or null for types that are not read here. */
export function constantText(node: QueryNode): string | null {
  if (node.word('constisnull') === 'true') return 'null';
  const reader = READERS.get(node.word('consttype'));
  const [, ...words] = node.list('constvalue');
  const bytes = Buffer.from(words.map((word) => Number(word) & 255));
  return reader === undefined || node.node('constvalue') !== null ? null : reader(bytes);
}

/** By the oid of the type. Datums are read as little-endian machines keep them; others do not come out at all. */
const READERS: ReadonlyMap<string, (bytes: Buffer) => string | null> = new Map([
  ['20', (bytes) => (bytes.length === 8 ? String(bytes.readBigInt64LE()) : null)],
  ['23', (bytes) => (bytes.length === 8 ? String(bytes.readInt32LE()) : null)],
  ['25', longText],
  ['705', (bytes) => quoted(bytes.subarray(0, bytes.length - 1))],
  ['701', (bytes) => (bytes.length === 8 ? String(bytes.readDoubleLE()) : null)],
  ['1042', longText],
  ['1043', longText],
  ['1186', intervalText],
] as const);

const HEADER_BYTES = 4;

function longText(bytes: Buffer): string | null {
  if (bytes.length < HEADER_BYTES || bytes.readUInt32LE() !== bytes.length * 4) return null;
  return quoted(bytes.subarray(HEADER_BYTES));
}

function quoted(bytes: Buffer): string | null {
  const text = bytes.toString('utf8');
  if (!Buffer.from(text, 'utf8').equals(bytes)) return null;
  return `'${text.replaceAll("'", "''")}'`;
}

function intervalText(bytes: Buffer): string | null {
  if (bytes.length !== 16) return null;
  const parts = [
    named(BigInt(bytes.readInt32LE(12)), 'months'),
    named(BigInt(bytes.readInt32LE(8)), 'days'),
    secondsText(bytes.readBigInt64LE(0)),
  ].filter((part) => part !== '');
  return `'${parts.length === 0 ? '0 seconds' : parts.join(' ')}'`;
}

function named(count: bigint, unit: string): string {
  return count === 0n ? '' : `${count} ${unit}`;
}

function secondsText(microseconds: bigint): string {
  if (microseconds === 0n) return '';
  if (microseconds % MICROSECONDS_PER_SECOND !== 0n) return `${microseconds} microseconds`;
  const seconds = microseconds / MICROSECONDS_PER_SECOND;
  if (seconds % 3600n === 0n) return `${seconds / 3600n} hours`;
  return seconds % 60n === 0n ? `${seconds / 60n} minutes` : `${seconds} seconds`;
}
