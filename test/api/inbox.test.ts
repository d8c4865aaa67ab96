import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { InboxPage, RequestPage } from '../../contract/requests.ts';
import type { Requirement } from '../../domain/request/requirement.ts';
import type { Reply } from '../stack/http.ts';
import { startApi, type TestApi } from './api.ts';
import { ONE_DBA, SECRET_OF_PLAN, storeDecision, storeRequest, type StoredRequest } from './rows.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(async () => {
  await api.stop();
});
beforeEach(async () => {
  await api.db.query('delete from keyturn.decision');
  await api.db.query('delete from keyturn.plan');
  await api.db.query('delete from keyturn.request');
});

const SCOPES = ['me', 'groups', 'all'] as const;

async function inbox(name: string, query: Record<string, string> = {}): Promise<Reply<InboxPage>> {
  const token = await api.issuer.humanToken(name);
  return api.http<InboxPage>({ path: `/v1/inbox?${new URLSearchParams(query).toString()}`, token });
}

async function ids(name: string, query: Record<string, string> = {}): Promise<readonly string[]> {
  const { status, body } = await inbox(name, { limit: '100', ...query });
  expect(status, JSON.stringify(body)).toBe(200);
  return body.items.map(({ id }) => id);
}

async function stored(wanted: StoredRequest = {}): Promise<string> {
  return (await storeRequest(api, wanted)).id;
}

function requiring(...any: Requirement['rules'][number]['stages'][number]['any']): Requirement {
  const stages = [{ any, quorum: 1, escalate: [] }];
  return { ...ONE_DBA, rules: ONE_DBA.rules.map((rule) => ({ ...rule, stages })) };
}

