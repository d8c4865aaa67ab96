import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { listPending } from '../../database/inbox.ts';
import type { Identity } from '../../domain/identity/identity.ts';
import type { RequestPage } from '../../contract/requests.ts';
import { activate, startApi, type TestApi } from './api.ts';
import { ONE_DBA, SECRET_OF_PLAN, storeDecision, storeRequest } from './rows.ts';
import { policyDigest } from '../../domain/policy/policy.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(async () => {
  await api.stop();
});

async function page(path: string, token: string): Promise<RequestPage> {
  const reply = await api.http<RequestPage>({ path, token });
  expect(reply.status).toBe(200);
  return reply.body;
}

async function allIds(path: string, token: string): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const next: RequestPage = await page(`${path}${cursor && `&cursor=${cursor}`}`, token);
    ids.push(...next.items.map((item) => item.id));
    cursor = next.next_cursor;
  }
  return ids;
}

describe('lists', () => {
  it('page through every request once, newest first, also those of one instant', async () => {
    const moment = new Date('2026-01-02T03:04:05.678Z');
    const stored = [];
    for (let index = 0; index < 7; index += 1) {
      const createdAt = index < 4 ? moment : new Date(moment.getTime() + index);
      stored.push((await storeRequest(api, { createdAt, agent: 'agent-dba' })).id);
    }
    const token = await api.issuer.agentToken('agent-dba');
    const ids = await allIds('/v1/requests?limit=2', token);
    expect([...ids].sort()).toEqual([...stored].sort());
    expect(ids[0]).toBe(stored[6]);
    expect(await allIds('/v1/requests?limit=7', token)).toEqual(ids);
  });

  it('filter by status and by what is mine', async () => {
    const { id } = await storeRequest(api, { status: 'denied', onBehalfOf: 'petra' });
    const petra = await api.issuer.humanToken('petra');
    const denied = await page('/v1/requests?status=denied', petra);
    expect(denied.items.map((item) => item.id)).toContain(id);
    expect((await page('/v1/requests?status=succeeded', petra)).items).toEqual([]);
    expect((await page('/v1/requests?mine=true', petra)).items.map((item) => item.id)).toEqual([id]);
    expect((await page('/v1/requests?target=elsewhere', petra)).items).toEqual([]);
  });

  it('filter by when they were created', async () => {
    const at = (hour: number) => new Date(Date.UTC(2025, 4, 1, hour));
    const [first, second] = [
      await storeRequest(api, { createdAt: at(1) }),
      await storeRequest(api, { createdAt: at(2) }),
    ];
    const dmitri = await api.issuer.humanToken('dmitri');
    const ids = (from: number, to: number) =>
      allIds(`/v1/requests?from=${at(from).toISOString()}&to=${at(to).toISOString()}`, dmitri);
    expect(await ids(1, 2)).toEqual([first.id]);
    expect(await ids(1, 3)).toEqual([second.id, first.id]);
    expect(await ids(3, 4)).toEqual([]);
    const mistaken = await api.http({ path: '/v1/requests?from=yesterday', token: dmitri });
    expect(mistaken.status).toBe(400);
  });

  it('are searched by id, names of policy and directory, whatever case, and page on', async () => {
    const stored = [];
    for (let index = 0; index < 3; index += 1)
      stored.push((await storeRequest(api, { agent: 'agent-dba', onBehalfOf: 'omar' })).id);
    const dmitri = await api.issuer.humanToken('dmitri');
    const found = (q: string) => allIds(`/v1/requests?limit=2&q=${encodeURIComponent(q)}`, dmitri);
    expect(await found(stored[1] ?? '')).toEqual([stored[1]]);
    expect(await found('omar HADDAD')).toEqual(expect.arrayContaining(stored));
    expect(new Set(await found('Postgres.Exec')).size).toBeGreaterThan(5);
    expect(await found('%')).toEqual([]);
    expect(await found('nobody at all')).toEqual([]);
  });

  it('are searched by summaries only where the reader sees them', async () => {
    const [other, own] = [
      await storeRequest(api, { statement: 'select 2' }),
      await storeRequest(api, { statement: 'select 3', onBehalfOf: 'omar' }),
    ];
    const found = async (name: string) =>
      allIds(`/v1/requests?q=${SECRET_OF_PLAN}`, await api.issuer.humanToken(name));
    expect(await found('petra')).toContain(other.id);
    expect(await found('omar')).toContain(other.id);
    expect(await found('omar')).not.toContain(own.id);
    expect(await found('reviewer-04')).toEqual([]);
  });
});

