import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { CardAnswer } from '../../contract/cards.ts';
import { startApi, type TestApi } from './api.ts';
import { storeDecision, storeRequest, type Stored } from './rows.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(async () => {
  await api.stop();
});

type Refusals = CardAnswer['refusals'];

async function refusalsOf({ id }: Stored, token: string): Promise<Refusals> {
  const { status, body } = await api.http<CardAnswer>({ path: `/v1/requests/${id}/card`, token });
  expect(status).toBe(200);
  return body.refusals;
}

/** What the calls themselves are refused with. */
async function refusedCalls({ id, decisionDigest }: Stored, token: string): Promise<Partial<Refusals>> {
  const call = async (path: string, body: object): Promise<Refusals['approve']> => {
    const answer = await api.http<{ code: string; detail: string }>({
      method: 'POST',
      path: `/v1/requests/${id}/${path}`,
      token,
      body,
    });
    return { code: answer.body.code, detail: answer.body.detail };
  };
  const decide = (verdict: string, more = {}): Promise<Refusals['approve']> =>
    call('decisions', { decision_digest: decisionDigest, verdict, reason: 'so', ...more });
  return {
    approve: await decide('approve'),
    deny: await decide('deny'),
    defer: await decide('defer', { defer: { until: new Date(Date.now() + 60_000).toISOString() } }),
    withdraw: await call('withdraw', {}),
    ask: await call('questions', { question: 'Why?' }),
    answer: await call(`questions/qst_${'a'.repeat(26)}/answer`, { answer: 'So' }),
  };
}

describe('what a card says that would be refused', () => {
  it('is nothing but a withdrawal for a reviewer', async () => {
    const stored = await storeRequest(api);
    const refusals = await refusalsOf(stored, await api.issuer.humanToken('olga'));
    expect(refusals).toEqual({
      approve: null,
      deny: null,
      defer: null,
      withdraw: expect.objectContaining({ code: 'forbidden' }),
      ask: null,
      answer: expect.objectContaining({ code: 'forbidden' }),
    });
  });

  it('is every decision, and no withdrawal, for those behind the request', async () => {
    const stored = await storeRequest(api);
    const codes = { approve: 'self_approval', deny: 'use_withdraw', defer: 'self_approval' };
    const ada = await refusalsOf(stored, await api.issuer.humanToken('ada'));
    expect(ada.withdraw).toBeNull();
    for (const [act, code] of Object.entries(codes))
      expect(ada[act as keyof typeof codes]).toMatchObject({ code });
    const agent = await refusalsOf(stored, await api.issuer.agentToken('agent-billing'));
    expect(agent).toMatchObject({ approve: { code: 'machine_cannot_decide' }, withdraw: null });
  });

  it('is a second approval, and no denial, for who approved', async () => {
    const stored = await storeRequest(api, {});
    await storeDecision(api, stored.id, { person: 'olga', verdict: 'approve' });
    const refusals = await refusalsOf(stored, await api.issuer.humanToken('olga'));
    expect(refusals).toMatchObject({ approve: { code: 'already_decided' }, deny: null });
  });

  it('is what the calls are refused with, in the same words', async () => {
    const over = await storeRequest(api, { status: 'expired' });
    const open = await storeRequest(api);
    for (const [stored, person] of [
      [over, 'olga'],
      [over, 'ada'],
      [open, 'reviewer-01'],
    ] as const) {
      const token = await api.issuer.humanToken(person);
      const said = await refusalsOf(stored, token);
      expect(await refusedCalls(stored, token)).toEqual(said);
    }
  });
});
