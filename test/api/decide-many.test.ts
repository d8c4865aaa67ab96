import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { DecideManyAnswer } from '../../contract/decisions.ts';
import type { Problem } from '../../contract/problem.ts';
import { planDigest } from '../../domain/request/digests.ts';
import type { ResourceEffect, StoredPlan } from '../../domain/request/plan.ts';
import type { Requirement } from '../../domain/request/requirement.ts';
import type { Reply } from '../stack/http.ts';
import { startApi, type TestApi } from './api.ts';
import { ONE_DBA, storeRequest, type Stored, type StoredRequest } from './rows.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(async () => {
  await api.stop();
});

function itemOf({ id, decisionDigest }: Stored, more: object = {}): object {
  return { id, decision_digest: decisionDigest, verdict: 'approve', ...more };
}

async function decideMany<T = DecideManyAnswer>(
  items: readonly object[],
  token?: string,
  headers: Record<string, string> = {},
): Promise<Reply<T>> {
  const by = token ?? (await api.issuer.humanToken('olga'));
  return api.http<T>({ path: '/v1/decisions', token: by, body: { items }, headers });
}

function codesOf({ body }: Reply<DecideManyAnswer>): readonly (string | number)[] {
  return body.items.map(({ status, problem }) => problem?.code ?? status);
}

async function attemptsOf({ id }: Stored): Promise<readonly string[]> {
  const { rows } = await api.db.query<{ code: string }>(
    `select leaf::json #>> '{facts,code}' as code from audit.entry where request = $1 order by n`,
    [id],
  );
  return rows.map(({ code }) => code);
}

function requiring(change: Partial<Requirement>): StoredRequest {
  return { requirement: { ...ONE_DBA, ...change } };
}

/** A request whose plan has these effects. */
async function storeEffects(effects: readonly Partial<ResourceEffect>[]): Promise<Stored> {
  return storePlan({ effects: effects as readonly ResourceEffect[] });
}

async function storePlan(change: Partial<StoredPlan>): Promise<Stored> {
  const stored = await storeRequest(api);
  const { rows } = await api.db.query<{ body: StoredPlan }>(
    'select body from keyturn.plan where request = $1',
    [stored.id],
  );
  const plan = { ...rows[0]?.body, ...change } as StoredPlan;
  const digest = planDigest(plan);
  await api.db.query('update keyturn.plan set digest = $2, body = $3 where request = $1', [
    stored.id,
    digest,
    JSON.stringify(plan),
  ]);
  await api.db.query('update keyturn.request set plan_digest = $2 where id = $1', [stored.id, digest]);
  return stored;
}

const EFFECT = { resource: 'accounts', inserted: 0, updated: 1, deleted: 0, rows: [] };
const ROW = { key: '1', before: { plan: 'free' }, after: { plan: 'pro' } };

const UNTRIED: StoredPlan['risk_facts'] = {
  rows_changed: 0,
  resources_changed: 0,
  is_destructive: false,
  is_fully_previewed: false,
  is_reversible: false,
};

/** What is approved alone only, by what keeps it from being approved with others. */
const ALONE: Readonly<Record<string, () => Promise<Stored>>> = {
  'risk is high': () => storeRequest(api, requiring({ risk: 'high' })),
  'risk is critical': () => storeRequest(api, requiring({ risk: 'critical' })),
  'stronger evidence than grade C': () => storeRequest(api, strictInPart()),
  // Rows that are only counted, and a value that is too long.
  'does not show everything': () => storeEffects([{ ...EFFECT, updated: 2, rows: [ROW] }]),
  // What nobody could try out, and what Keyturn does not perform: no effect is known, so none is cut.
  'plan does not show everything': () => storePlan({ risk_facts: UNTRIED }),
  'not show everything that changes': () =>
    storeEffects([{ ...EFFECT, rows: [{ ...ROW, after: { plan: { length: 9_000, digest: 'sha256:1' } } }] }]),
};

describe('a request that takes a look of its own', () => {
  it('is not approved with others, and can be denied with them', async () => {
    const stored = await Promise.all(Object.values(ALONE).map((store) => store()));
    const refused = await decideMany(stored.map((one) => itemOf(one)));
    expect([refused.status, codesOf(refused)]).toEqual([200, stored.map(() => 'not_in_batch')]);
    expect(refused.body.items.map(({ problem }) => problem)).toEqual(
      Object.keys(ALONE).map((because): unknown =>
        expect.objectContaining({ status: 409, detail: expect.stringContaining(because) as string }),
      ),
    );
    for (const one of stored) expect(await attemptsOf(one)).toEqual(['not_in_batch']);
    const denied = await decideMany(stored.map((one) => itemOf(one, { verdict: 'deny' })));
    expect(codesOf(denied)).toEqual(stored.map(() => 202));
  });

  it('can be approved alone', async () => {
    const token = await api.issuer.humanToken('olga');
    const replies = Object.values(ALONE).map(async (store) => {
      const { id, decisionDigest } = await store();
      const body = { decision_digest: decisionDigest, verdict: 'approve' };
      return (await api.http({ path: `/v1/requests/${id}/decisions`, token, body })).status;
    });
    expect(await Promise.all(replies)).toEqual(replies.map(() => 202));
  });
});