describe('a list, where policy limits what channels may show', () => {
  async function listed(id: string, name: string): Promise<RequestPage['items'][number] | undefined> {
    const token = await api.issuer.humanToken(name);
    const { items } = await page('/v1/requests?limit=100', token);
    return items.find((item) => item.id === id);
  }

  it('shows details to those who are asked, whether or not it is their turn, and to nobody else', async () => {
    const { id } = await storeRequest(api, { requirement: { ...ONE_DBA, channels: 'summary' } });
    for (const asked of ['olga', 'petra']) {
      expect((await listed(id, asked))?.summary).toContain(SECRET_OF_PLAN);
    }
    const elsewhere = await listed(id, 'omar');
    expect(JSON.stringify(elsewhere)).not.toContain(SECRET_OF_PLAN);
    expect(elsewhere).toMatchObject({
      summary: null,
      risk_reasons: null,
      risk: 'low',
      requirement: { risk: 'low' },
    });
  });

  it('shows others no more than that somebody is asked, where only a link may be shown', async () => {
    const { id } = await storeRequest(api, { requirement: { ...ONE_DBA, channels: 'link' } });
    const hidden = {
      decision_digest: null,
      expires_at: null,
      result: null,
      risk: null,
      risk_reasons: null,
      summary: null,
      requirement: null,
      progress: null,
      may_decide: null,
    };
    const standing = {
      decision_digest: expect.any(String) as string,
      expires_at: expect.any(String) as string,
    };
    expect(await listed(id, 'omar')).toMatchObject({ id, status: 'pending', matched_rules: null, ...hidden });
    expect((await listed(id, 'olga'))?.summary).toContain(SECRET_OF_PLAN);
    // Who is behind it sees who may decide, as on its own page.
    expect(await listed(id, 'ada')).toMatchObject({ ...hidden, ...standing, may_decide: ['group:dba'] });
  });

  it('withholds nothing where policy limits nothing', async () => {
    const { id } = await storeRequest(api);
    expect((await listed(id, 'omar'))?.summary).toContain(SECRET_OF_PLAN);
  });
});

describe('a row that somebody garbled', () => {
  it.each([
    `matched_rules = '[null]'`,
    `requirement = '{"rules": [5]}'`,
    `requirement = '{"rules": [{"stages": 5}]}'`,
    `shortage = '[7]', clocks = '[null]'`,
  ])('keeps no other out of lists and inboxes: %s', async (change) => {
    const garbled = await storeRequest(api);
    const { id } = await storeRequest(api);
    await api.db.query(`update keyturn.request set ${change} where id = $1`, [garbled.id]);
    const olga = await api.issuer.humanToken('olga');
    for (const path of ['/v1/requests?limit=100', '/v1/inbox?limit=100']) {
      const { items } = await page(path, olga);
      expect(items.map((item) => item.id)).toContain(id);
    }
  });
});

