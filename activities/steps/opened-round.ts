import { readEntries } from '../../database/audit-entries.ts';
import { clocksBetween } from '../../domain/calendar/deadlines.ts';
import { canonicalJson } from '../../domain/crypto/canonical-json.ts';
import type { Dependencies } from '../dependencies.ts';
import type { StepTransaction } from '../step.ts';

/**
 * True when the row still says of its round what the entry says that opened it: since when it waits, until when, by which
 * clocks, and whether it is break-glass. Escalations and the age of approvals are counted from these, the decision
 * digest does not cover them, and rows can be rewritten where entries cannot.
 */
export async function isAsOpened(
  { policies }: Pick<Dependencies, 'policies'>,
  { manager, row }: Pick<StepTransaction, 'manager' | 'row'>,
): Promise<boolean> {
  const { requirement, pending_since: since, expires_at: until } = row;
  const entries = await readEntries(manager, { request: row.id, run: row.run_id }, 'request.pending');
  // The first of the round: one that somebody appends later opens nothing.
  const entry = entries.find(({ facts: { round } }) => round === row.round);
  if (!entry?.policy || !requirement || !since || !until) return false;
  const { calendars } = await policies.byDigest(manager, entry.policy.digest);
  const clocks = clocksBetween(requirement.rules, calendars, {
    fromMs: since.getTime(),
    toMs: until.getTime(),
  });
  const { facts } = entry;
  return (
    facts['pending_since'] === since.toISOString() &&
    facts['expires_at'] === until.toISOString() &&
    (facts['is_break_glass'] === true) === row.is_break_glass &&
    canonicalJson(clocks) === canonicalJson(row.clocks)
  );
}
