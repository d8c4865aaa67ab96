import { clocksBetween } from '../../domain/calendar/deadlines.ts';
import { canonicalJson } from '../../domain/crypto/canonical-json.ts';
import type { Leaf } from '../../domain/audit/leaf.ts';
import type { Dependencies } from '../dependencies.ts';
import type { StepTransaction } from '../record.ts';

/**
 * True when the row still says of its round what the entry says that opened it: since when it waits, until when, by which
 * clocks, and whether it is an emergency. Escalations and the age of approvals are counted from these, the decision
 * digest does not cover them, and rows can be rewritten where entries cannot.
 */
export async function isAsOpened(
  { policies }: Pick<Dependencies, 'policies'>,
  { manager, row }: Pick<StepTransaction, 'manager' | 'row'>,
): Promise<boolean> {
  const { requirement, pending_since: since, expires_at: until } = row;
  const entry = await openingEntry({ manager, row });
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

/** The first of the round: one that somebody appends later opens nothing. */
async function openingEntry({
  manager,
  row,
}: Pick<StepTransaction, 'manager' | 'row'>): Promise<Leaf | undefined> {
  const rows: { leaf: string }[] = await manager.query(
    `select leaf from audit.entry
     where request = $1 and run_id = $2 and type = 'request.pending' and (leaf::jsonb -> 'facts' ->> 'round')::int = $3
     order by n limit 1`,
    [row.id, row.run_id, row.round],
  );
  return rows[0] && (JSON.parse(rows[0].leaf) as Leaf);
}
