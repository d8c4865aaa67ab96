import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { digestOf } from '../../domain/crypto/digest.ts';
import type { CardAnswer } from '../../contract/cards.ts';
import { startApi, type TestApi } from './api.ts';
import { SECRET_OF_PLAN, storeDecision, storeRequest } from './rows.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(async () => {
  await api.stop();
});

async function cardOf(id: string, token: string): Promise<Pick<CardAnswer, 'card' | 'view_digest'>> {
  const { refusals: _ofTheCaller, needed_grade: _theirs, ...body } = await answerOf(id, token);
  return body;
}

async function answerOf(id: string, token: string): Promise<CardAnswer> {
  const { status, body } = await api.http<CardAnswer>({ path: `/v1/requests/${id}/card`, token });
  expect(status).toBe(200);
  return body;
}

describe('the card of a request', () => {
  it('has what its reviewers decide upon, with the digest that anybody can make of it', async () => {
    const { id, decisionDigest } = await storeRequest(api);
    const { card, view_digest } = await cardOf(id, await api.issuer.humanToken('olga'));
    expect(card).toMatchObject({
      decision_digest: decisionDigest,
      request: { id, action: 'postgres.execute', target: 'shop', environment: 'prod' },
      lineage: [{ role: 'requester', name: 'Billing agent', kind: 'agent' }, { role: 'owner' }],
      plan: { summary: expect.stringContaining(SECRET_OF_PLAN), is_by_requester: false },
      arguments: { statement: 'select 1' },
      risk: { tier: 'low', reasons: [`changes ${SECRET_OF_PLAN}`] },
      rules: [{ source: 'rules/usual.yaml:2', because: 'Every statement is looked at' }],
      requirement: { minimum_grade: 'C', rules: [{ stages: [{ words: '1 person of group:dba' }] }] },
      claims: { justification: 'so I was told' },
    });
    expect(view_digest).toBe(digestOf(card));
  });

  it('is the same for every reviewer, later, and after others decided', async () => {
    const { id } = await storeRequest(api);
    const first = await cardOf(id, await api.issuer.humanToken('olga'));
    await storeDecision(api, id, { person: 'dmitri', verdict: 'approve' });
    await api.db.query(
      `update keyturn.request set status = 'approved', version = version + 1, updated_at = now(),
         held_until = now() + interval '1 hour', open_selectors = '{}' where id = $1`,
      [id],
    );
    expect(await cardOf(id, await api.issuer.humanToken('dmitri'))).toEqual(first);
  });

  it('is another one for another expiry', async () => {
    const { id } = await storeRequest(api);
    const token = await api.issuer.humanToken('olga');
    const first = await cardOf(id, token);
    await api.db.query(`update keyturn.request set expires_at = expires_at + interval '1 s' where id = $1`, [
      id,
    ]);
    expect((await cardOf(id, token)).view_digest).not.toBe(first.view_digest);
  });

  it('withholds what the page of the request withholds', async () => {
    const { id } = await storeRequest(api);
    const behind = await cardOf(id, await api.issuer.agentToken('agent-billing'));
    expect(behind.card).toMatchObject({ arguments: { statement: 'select 1' }, claims: {} });
    const other = await cardOf(id, await api.issuer.humanToken('reviewer-01'));
    expect(other.card).toMatchObject({ arguments: null, claims: null });
    for (const { card } of [behind, other])
      expect(card).toMatchObject({
        plan: null,
        effects: null,
        files: null,
        preview: null,
        reversal: null,
        cut: null,
        salt: null,
        risk: null,
        rules: null,
        requirement: null,
      });
  });

  it('tells programs of an approved request which rules acted, and nothing of the policy', async () => {
    const { id } = await storeRequest(api, { status: 'approved' });
    const { card } = await cardOf(id, await api.issuer.agentToken('agent-billing'));
    expect(card.plan?.summary).toContain(SECRET_OF_PLAN);
    expect(card.rules).toMatchObject([{ id: 'usual', source: null, words: null }]);
    expect(card.lineage.every((member) => member.name === undefined)).toBe(true);
  });

  it('does not exist for whom the request does not', async () => {
    const { id } = await storeRequest(api);
    const path = `/v1/requests/${id}/card`;
    const stranger = await api.http({ path, token: await api.issuer.agentToken('agent-dba') });
    expect(stranger.status).toBe(404);
  });
});
