import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Me } from '../../contract/me.ts';
import type { TargetPage } from '../../contract/targets.ts';
import { activate, startApi, type TestApi } from './api.ts';
import { digestOf } from '../../domain/crypto/digest.ts';

let api: TestApi;

beforeAll(async () => {
  api = await startApi();
});

afterAll(async () => {
  await api.stop();
});

async function me(token: string): Promise<Me> {
  const { status, body } = await api.http<Me>({ path: '/v1/me', token });
  expect(status).toBe(200);
  return body;
}

async function targets(token: string, query = ''): Promise<TargetPage> {
  const { status, body } = await api.http<TargetPage>({ path: `/v1/targets${query}`, token });
  expect(status).toBe(200);
  return body;
}

describe('who the caller is', () => {
  it('is shown to a person, with groups, accounts and what the token may do', async () => {
    const olga = await me(await api.issuer.humanToken('olga'));
    expect(olga).toMatchObject({
      kind: 'person',
      id: 'olga',
      is_active: true,
      may_decide: true,
      why_not: null,
    });
    expect(olga.groups).toContain('dba');
    expect(olga.accounts).toContainEqual({ issuer: api.issuer.url, subject: 'olga' });
    expect(olga.identity).toEqual({ issuer: api.issuer.url, subject: 'olga' });
    expect(Math.abs(Date.parse(olga.server_time) - Date.now())).toBeLessThan(60_000);
  });

  it('is shown to an agent, which may never decide, with the reason that a decision would give', async () => {
    expect(await me(await api.issuer.agentToken('agent-billing'))).toMatchObject({
      kind: 'agent',
      id: 'agent-billing',
      owner: 'ada',
      is_operator: false,
      may_decide: false,
      why_not: { code: 'machine_cannot_decide' },
      groups: [],
    });
  });

  it.each(['agent-billing', 'backend'])(
    'is shown to a program that holds a token of a person without her other accounts and groups: %s',
    async (client) => {
      const held = await me(await api.issuer.sign({ sub: 'olga', client_id: client, scope: 'openid' }));
      expect(held).toMatchObject({ kind: 'person', id: 'olga', may_decide: false, accounts: [], groups: [] });
      expect(JSON.stringify(held)).not.toMatch(/olga\.petrenko|dba/);
    },
  );

  it('is shown to accounts that nobody knows: which account it is, and nothing of the directory', async () => {
    const token = await api.issuer.humanToken('stranger');
    const stranger = await me(token);
    expect(stranger).toMatchObject({
      kind: 'unknown',
      identity: { subject: 'stranger' },
      why_not: { code: 'reviewer_unknown' },
    });
    expect(JSON.stringify(stranger)).not.toMatch(/olga|dba/);
  });

  it('is shown to nobody without a token', async () => {
    expect((await api.http({ path: '/v1/me' })).status).toBe(401);
  });
});

describe('targets', () => {
  it('are shown to agents without their owners, tags and class, and without how they are reached', async () => {
    const page = await targets(await api.issuer.agentToken('agent-billing'));
    const shop = page.items.find(({ id }) => id === 'shop') ?? expect.unreachable();
    expect(shop).toMatchObject({ resource_type: 'postgres.database', actions: ['postgres.execute'] });
    expect(shop.owners).toBeUndefined();
    expect(JSON.stringify(page)).not.toContain('KEYTURN_TARGET');
  });

  it('are shown to people with their owners', async () => {
    const page = await targets(await api.issuer.humanToken('olga'));
    expect(page.items.find(({ id }) => id === 'shop')?.owners).toEqual(expect.any(Array));
    expect(JSON.stringify(page)).not.toContain('KEYTURN_TARGET');
  });

  it('come in pages, each once, in the order of their ids, and by environment and action', async () => {
    const [shop] = api.policy.targets;
    const many = Array.from({ length: 7 }, (_, n) => ({
      ...(shop ?? expect.unreachable()),
      id: `t${n}`,
      environment: n < 3 ? 'lab' : 'other',
    }));
    const policy = { ...api.policy, targets: [...api.policy.targets, ...many] };
    await activate(api.databases, policy, digestOf(policy));
    const token = await api.issuer.agentToken('agent-billing');
    const whole = (await targets(token)).items.map(({ id }) => id);
    const found: string[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: TargetPage = await targets(token, `?limit=3${cursor === '' ? '' : `&cursor=${cursor}`}`);
      found.push(...page.items.map(({ id }) => id));
      cursor = page.next_cursor;
    }
    expect(found).toEqual(whole);
    expect([...found].sort()).toEqual(found);
    expect((await targets(token, '?environment=lab')).items.map(({ id }) => id)).toEqual(['t0', 't1', 't2']);
    expect((await targets(token, '?action=no.such')).items).toEqual([]);
  });

  it.each(['?limit=0', '?limit=101', '?cursor=%21', '?cursor=dA%3D%3D', '?color=red'])(
    'refuses %s',
    async (query) => {
      const token = await api.issuer.agentToken('agent-billing');
      expect((await api.http({ path: `/v1/targets${query}`, token })).status).toBe(400);
    },
  );
});
