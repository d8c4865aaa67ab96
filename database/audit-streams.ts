import type { EntityManager } from 'typeorm';

import type { GoverningStream, StreamState } from '../domain/wire-streams.ts';

/** Entries of a stream from a number on, oldest first. */
export async function readStream(
  manager: EntityManager,
  stream: GoverningStream,
  { from, limit }: { readonly from: number; readonly limit: number },
): Promise<readonly string[]> {
  const rows: { leaf: string }[] = await manager.query(
    'select leaf from audit.entry where request = $1 and run_id = $1 and n >= $2 order by n limit $3',
    [stream, from, limit],
  );
  return rows.map(({ leaf }) => leaf);
}

/** What the database says beside a stream. */
export async function readStreamState(manager: EntityManager, stream: GoverningStream): Promise<StreamState> {
  const rows: { state: StreamState }[] = await manager.query(`select ${STATES[stream]} as state`);
  return rows[0]?.state ?? {};
}

const STATES: Readonly<Record<GoverningStream, string>> = {
  policy: `json_build_object('policy', (select json_build_object('digest', digest, 'generation', generation)
    from keyturn.policy_active))`,
  proposals: `json_build_object('proposals', (select coalesce(json_agg(digest order by proposed_at), '[]')
    from keyturn.policy_candidate))`,
  switches: `json_build_object('switches', (select coalesce(
      json_agg(json_build_object('id', id, 'is_engaged', lifted_at is null) order by thrown_at, id), '[]')
    from keyturn.kill_switch))`,
  directory: `'{}'::json`,
};
