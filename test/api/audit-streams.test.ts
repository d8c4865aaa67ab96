import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { verifyStream } from '../../domain/audit/verification/streams.ts';
import { GOVERNING_STREAMS, type StreamPage } from '../../contract/streams.ts';
import { startApi, type TestApi } from './api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(async () => {
  await api.stop();
});

async function page(name: string, path: string): Promise<{ status: number; body: StreamPage }> {
  return api.http<StreamPage>({ path, token: await api.issuer.humanToken(name) });
}

describe('the streams of what governs everybody', () => {
  it.each(GOVERNING_STREAMS)('are whole for an operator: %s', async (stream) => {
    const { status, body } = await page('olga', `/v1/audit/${stream}`);
    expect(status).toBe(200);
    const report = verifyStream({ stream, leaves: body.items, state: body.state }, new Date().toISOString());
    expect(report.checks.filter(({ outcome }) => outcome === 'failed')).toEqual([]);
  });

  it('come in pages, with the state on the last one only', async () => {
    const reason = { scope: { kind: 'target', value: 'shop' }, reason: 'x' };
    const token = await api.issuer.humanToken('olga');
    for (let n = 0; n < 2; n += 1) await api.http({ path: '/v1/switches', token, body: reason });
    const first = await page('olga', '/v1/audit/switches?limit=1');
    expect(first.body).toMatchObject({ items: [expect.any(String)], next_cursor: '1', state: null });
    const last = await page('olga', '/v1/audit/switches?limit=1&cursor=1');
    expect(last.body).toMatchObject({ next_cursor: null, state: { switches: [{}, {}] } });
    await api.db.query('update keyturn.kill_switch set lifted_at = now()');
    const after = await page('olga', '/v1/audit/switches');
    const evidence = { stream: 'switches', leaves: after.body.items, state: after.body.state } as const;
    expect(verifyStream(evidence, new Date().toISOString()).outcome).toBe('failed');
  });

  it('name a switch that was narrowed and a policy that was altered by hand', async () => {
    const outcomeOf = async (stream: 'switches' | 'policy'): Promise<string | undefined> => {
      const { body } = await page('olga', `/v1/audit/${stream}`);
      const report = verifyStream(
        { stream, leaves: body.items, state: body.state },
        new Date().toISOString(),
      );
      return report.checks.find(({ name }) => name === 'state_follows')?.outcome;
    };
    await api.db.query('update keyturn.kill_switch set lifted_at = null');
    const token = await api.issuer.humanToken('olga');
    const agent = { kind: 'agent', value: 'https://issuer.example someone' };
    await api.http({ path: '/v1/switches', token, body: { scope: agent, reason: 'y' } });
    expect([await outcomeOf('switches'), await outcomeOf('policy')]).toEqual(['ok', 'ok']);
    await api.db.query(`update keyturn.kill_switch set scope_value = 'nowhere' where scope_kind = 'target'`);
    await api.db.query(`update keyturn.policy_set set body = jsonb_set(body, '{rules}', '[]')`);
    expect([await outcomeOf('switches'), await outcomeOf('policy')]).toEqual(['failed', 'failed']);
  });

  it('are for operators, and there are no others', async () => {
    expect((await page('ada', '/v1/audit/policy')).status).toBe(403);
    expect((await page('olga', '/v1/audit/req_1')).status).toBe(404);
    expect((await page('olga', '/v1/audit/policy?cursor=x')).status).toBe(400);
    const machine = await api.http({
      path: '/v1/audit/policy',
      token: await api.issuer.agentToken('billing'),
    });
    expect(machine.status).toBe(403);
  });
});