it('what has a medium risk and shows everything is approved with others', async () => {
  const medium = await storeRequest(api, requiring({ risk: 'medium' }));
  const shown = await storeEffects([{ ...EFFECT, rows: [ROW] }]);
  expect(codesOf(await decideMany([medium, shown].map((stored) => itemOf(stored))))).toEqual([202, 202]);
});

/** One rule takes what a session gives; the other does not. */
function strictInPart(): StoredRequest {
  const rules = ONE_DBA.rules.flatMap((rule) => [
    rule,
    { ...rule, rule: 'strict', minimum_grade: 'B' as const },
  ]);
  return { requirement: { ...ONE_DBA, rules } };
}

describe('several decisions', () => {
  it('have an outcome each, in their order, and none fails another', async () => {
    const [good, stale, own, over, others] = [
      await storeRequest(api),
      await storeRequest(api),
      await storeRequest(api, { onBehalfOf: 'olga' }),
      await storeRequest(api, { status: 'denied' }),
      await storeRequest(api, requiring({ risk: 'high' })),
    ] as const;
    const reply = await decideMany([
      itemOf(own),
      itemOf(stale, { decision_digest: `sha256:${'0'.repeat(64)}` }),
      itemOf(good, { reason: null }),
      itemOf(over),
      { ...itemOf(good), id: `req_${'a'.repeat(26)}` },
      { ...itemOf(good), id: '../inbox' },
      itemOf(others),
    ]);
    expect(reply.status).toBe(200);
    expect(codesOf(reply)).toEqual([
      'self_approval',
      'decision_digest_stale',
      202,
      'request_not_pending',
      'not_found',
      'not_found',
      'not_in_batch',
    ]);
    expect(reply.body.items.map(({ decision }) => decision?.id ?? null)).toEqual([
      null,
      null,
      expect.stringMatching(/^dec_/),
      null,
      null,
      null,
      null,
    ]);
    // A refusal of one is an entry in the log of its request, as it is alone.
    expect([await attemptsOf(own), await attemptsOf(good)]).toEqual([['self_approval'], []]);
  });

  it('of a machine are refused, and each attempt is an entry of its request', async () => {
    const both = [await storeRequest(api), await storeRequest(api)];
    const items = both.map((stored) => itemOf(stored, { verdict: 'deny' }));
    const refused = { status: 403, body: { code: 'machine_cannot_decide' } };
    expect(await decideMany(items, await api.issuer.agentToken('agent-billing'))).toMatchObject(refused);
    for (const stored of both) expect(await attemptsOf(stored)).toEqual(['machine_cannot_decide']);
  });

  it.each<readonly [string, (item: object) => readonly object[]]>([
    ['none', () => []],
    ['51', (item) => Array.from({ length: 51 }, (_, index) => ({ ...item, id: `req ${index}` }))],
    ['two on one request', (item) => [item, { ...item, verdict: 'deny' }]],
    ['a deferral', (item) => [{ ...item, verdict: 'defer', defer: { to: 'group:dba' } }]],
    ['an unknown field', (item) => [{ ...item, round: 1 }]],
  ])('are refused as a whole when the body is wrong: %s', async (_, itemsOf) => {
    const reply = await decideMany<Problem>(itemsOf(itemOf(await storeRequest(api))));
    expect([reply.status, reply.body.code]).toEqual([400, 'invalid_request']);
  });

  it('under one key are one a request: the same again, in part or with more, makes no second', async () => {
    const [first, second, third] = [
      await storeRequest(api),
      await storeRequest(api),
      await storeRequest(api),
    ] as const;
    const key = { 'idempotency-key': 'batch-1' };
    const idsOf = ({ body }: Reply<DecideManyAnswer>) => body.items.map(({ decision }) => decision?.id);
    const made = idsOf(await decideMany([itemOf(first), itemOf(second)], undefined, key));
    expect(new Set(made).size).toBe(2);
    const again = idsOf(await decideMany([itemOf(second), itemOf(third)], undefined, key));
    expect(again[0]).toBe(made[1]);
    const other = await decideMany([itemOf(first, { verdict: 'deny' }), itemOf(second)], undefined, key);
    expect(codesOf(other)).toEqual(['idempotency_key_reused', 202]);
    for (const { id } of [first, second, third]) {
      const kept = await api.db.query('select from keyturn.kept_message where request = $1', [id]);
      expect(kept.rowCount).toBe(1);
    }
  });
});
