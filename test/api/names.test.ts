import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { RequestPage, RequestView } from '../../contract/requests.ts';
import { startApi, type TestApi } from './api.ts';
import { storeDecision, storeRequest } from './rows.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(async () => {
  await api.stop();
});

async function seen(id: string, token: string): Promise<RequestView> {
  return (await api.http<RequestView>({ path: `/v1/requests/${id}`, token })).body;
}

function candidatesIn({ progress }: Pick<RequestView, 'progress'>): unknown {
  return progress?.rules[0]?.stages[0]?.may_approve;
}

describe('names on a request', () => {
  it('tell reviewers who is behind it and who decided', async () => {
    const { id } = await storeRequest(api, { onBehalfOf: 'olga' });
    await storeDecision(api, id, { person: 'dmitri', verdict: 'approve' });
    const view = await seen(id, await api.issuer.humanToken('petra'));
    const { directory } = api.policy;
    const agent = directory.agents.find((one) => one.id === 'agent-billing');
    const dmitri = directory.people.find((one) => one.id === 'dmitri');
    expect(view.lineage[0]).toMatchObject({ name: agent?.name, kind: 'agent' });
    expect(view.decisions?.[0]).toMatchObject({ person: 'dmitri', person_name: dmitri?.name });
  });

  it('tell programs nothing', async () => {
    const { id } = await storeRequest(api);
    const view = await seen(id, await api.issuer.agentToken('agent-billing'));
    expect(view.lineage.filter((member) => 'name' in member || 'kind' in member)).toEqual([]);
  });
});

describe('who can approve a stage now', () => {
  it('is shown to those who may see the request, by name, in lists as well', async () => {
    const { id } = await storeRequest(api);
    const token = await api.issuer.humanToken('olga');
    const names = candidatesIn(await seen(id, token));
    expect(names).toMatchObject({
      people: expect.arrayContaining([expect.objectContaining({ id: 'olga' })]),
    });
    const inbox = await api.http<RequestPage>({ path: '/v1/inbox?limit=100', token });
    const listed = inbox.body.items.find((item) => item.id === id);
    expect(listed && candidatesIn(listed)).toEqual(names);
  });

  it('leaves out who is behind the request, and who decided it', async () => {
    const { id } = await storeRequest(api, { onBehalfOf: 'olga' });
    await storeDecision(api, id, { person: 'dmitri', verdict: 'deny' });
    const shown = candidatesIn(await seen(id, await api.issuer.humanToken('petra')));
    const people = (shown as { people: { id: string }[] }).people.map((person) => person.id);
    expect(people).not.toContain('olga');
    expect(people).not.toContain('dmitri');
  });

  it('is shown to nobody behind the request, nor to those whom it does not name', async () => {
    const { id } = await storeRequest(api);
    for (const token of [
      await api.issuer.agentToken('agent-billing'),
      await api.issuer.humanToken('ada'),
      await api.issuer.humanToken('mei'),
    ])
      expect(JSON.stringify(await seen(id, token))).not.toContain('may_approve');
  });
});
