import type { Leaf } from '../leaf.ts';
import { nameOf } from './evidence.ts';
import type { StreamState } from '../../../contract/streams.ts';

/**
 * Every session of the database was started by an entry, expires as that says, and was ended where an entry says so. Those
 * that are over for a day are only in the log.
 */
export function sessionsFollow(leaves: readonly Leaf[], { sessions = [] }: StreamState): string[] {
  const expiries = new Map<unknown, unknown>();
  const ended = new Set<unknown>();
  const misplaced = leaves.flatMap((leaf) => {
    const { session, expires_at: expiry } = leaf.facts;
    const isRight =
      leaf.type === 'session.started' ? !expiries.has(session) : expiries.has(session) && !ended.has(session);
    if (leaf.type === 'session.started') expiries.set(session, expiry);
    else ended.add(session);
    return isRight ? [] : [`${nameOf(leaf)} cannot follow`];
  });
  const others = sessions.filter(
    ({ id, expires_at: expiry, is_ended: isEnded }) =>
      Date.parse(String(expiries.get(id))) !== Date.parse(expiry) || ended.has(id) !== isEnded,
  );
  return [...misplaced, ...others.map(({ id }) => `the session ${id} stands otherwise than its entries say`)];
}