describe('the inbox', () => {
  it('holds what its owner may decide now, and nothing of their own', async () => {
    const { id } = await storeRequest(api);
    const own = await storeRequest(api, { onBehalfOf: 'olga' });
    const leads = await storeRequest(api, { selectors: ['group:dba-leads'] });
    const ids = async (name: string) => {
      const inbox = await page('/v1/inbox?limit=100', await api.issuer.humanToken(name));
      return inbox.items.map((item) => item.id);
    };
    expect(await ids('olga')).toContain(id);
    expect(await ids('olga')).not.toContain(own.id);
    expect(await ids('dmitri')).toContain(own.id);
    expect(await ids('ada')).toEqual([]);
    // Indexed for the leads, but their stage has not opened: the index alone admits nobody.
    expect(await ids('petra')).not.toContain(leads.id);
  });

  it('finds a person by the second account, too', async () => {
    const { id } = await storeRequest(api);
    const inbox = await page('/v1/inbox?limit=100', await api.secondIssuer.humanToken('olga.petrenko'));
    expect(inbox.items.map((item) => item.id)).toContain(id);
  });

  it('forgets what was decided, and hides what was put off until its instant', async () => {
    const decided = await storeRequest(api, { requirement: { ...ONE_DBA, distinct_people: 2 } });
    await storeDecision(api, decided.id, { person: 'olga', verdict: 'approve' });
    const snoozed = await storeRequest(api);
    await storeDecision(api, snoozed.id, {
      person: 'olga',
      verdict: 'defer',
      until: new Date(Date.now() + 60_000),
    });
    const woken = await storeRequest(api);
    await storeDecision(api, woken.id, { person: 'olga', verdict: 'defer', until: new Date(Date.now() - 1) });
    const handed = await storeRequest(api);
    await storeDecision(api, handed.id, { person: 'olga', verdict: 'defer', to: 'group:dba' });
    const ids = (await page('/v1/inbox?limit=100', await api.issuer.humanToken('olga'))).items.map(
      (item) => item.id,
    );
    expect(ids).toContain(woken.id);
    for (const hidden of [decided, snoozed, handed]) expect(ids).not.toContain(hidden.id);
    const others = (await page('/v1/inbox?limit=100', await api.issuer.humanToken('dmitri'))).items;
    expect(others.map((item) => item.id)).toContain(snoozed.id);
  });

  it('asks no more often for many than for one, and does not look at what its owner is behind', async () => {
    const dmitri = { issuer: api.issuer.url, subject: 'dmitri' };
    for (let index = 0; index < 5; index += 1) await storeRequest(api, { onBehalfOf: 'dmitri' });
    const page100 = { after: null, limit: 100 };
    const candidates = (accounts: readonly Identity[]) =>
      listPending(
        api.context.source.manager,
        {
          owner: { selectors: ['group:dba'], names: [], targets: [], actions: [], accounts },
          filter: { scope: 'open', sort: 'newest', search: null },
          counts: { open: 0, named: 0, all: 0 },
        },
        page100,
      );
    const all = await candidates([]);
    const others = await candidates([dmitri]);
    expect(all.length - others.length).toBeGreaterThanOrEqual(5);
    expect(JSON.stringify(others.map(({ lineage }) => lineage))).not.toContain('dmitri');
    const one = vi.spyOn(api.context.directories, 'at');
    const many = vi.spyOn(api.context.directories, 'atEach');
    const { items } = await page('/v1/inbox?limit=1', await api.issuer.humanToken('olga'));
    // For those that are looked at, for those that are shown, and for those that are counted.
    expect([items.length, many.mock.calls.length, one.mock.calls.length]).toEqual([1, 3, 0]);
    vi.restoreAllMocks();
  });

  it('pages without missing or repeating', async () => {
    const token = await api.issuer.humanToken('olga');
    const all = await allIds('/v1/inbox?limit=100', token);
    expect(await allIds('/v1/inbox?limit=1', token)).toEqual(all);
    expect(all.length).toBeGreaterThan(2);
  });
});

describe('a change of the directory', () => {
  it('acts from its activation on: a person who leaves has no inbox, a new member decides on nothing older', async () => {
    const older = await storeRequest(api);
    const { directory } = api.policy;
    const changed = {
      ...api.policy,
      directory: {
        ...directory,
        people: directory.people.map((person) =>
          person.id === 'dmitri' ? { ...person, active: false } : person,
        ),
        groups: directory.groups.map((group) =>
          group.id === 'dba' ? { ...group, members: [...group.members, 'omar'] } : group,
        ),
      },
    };
    await activate(api.databases, changed, policyDigest(changed));
    const gone = await api.http({ path: '/v1/inbox', token: await api.issuer.humanToken('dmitri') });
    expect(gone).toMatchObject({ status: 403, body: { code: 'reviewer_inactive' } });
    const omar = await page('/v1/inbox?limit=100', await api.issuer.humanToken('omar'));
    expect(omar.items.map((item) => item.id)).not.toContain(older.id);
    await activate(api.databases, api.policy, api.policyDigest);
  });
});
