import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { loadPolicyFolder } from '../../policy-files/compile.ts';
import type { RequestView } from '../../contract/requests.ts';
import { activate, startApi, type TestApi } from '../api/api.ts';
import { gatePolicyFolder, release } from './policies.ts';

const RULES = `
rules:
  - id: by-group
    on: { action: [deploy.release], env: [two-people] }
    when: '"dba" in request.groups'
    effect: allow
  - id: by-person
    on: { action: [deploy.announce], env: [prod] }
    when: request.on_behalf_of == "petra" || "petra" in request.chain
    effect: allow
  - id: no-agents
    on: { action: [deploy.announce], env: [crowd] }
    when: request.agent != ""
    effect: forbid
  - id: people-freely
    on: { action: [deploy.announce], env: [crowd] }
    when: request.agent == ""
    effect: allow
`;

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
  const folder = gatePolicyFolder();
  fs.writeFileSync(path.join(folder, 'rules/words.yaml'), RULES);
  const loaded = await loadPolicyFolder(folder, {
    KEYTURN_IDP_ISSUER: api.issuer.url,
    KEYTURN_SECOND_ISSUER: api.secondIssuer.url,
  });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  await activate(api.databases, loaded.policy, loaded.digest);
});
afterAll(async () => {
  await api.stop();
});

const announce = (target: string): object => ({
  action: 'deploy.announce',
  target,
  mode: 'gate',
  arguments: { version: '1' },
});

async function effectOf(token: string, body: object): Promise<string> {
  const reply = await api.http<{ effect: string }>({ path: '/v1/evaluate', token, body });
  return reply.body.effect;
}

describe('whom only the body names', () => {
  it.each([
    ['a group', release('twice'), 'olga'],
    ['a person', announce('asked'), 'petra'],
  ])('opens no rule about %s, as the same by a token does', async (_what, body, person) => {
    const agent = await api.issuer.agentToken('agent-billing');
    const said = { ...body, on_behalf_of: { subject: person } };
    const proven = await api.issuer.agentToken('agent-billing', { onBehalfOf: person });
    const byPerson = await api.issuer.humanToken('reviewer-01');
    const other = await api.issuer.agentToken('agent-billing', { onBehalfOf: 'omar' });
    expect(await effectOf(proven, body)).toBe('allow');
    for (const token of [agent, byPerson, other]) expect(await effectOf(token, said)).toBe('review');
  });

  it('is marked where people read of it, and whom the token names is not', async () => {
    const agent = await api.issuer.agentToken('agent-billing');
    const said = release('free', { on_behalf_of: { subject: 'olga' } });
    const reply = await api.create<RequestView>(agent, said);
    const named = reply.body.lineage.find(({ role }) => role === 'on_behalf_of');
    expect(named).toMatchObject({ subject: 'olga', is_declared: true });
    const proven = await api.issuer.agentToken('agent-billing', { onBehalfOf: 'olga' });
    const byToken = await api.create<RequestView>(proven, said);
    expect(byToken.body.lineage.filter((member) => 'is_declared' in member)).toEqual([]);
  });
});

describe('an agent that holds a token of a person', () => {
  it('meets the rules about agents, and counts with its owner', async () => {
    const token = (sub: string): Promise<string> => api.issuer.sign({ sub, client_id: 'agent-billing' });
    expect(await effectOf(await token('omar'), announce('counted'))).toBe('forbid');
    const big = release('counted', { arguments: { version: '1', size: 9 } });
    const first = await api.create<RequestView>(await api.issuer.agentToken('agent-billing'), big);
    expect(first.body.status).toBe('succeeded');
    for (const name of ['petra', 'omar', 'ada'])
      expect(await effectOf(await token(name), big)).not.toBe('allow');
  });
});
