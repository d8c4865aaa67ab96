import { PatternError, type Pattern } from './pattern.ts';

interface Address {
  /** 4 or 6. An IPv4 address written inside IPv6 (`::ffff:10.0.0.1`) is the IPv4 address it means. */
  readonly version: 4 | 6;
  readonly value: bigint;
}

const BITS = { 4: 32, 6: 128 } as const;

const MAPPED_PREFIX = 0xffffn;

/**
 * A range of IP addresses, IPv4 or IPv6, such as `10.0.0.0/8`. Bits behind the prefix must be zero. A text that is not
 * an address is an error, never "outside".
 */
export function compileCidr(source: string): Pattern {
  const [network, prefix, ...rest] = source.split('/');
  const address = parseAddress(network ?? '');
  if (!address || rest.length > 0)
    throw new PatternError('not an address range such as 10.0.0.0/8 or 2001:db8::/32');
  if (address.version === 4 && source.includes(':')) throw new PatternError('write an IPv4 range as IPv4');
  const shift = hostBits(prefix ?? '', BITS[address.version]);
  const wanted = address.value >> shift;
  if (wanted << shift !== address.value) throw new PatternError('bits behind the prefix must be zero');
  return {
    stepsPerCharacter: 1,
    test: (text) => {
      const given = parseAddress(text);
      if (!given) throw new PatternError('the text is not an IP address');
      return given.version === address.version && given.value >> shift === wanted;
    },
  };
}

function hostBits(prefix: string, bits: number): bigint {
  if (!/^(?:0|[1-9]\d{0,2})$/u.test(prefix) || Number(prefix) > bits) {
    throw new PatternError(`the prefix must be a number from 0 to ${bits}`);
  }
  return BigInt(bits - Number(prefix));
}

function parseAddress(text: string): Address | null {
  if (text.length > 45) return null;
  if (!text.includes(':')) {
    const value = parseV4(text);
    return value === null ? null : { version: 4, value };
  }
  const value = parseV6(text);
  if (value === null) return null;
  return value >> 32n === MAPPED_PREFIX ? { version: 4, value: value & 0xffff_ffffn } : { version: 6, value };
}

/** Exactly four decimal numbers. A leading zero is refused: some readers take it as octal, so it names two addresses. */
function parseV4(text: string): bigint | null {
  const parts = text.split('.');
  if (parts.length !== 4) return null;
  let value = 0n;
  for (const part of parts) {
    if (!/^(?:0|[1-9]\d{0,2})$/u.test(part) || Number(part) > 255) return null;
    value = (value << 8n) | BigInt(part);
  }
  return value;
}

function parseV6(text: string): bigint | null {
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const [head, tail] = halves.map(groupsOf);
  if (!head || tail === null) return null;
  if (tail === undefined) return head.length === 8 ? joined(head) : null;
  const missing = 8 - head.length - tail.length;
  if (missing < 1) return null;
  return joined([...head, ...Array.from({ length: missing }, () => 0n), ...tail]);
}

/** The 16-bit groups of one side of `::`. The last may be an IPv4 address. */
function groupsOf(text: string, side: number, sides: readonly string[]): readonly bigint[] | null {
  if (text === '') return sides.length === 2 ? [] : null;
  const parts = text.split(':');
  const groups: bigint[] = [];
  for (const [index, part] of parts.entries()) {
    if (/^[\da-f]{1,4}$/iu.test(part)) {
      groups.push(BigInt(`0x${part}`));
      continue;
    }
    const isLast = side === sides.length - 1 && index === parts.length - 1;
    const embedded = isLast ? parseV4(part) : null;
    if (embedded === null) return null;
    groups.push(embedded >> 16n, embedded & 0xffffn);
  }
  return groups;
}

function joined(groups: readonly bigint[]): bigint {
  return groups.reduce((value, group) => (value << 16n) | group, 0n);
}