describe('the scope of an inbox', () => {
  it('groups holds what names a group of its reader, decided already, their own, or not their turn', async () => {
    const open = await stored();
    const decided = await stored({ requirement: { ...ONE_DBA, distinct_people: 2 } });
    await storeDecision(api, decided, { person: 'olga', verdict: 'approve' });
    const snoozed = await stored();
    await storeDecision(api, snoozed, {
      person: 'olga',
      verdict: 'defer',
      until: new Date(Date.now() + 60_000),
    });
    const own = await stored({ onBehalfOf: 'olga' });
    const others = await stored({ requirement: requiring('group:crowd'), selectors: ['group:crowd'] });
    const over = await stored({ status: 'denied' });
    expect(await ids('olga')).toEqual([open]);
    expect((await ids('olga', { scope: 'groups' })).toSorted()).toEqual(
      [open, decided, snoozed, own].toSorted(),
    );
    // Named by an escalation whose turn has not come.
    expect(await ids('petra')).toEqual([]);
    expect(await ids('petra', { scope: 'groups' })).toHaveLength(4);
    expect(await ids('reviewer-01', { scope: 'groups' })).toEqual([others]);
    const all = await ids('ada', { scope: 'all' });
    expect(all.toSorted()).toEqual([open, decided, snoozed, own, others].toSorted());
    expect(all).not.toContain(over);
  });

  it('groups holds what its reader owns, also once the stage of the owners is filled', async () => {
    const open = await stored({ requirement: requiring('owners'), selectors: ['group:shop-owners'] });
    const filled = await stored({ requirement: requiring('owners'), selectors: [] });
    await stored({ requirement: requiring('group:dba'), selectors: [] });
    expect((await ids('omar', { scope: 'groups' })).toSorted()).toEqual([open, filled].toSorted());
    expect(await ids('olga', { scope: 'groups' })).toHaveLength(1);
  });

  it('groups does not tell those behind a request whom else it will ask', async () => {
    const dbaFirst = { any: ['group:dba'], quorum: 1, escalate: [] } as const;
    const [rule] = ONE_DBA.rules;
    if (!rule) throw new Error('There is a rule.');
    const later: readonly Requirement[] = [
      ONE_DBA,
      {
        ...ONE_DBA,
        rules: [
          { ...rule, order: 'sequential', stages: [dbaFirst, { ...dbaFirst, any: ['group:dba-leads'] }] },
        ],
      },
    ];
    for (const requirement of later) await stored({ requirement, agent: 'agent-dba', onBehalfOf: 'petra' });
    const { body } = await inbox('petra', { scope: 'groups' });
    expect([body.items, body.counts?.groups]).toEqual([[], 0]);
    expect(await ids('olga', { scope: 'groups' })).toHaveLength(2);
  });

  it('counts each, with the first page alone', async () => {
    for (let index = 0; index < 3; index += 1) await stored();
    await stored({ onBehalfOf: 'olga' });
    await stored({ requirement: requiring('group:crowd'), selectors: ['group:crowd'] });
    // Indexed for its reader, who has decided it: the index alone counts nothing.
    const decided = await stored({ requirement: { ...ONE_DBA, distinct_people: 2 } });
    await storeDecision(api, decided, { person: 'olga', verdict: 'approve' });
    for (const scope of SCOPES) {
      const { body } = await inbox('olga', { scope, limit: '1', q: 'shop' });
      expect(body.counts).toEqual({ me: 3, groups: 5, all: 6 });
      const next = await inbox('olga', { scope, cursor: body.next_cursor ?? '' });
      expect([next.status, next.body.counts]).toEqual([200, null]);
    }
  });

  it.each(SCOPES)('%s is for people alone', async (scope) => {
    const refused = { status: 403, body: { code: 'machine_cannot_decide' } };
    const path = `/v1/inbox?scope=${scope}`;
    const agent = await api.issuer.agentToken('agent-billing');
    expect(await api.http({ path, token: agent })).toMatchObject(refused);
    // A token that a program holds for a person.
    const held = await api.issuer.humanToken('olga', { act: { sub: 'agent-billing' } });
    expect(await api.http({ path, token: held })).toMatchObject(refused);
  });

  it('all shows of each request what the list of requests shows, and nothing that its page does not', async () => {
    await stored({ requirement: { ...ONE_DBA, channels: 'link' } });
    await stored({ requirement: { ...ONE_DBA, channels: 'summary' } });
    await stored({ onBehalfOf: 'petra' });
    for (const name of ['olga', 'petra', 'omar', 'ada', 'reviewer-01']) {
      const token = await api.issuer.humanToken(name);
      const list = await api.http<RequestPage>({ path: '/v1/requests?status=pending', token });
      const { body } = await inbox(name, { scope: 'all' });
      expect(body.items).toEqual(list.body.items);
      expect(body.items).toHaveLength(3);
      for (const { id } of body.items)
        expect((await api.http({ path: `/v1/requests/${id}`, token })).status).toBe(200);
    }
  });
});

