import type { Leaf } from '../leaf.ts';
import { nameOf } from './evidence.ts';
import type { StreamState } from '../../../contract/streams.ts';

/**
 * Every link of an account in the database was made by an entry, of this account and this person, and is removed where an
 * entry says so. None is ever forgotten: removed ones say whose an account was.
 */
export function linksFollow(leaves: readonly Leaf[], { links = [] }: StreamState): string[] {
  const [digests, removed] = [new Map<unknown, unknown>(), new Set<unknown>()];
  const misplaced = leaves.flatMap((leaf) => {
    const { link, row_digest: digest } = leaf.facts;
    if (leaf.type === 'account.linked') {
      const isNew = !digests.has(link);
      digests.set(link, digest);
      return isNew ? [] : [`${nameOf(leaf)} cannot follow`];
    }
    if (leaf.type !== 'account.unlinked') return [];
    const isLive = digests.has(link) && !removed.has(link);
    removed.add(link);
    return isLive ? [] : [`${nameOf(leaf)} cannot follow`];
  });
  const others = links.filter(
    ({ id, row_digest: digest, is_removed: isRemoved, is_held: isHeld }) =>
      digests.get(id) !== digest || removed.has(id) !== isRemoved || isHeld === isRemoved,
  );
  const kept = new Set<unknown>(links.map(({ id }) => id));
  return [
    ...misplaced,
    ...others.map(({ id }) => `the link ${id} stands otherwise than its entries say`),
    ...[...digests.keys()]
      .filter((id) => !kept.has(id))
      .map((id) => `the link ${String(id)} was made and is gone`),
  ];
}
