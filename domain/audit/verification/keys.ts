import { canonicalJson, type JsonValue } from '../../crypto/canonical-json.ts';
import type { Leaf } from '../leaf.ts';
import { nameOf } from './evidence.ts';
import type { StreamState } from '../../../contract/streams.ts';

/**
 * Every API key of the database was made by an entry, is the one of that agent that this person made, for what it says and
 * until then, and was revoked where an entry says so. Those that ended 30 days ago are only in the log.
 */
export function keysFollow(leaves: readonly Leaf[], { keys = [] }: StreamState): string[] {
  const made = new Map<unknown, Leaf['facts']>();
  const revoked = new Set<unknown>();
  const misplaced = leaves.flatMap((leaf) => {
    const { key } = leaf.facts;
    const isRight = leaf.type === 'key.created' ? !made.has(key) : made.has(key) && !revoked.has(key);
    if (leaf.type === 'key.created') made.set(key, leaf.facts);
    else revoked.add(key);
    return isRight ? [] : [`${nameOf(leaf)} cannot follow`];
  });
  const others = keys.filter((key) => {
    const facts = made.get(key.id) ?? {};
    return (
      instantOf(facts['expires_at']) !== instantOf(key.expires_at) ||
      !isSame(facts['actions'], key.actions) ||
      !isSame(facts['targets'], key.targets) ||
      facts['row_digest'] !== key.row_digest ||
      revoked.has(key.id) !== key.is_revoked
    );
  });
  return [...misplaced, ...others.map(({ id }) => `the API key ${id} stands otherwise than its entries say`)];
}

function instantOf(value: JsonValue | undefined): number {
  return typeof value === 'string' ? Date.parse(value) : Number.NaN;
}

function isSame(recorded: JsonValue | undefined, stored: readonly string[] | null): boolean {
  return recorded !== undefined && canonicalJson(recorded) === canonicalJson(stored && [...stored]);
}
