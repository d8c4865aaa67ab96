import { readOnCallOfEach } from '../../../database/on-call.ts';
import { readDecisionsOfAll } from '../../../database/request-list.ts';
import type { RequestRow } from '../../../database/tables.ts';
import type { Caller } from '../auth/caller.ts';
import type { ApiContext } from '../context.ts';
import type { KnownRow } from './load.ts';

/** A request with its decisions and people. */
export type WholeRow = Required<Omit<KnownRow, 'questions'>>;

/** The rows with their decisions and people, with as many queries as for one. */
export async function readWholeRows(
  { source: { manager }, directories, policies }: Pick<ApiContext, 'source' | 'directories' | 'policies'>,
  { policy: { policy } }: Caller,
  rows: readonly RequestRow[],
): Promise<readonly WholeRow[]> {
  if (rows.length === 0) return [];
  const decisions = await readDecisionsOfAll(
    manager,
    rows.map(({ id }) => id),
  );
  const instants = rows.map(({ created_at: at }) => at);
  const atCreation = await directories.atEach(manager, instants);
  const now = { creation: policy, createdAt: new Date() };
  const created = await Promise.all(
    rows.map(async ({ status, creation_policy_digest: digest, created_at: createdAt }) => {
      // Who was on call when it was made only matters as long as it can be decided.
      if (status !== 'pending') return now;
      return { creation: await policies.byDigest(manager, digest), createdAt };
    }),
  );
  const rotations = await readOnCallOfEach(manager, policy, created);
  return rows.flatMap((row, index) => {
    const [directory, onCall] = [atCreation[index], rotations[index]];
    if (!directory || !onCall) return [];
    return [{ row, decisions: decisions.get(row.id) ?? [], people: { atCreation: directory, onCall } }];
  });
}
