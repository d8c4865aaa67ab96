import { afterAll, beforeAll, expect, it, vi } from 'vitest';

import { policyDigest } from '../../domain/policy/policy.ts';
import { activate, startApi, type TestApi } from './api.ts';
import { storeRequest } from './rows.ts';

const GENERATIONS = 40;

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(async () => {
  vi.restoreAllMocks();
  await api.stop();
});

it('a list over many generations of the directory reads each of them once, and today stays known', async () => {
  const { directory } = api.policy;
  for (let n = 0; n < GENERATIONS; n += 1) {
    const people = directory.people.map((one) => (one.id === 'ada' ? { ...one, name: `Ada ${n}` } : one));
    const policy = { ...api.policy, directory: { ...directory, people } };
    await activate(api.databases, policy, policyDigest(policy));
    await storeRequest(api, { statement: `update account set id = ${n}` });
  }
  const query = vi.spyOn(api.context.source.manager, 'query');
  const list = async (token: string): Promise<number> => {
    query.mockClear();
    const path = `/v1/requests?limit=${GENERATIONS}`;
    const { body } = await api.http<{ items: readonly unknown[] }>({ path, token });
    expect(body.items).toHaveLength(GENERATIONS);
    return query.mock.calls.filter(([text]) => text.includes('lapses_at')).length;
  };
  const token = await api.issuer.humanToken('dmitri');
  expect(await list(token)).toBeGreaterThan(0);
  expect(await list(token)).toBe(0);
  expect(await list(await api.issuer.agentToken('agent-billing'))).toBe(0);
});
