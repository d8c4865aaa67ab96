import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { fillPage } from '../../apps/api/requests/page.ts';
import type { ListPage } from '../../database/request-list.ts';
import type { RequestRow } from '../../database/tables.ts';
import { policyDigest } from '../../domain/policy/policy.ts';
import type { Requirement } from '../../domain/request/requirement.ts';
import type { RequestPage } from '../../contract/requests.ts';
import { activate, startApi, type TestApi } from './api.ts';
import { ONE_DBA, storeRequest } from './rows.ts';
import { statementsDuring } from './statements.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(async () => {
  await api.stop();
});

/** More than are read at once. */
const MANY = 700;

/** Stores so many copies of a request, each a second newer than the one before it. */
async function copies(id: string, count: number): Promise<void> {
  const { rows } = await api.db.query<{ name: string }>(
    `select column_name as name from information_schema.columns
      where table_schema = 'keyturn' and table_name = 'request' and is_generated = 'NEVER'`,
  );
  const values = rows.map(({ name }) => {
    if (name === 'id') return `substr(id, 1, 24) || lpad(translate(to_hex(n), '0189', 'ghij'), 6, 'z')`;
    return name === 'created_at' ? `created_at + n * interval '1 s'` : `"${name}"`;
  });
  const columns = rows.map(({ name }) => `"${name}"`);
  await api.db.query(
    `insert into keyturn.request (${columns.join(', ')})
     select ${values.join(', ')} from keyturn.request, generate_series(1, $2) n where id = $1`,
    [id, count],
  );
}

async function page(path: string, name: string): Promise<RequestPage> {
  const token = await api.issuer.humanToken(name);
  const reply = await api.http<RequestPage>({ path, token });
  expect(reply.status).toBe(200);
  return reply.body;
}

const LEADS: Requirement = {
  ...ONE_DBA,
  rules: ONE_DBA.rules.map((rule) => ({
    ...rule,
    stages: [{ any: ['group:dba-leads' as const], quorum: 1, escalate: [] }],
  })),
};

describe('a page looks behind what its reader does not see', () => {
  it('in an inbox, behind more than it looks at at once', async () => {
    const { id } = await storeRequest(api, { requirement: LEADS, selectors: ['group:dba-leads'] });
    // On the ladder of these, and not yet asked.
    const early = await storeRequest(api, { selectors: ['group:dba-leads'] });
    await copies(early.id, MANY);
    const statements = await statementsDuring(async () => {
      const { items, next_cursor } = await page('/v1/inbox', 'petra');
      expect(items.map((item) => item.id)).toEqual([id]);
      expect(next_cursor).toBeNull();
    });
    expect(statements.length).toBeLessThan(50);
  });

  it('in a list of what is of one risk', async () => {
    const { id } = await storeRequest(api);
    await api.db.query(`update keyturn.request set risk = 'critical' where id = $1`, [id]);
    await copies((await storeRequest(api)).id, 100);
    const { items, next_cursor } = await page('/v1/requests?risk=critical&limit=5', 'olga');
    expect(items.map((item) => item.id)).toEqual([id]);
    expect(next_cursor).toBeNull();
  });
});

describe('however many requests lie before what is wanted, one call reads a bounded part of them', () => {
  it('and answers a page without items, whose cursor leads on', async () => {
    await api.db.query(`delete from keyturn.plan`);
    await api.db.query(`delete from keyturn.request`);
    const { id } = await storeRequest(api);
    await api.db.query(`update keyturn.request set risk = 'critical' where id = $1`, [id]);
    await copies((await storeRequest(api)).id, 1_500);
    const first = await page('/v1/requests?risk=critical', 'olga');
    expect(first).toEqual({ items: [], next_cursor: expect.any(String) });
    const second = await page(`/v1/requests?risk=critical&cursor=${first.next_cursor}`, 'olga');
    expect(second).toEqual({ items: [expect.objectContaining({ id })], next_cursor: null });
  });

  it('and stops when its caller hangs up', async () => {
    const row = { id: 'req_1', created_at: new Date(0) } as RequestRow;
    const calls = new AbortController();
    let batches = 0;
    const source = {
      read: ({ limit }: ListPage) => Promise.resolve(Array.from({ length: limit }, () => ({ ...row }))),
      show: (rows: readonly RequestRow[]) => {
        batches += 1;
        if (batches === 2) calls.abort();
        return Promise.resolve({ items: [], lookedAt: rows.length });
      },
    };
    await fillPage(source, { sort: 'newest', after: null, limit: 5, batch: 10, signal: calls.signal });
    expect(batches).toBe(2);
  });
});

describe('however many requests a page looks at, where services say who is on call', () => {
  it.each(['/v1/inbox', '/v1/requests'])('%s asks a bounded number of questions', async (path) => {
    const kept = [{ id: 'sre', source: 'pager', schedule: 'S1', maximum_staleness_ms: 600_000 }];
    const policy = { ...api.policy, polled_rotations: kept };
    await activate(api.databases, policy, policyDigest(policy));
    const questionsFor = async (limit: number): Promise<number> => {
      const statements = await statementsDuring(async () =>
        expect((await page(`${path}?limit=${limit}`, 'olga')).items).toHaveLength(limit),
      );
      return statements.length;
    };
    await api.db.query(`delete from keyturn.plan`);
    await api.db.query(`delete from keyturn.request`);
    for (let index = 0; index < 12; index += 1) await storeRequest(api);
    // What a process keeps for a while is read by the one or the other of them.
    const fewestFor = async (limit: number): Promise<number> =>
      Math.min(await questionsFor(limit), await questionsFor(limit), await questionsFor(limit));
    expect(await fewestFor(12)).toBe(await fewestFor(2));
  });
});