describe('the pages of an inbox', () => {
  const QUERIES = SCOPES.flatMap((scope) => ['newest', 'deadline'].map((sort) => ({ scope, sort })));

  /** Seven requests of four instants, of which the third expires first. */
  async function ties(): Promise<void> {
    const moment = Date.now();
    const found = [];
    for (const seconds of [0, 0, 0, 1, 2, 3, 3])
      found.push(await stored({ createdAt: new Date(moment + seconds * 1_000) }));
    await api.db.query(`update keyturn.request set expires_at = expires_at - interval '1 s' where id = $1`, [
      found[2],
    ]);
  }

  it.each(QUERIES)('hold each request once, in order, also those of one instant: %o', async (query) => {
    await ties();
    const whole = await inbox('olga', query);
    const { items } = whole.body;
    expect(items).toHaveLength(7);
    const order = items.map((item) => [
      Date.parse((query.sort === 'newest' ? item.created_at : item.expires_at) ?? ''),
      item.id,
    ]);
    const sorted = order.toSorted(([one = 0, first = ''], [other = 0, second = '']) =>
      one === other ? (first < second ? -1 : 1) : Number(one) - Number(other),
    );
    expect(order).toEqual(query.sort === 'newest' ? sorted.toReversed() : sorted);
    for (const limit of ['1', '2', '7']) {
      const paged: string[] = [];
      let cursor: string | null = '';
      while (cursor !== null) {
        const { body }: Reply<InboxPage> = await inbox('olga', {
          ...query,
          limit,
          ...(cursor === '' ? {} : { cursor }),
        });
        paged.push(...body.items.map(({ id }) => id));
        cursor = body.next_cursor;
      }
      expect(paged).toEqual(items.map(({ id }) => id));
    }
  });

  it('take no cursor of the other sort', async () => {
    await ties();
    for (const [sort, other] of [
      ['newest', 'deadline'],
      ['deadline', 'newest'],
    ] as const) {
      const { body } = await inbox('olga', { sort, limit: '1' });
      const refused = await inbox('olga', { sort: other, cursor: body.next_cursor ?? '' });
      expect(refused).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
    }
    for (const query of [{ scope: 'mine' }, { sort: 'oldest' }])
      expect((await inbox('olga', query)).status).toBe(400);
  });
});

describe('a search of an inbox', () => {
  it('finds text in what was asked for, where, by whom and for whom, in any case', async () => {
    const billing = await stored();
    const petra = await stored({ agent: 'agent-dba', onBehalfOf: 'petra' });
    const both = [petra, billing];
    const finds = async (q: string) => ids('dmitri', { scope: 'all', q });
    for (const q of ['postgres.execute', 'EXECUTE', 'shop', 'Prod', 'Lindqvist', ' shop ', ''])
      expect(await finds(q), q).toEqual(both);
    for (const q of [billing, billing.slice(-8).toUpperCase(), 'billing AGENT', 'agent-billing'])
      expect(await finds(q), q).toEqual([billing]);
    for (const q of ['petra vogel', 'Agent of Olga']) expect(await finds(q), q).toEqual([petra]);
    // The account at the other issuer has that name, and this one has not.
    expect(await finds('Namesake')).toEqual([]);
    expect(await ids('dmitri', { q: 'petra' })).toEqual([petra]);
    expect(await ids('petra', { scope: 'groups', q: 'lindqvist' })).toEqual([billing]);
  });

  it('finds nothing by what its reader does not see of a request', async () => {
    await stored({ requirement: { ...ONE_DBA, channels: 'link' } });
    for (const q of [SECRET_OF_PLAN, 'low', 'usual', 'group:dba', 'sha256', 'pending'])
      expect(await ids('omar', { scope: 'all', q }), q).toEqual([]);
  });

  it('gives no character a meaning of its own', async () => {
    await stored();
    const texts = [
      '%',
      '_shop',
      'sho_',
      '%shop%',
      '\\',
      "'",
      "' or true --",
      '$1',
      '.*',
      '[',
      '{}',
      '"',
      '‮',
    ];
    for (const q of [...texts, '\u{1f511}', 'x'.repeat(200)])
      expect(await ids('olga', { scope: 'all', q }), q).toEqual([]);
    for (const q of ['x'.repeat(201), 'a\u0000b', 'a\nb'])
      expect(await inbox('olga', { q })).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
  });

  it('is kept from nobody by a row that somebody garbled', async () => {
    const id = await stored();
    for (const change of [
      `lineage = '{"issuer": 1}'`,
      `lineage = '7'`,
      `owner_key = '7'`,
      `requirement = '{"rules": [{"stages": [{"any": 5}]}]}'`,
    ]) {
      const garbled = await stored({ requirement: requiring('owners', 'group:dba') });
      await api.db.query(`update keyturn.request set ${change} where id = $1`, [garbled]);
    }
    for (const scope of SCOPES) expect(await ids('olga', { scope, q: 'lindqvist' }), scope).toContain(id);
  });
});
