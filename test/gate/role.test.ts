import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { RequestView } from '../../contract/requests.ts';
import type { TestApi } from '../api/api.ts';
import type { Reply } from '../stack/http.ts';
import { startGateApi } from './api.ts';
import { release } from './policies.ts';

let api: TestApi;
let agent: string;

beforeAll(async () => {
  ({ api } = await startGateApi());
  agent = await api.issuer.agentToken('agent-billing');
});
afterAll(async () => {
  await api.stop();
});

function ask(body: unknown): Promise<Reply<RequestView>> {
  return api.create<RequestView>(agent, body);
}

async function count(sql: string): Promise<number> {
  const { rows } = await api.db.query<{ count: string }>(`select count(*) as count from ${sql}`);
  return Number(rows[0]?.count);
}

async function leavesOf(id: string): Promise<Record<string, unknown>[]> {
  const { rows } = await api.db.query<{ leaf: string }>('select leaf from audit.entry where request = $1', [
    id,
  ]);
  return rows.map(({ leaf }) => JSON.parse(leaf) as Record<string, unknown>);
}

describe('the role of the API', () => {
  async function asApi(sql: string, values: unknown[] = []): Promise<unknown> {
    return api.context.source.query(sql, values);
  }

  it('writes no table of its own accord', async () => {
    for (const table of [
      'keyturn.gate_answer',
      'keyturn.evaluation',
      'keyturn.fact_set',
      'audit.entry',
      'audit.subject',
      'keyturn.request',
    ])
      await expect(asApi(`insert into ${table} default values`), table).rejects.toThrow('permission denied');
  });

  async function snapshotNow(): Promise<unknown> {
    const { rows } = await api.db.query(
      `select (select digest from keyturn.policy_active) as policy_digest,
              (select generation::text from keyturn.directory_state) as directory_generation,
              '[]'::jsonb as switches`,
    );
    return rows[0];
  }

  it('records no entry but that of the answer it gives', async () => {
    const { body } = await ask(release('free'));
    const { rows } = await api.db.query<{ answer: Record<string, unknown> }>(
      'select to_jsonb(a) as answer from keyturn.gate_answer a where request = $1',
      [body.id],
    );
    const leaf = (await leavesOf(body.id))[0] ?? {};
    const forged = { ...leaf, type: 'request.approved' };
    const submitted = {
      answer: { ...rows[0]?.answer, request: 'req_forged' },
      snapshot: await snapshotNow(),
      subjects: {},
      facts: '{}',
      outcome: {},
    };
    for (const entry of [leaf, forged, { ...forged, stream: { request: 'req_forged', run: 'gate' } }])
      await expect(
        asApi('select keyturn.allow_gate($1)', [
          JSON.stringify({ ...submitted, leaf: JSON.stringify(entry) }),
        ]),
      ).rejects.toThrow(/not the (?:next )?entry/);
    expect(await count(`keyturn.gate_answer where request = 'req_forged'`)).toBe(0);
  });

  it('allows nothing under a policy that is not the active one', async () => {
    const answer = { request: 'req_old', policy_digest: 'sha256:old' };
    const [row] = (await asApi('select keyturn.allow_gate($1) as outcome', [
      JSON.stringify({ answer, leaf: '{}', subjects: {}, facts: '{}', outcome: {} }),
    ])) as { outcome: string }[];
    expect(row?.outcome).toBe('policy_changed');
  });
});
