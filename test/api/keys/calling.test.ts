import { randomUUID } from 'node:crypto';

import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';

import { currentCaller, refreshCaller } from '../../../apps/api/auth/authenticate.ts';
import { KeyVerifier } from '../../../apps/api/auth/key-verifier.ts';
import type { Me } from '../../../contract/me.ts';
import { identityKey } from '../../../domain/identity/identity.ts';
import { withPolicy, type PolicyChange } from '../../workflows/policies.ts';
import { GOOD_BODY, type TestApi } from '../api.ts';
import { storeRequest } from '../rows.ts';
import type { Browser } from '../sign-in/browser.ts';
import { insertKey, makeKey, signInFreshly, startApiWithKeys } from './keys.ts';

let api: TestApi;
let ada: Browser;
let key: string;
beforeAll(async () => {
  api = await startApiWithKeys();
  ada = await signInFreshly(api, 'ada');
  key = await insertKey(api);
});
afterAll(async () => {
  await api.stop();
});
afterEach(() => {
  vi.restoreAllMocks();
});

const GATE = { ...GOOD_BODY, mode: 'gate' };

async function refusalOf(token: string, body: unknown = GOOD_BODY): Promise<unknown> {
  return (await api.create(token, body)).body['code'];
}

describe('a call with a key', () => {
  it('is one of the agent, and of nobody who may decide', async () => {
    const { body } = await api.http<Me>({ path: '/v1/me', token: key });
    expect(body).toMatchObject({
      kind: 'agent',
      id: 'nightly',
      owner: 'ada',
      identity: { issuer: 'keyturn', subject: 'nightly' },
      may_decide: false,
      why_not: { code: 'machine_cannot_decide' },
    });
  });

  it('makes requests, which its owner is behind', async () => {
    const { status, body } = await api.create(key);
    expect(status).toBe(202);
    expect(body['lineage']).toMatchObject([
      { role: 'requester', issuer: 'keyturn', subject: 'nightly' },
      { role: 'owner', subject: 'ada' },
    ]);
  });

  it('is not made with a cookie as well, in the query, or by another scheme', async () => {
    const authorization = `Bearer ${key}`;
    expect((await ada.get('/v1/me', { authorization })).status).toBe(400);
    for (const name of ['access_token', 'key', 'api_key'])
      expect((await api.http({ path: `/v1/me?${name}=${key}` })).status).toBe(401);
    const basic = Buffer.from(`${key}:`).toString('base64');
    const headers = { authorization: `Basic ${basic}` };
    expect((await api.http({ path: '/v1/me', headers })).status).toBe(401);
    expect((await api.http({ path: '/v1/me', headers: { 'x-api-key': key } })).status).toBe(401);
  });

  it('is written down once a minute, and waits for nobody', async () => {
    const own = await insertKey(api);
    const used = async (): Promise<Date | null> => {
      expect((await api.http({ path: '/v1/me', token: own })).status).toBe(200);
      const { rows } = await api.db.query<{ used_at: Date | null }>(
        'select used_at from keyturn.api_key where prefix = $1',
        [own.slice(0, 11)],
      );
      return rows[0]?.used_at ?? null;
    };
    const first = await used();
    expect(first).not.toBeNull();
    expect(await used()).toEqual(first);
    await api.db.query(
      `update keyturn.api_key set used_at = now() - interval '61 seconds' where prefix = $1`,
      [own.slice(0, 11)],
    );
    const other = new Client({ connectionString: api.databases.keyturn.admin });
    await other.connect();
    await other.query('begin');
    await other.query('select from keyturn.api_key where prefix = $1 for update', [own.slice(0, 11)]);
    expect(Date.now() - Number(await used())).toBeGreaterThan(60_000);
    await other.query('rollback');
    await other.end();
    expect(Date.now() - Number(await used())).toBeLessThan(60_000);
  });

  it('leaves the key in no log and no answer', async () => {
    const { log } = api.context;
    const spies = (['debug', 'info', 'warn', 'error'] as const).map((level) => vi.spyOn(log, level));
    const wrong = `${key.slice(0, -4)}AAAA`;
    const answers = [
      await api.http({ path: '/v1/me', token: wrong }),
      await api.http({ path: '/v1/me', token: key }),
      await api.http({ path: `/v1/me?key=${key}`, token: key }),
      await api.create(key, { ...GOOD_BODY, action: key }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([401, 200, 400, 422]);
    const lines = JSON.stringify(spies.flatMap(({ mock }) => mock.calls));
    expect(lines).toContain('api_key');
    for (const secret of [key, wrong].map((one) => one.slice(12, 40))) {
      expect(lines).not.toContain(secret);
      expect(JSON.stringify([answers[0]?.body, [...(answers[0]?.headers ?? [])]])).not.toContain(secret);
    }
  });
});

describe('what is no live key is answered alike', () => {
  const end = async (how: string): Promise<string> => {
    const own = await insertKey(api);
    await api.db.query(`update keyturn.api_key set ${how} where prefix = $1`, [own.slice(0, 11)]);
    return own;
  };

  it.each<[string, () => string | Promise<string>]>([
    ['one that nobody made', () => `kt_abcdefgh_${'A'.repeat(43)}`],
    ['junk with its mark', () => 'kt_'],
    ['one of which a letter differs', () => `${key.slice(0, -1)}${key.endsWith('A') ? 'E' : 'A'}`],
    ['one that is cut', () => key.slice(0, -1)],
    ['its digest', async () => digestOf(key)],
    ['one that was revoked', async () => end('revoked_at = now()')],
    ['one that has expired', async () => end(`expires_at = now() - interval '1 second'`)],
    ['one of an agent that has another account', async () => end(`agent = 'agent-billing'`)],
    ['one that is older than the account', async () => end(`created_at = '2026-01-01'`)],
  ])('%s', async (_what, wrong) => {
    const answer = async (token: string): Promise<unknown> => {
      const { status, body, headers } = await api.http({ path: '/v1/me', token });
      const { instance: _instance, request_id: _id, ...said } = body;
      return { status, said, challenge: headers.get('www-authenticate') };
    };
    const known = await answer(`kt_abcdefgh_${'B'.repeat(43)}`);
    expect(known).toMatchObject({ status: 401, said: { code: 'unauthenticated' } });
    expect(await answer(await wrong())).toEqual(known);
  });

  it('also while a call is still being answered', async () => {
    const own = await insertKey(api);
    const { context } = api;
    const caller = await currentCaller(context, await new KeyVerifier(context).verify(own));
    expect((await refreshCaller(context, caller)).agent?.id).toBe('nightly');
    await api.db.query('update keyturn.api_key set revoked_at = now() where prefix = $1', [own.slice(0, 11)]);
    await expect(refreshCaller(context, caller)).rejects.toMatchObject({ code: 'unauthenticated' });
  });
});

async function digestOf(of: string): Promise<string> {
  const { rows } = await api.db.query<{ digest: string }>(
    'select digest from keyturn.api_key where prefix = $1',
    [of.slice(0, 11)],
  );
  return `kt_${of.slice(3, 11)}_${rows[0]?.digest}`;
}

describe('an agent with keys is stopped as every other', () => {
  const standing =
    (kind: 'people' | 'agents', id: string): PolicyChange =>
    (policy) => ({
      ...policy,
      directory: {
        ...policy.directory,
        [kind]: policy.directory[kind].map((one) => (one.id === id ? { ...one, active: false } : one)),
      },
    });

  it('when it is deactivated: its keys end, also should it come back', async () => {
    const own = await insertKey(api, 'elsewhere');
    const read = async (): Promise<number> => (await api.http({ path: '/v1/me', token: own })).status;
    expect(await read()).toBe(200);
    await withPolicy(api.db, standing('agents', 'elsewhere'), async () => {
      expect(await read()).toBe(401);
      expect(await refusalOf(own)).toBe('unauthenticated');
    });
    expect(await read()).toBe(401);
  });

  it('when its owner is, and keys that the owner made at once', async () => {
    const ofOther = await insertKey(api, 'nightly', 'olga');
    await withPolicy(api.db, standing('people', 'ada'), async () => {
      const token = await api.issuer.agentToken('agent-billing');
      for (const body of [GOOD_BODY, GATE])
        expect(await refusalOf(ofOther, body)).toBe(await refusalOf(token, body));
      expect(await refusalOf(key)).toBe('unauthenticated');
    });
  });

  it('by a kill switch on it', async () => {
    const token = await api.issuer.humanToken('olga');
    const body = { scope: { kind: 'agent', value: 'nightly' }, reason: 'x' };
    const { status } = await api.http({ path: '/v1/switches', token, body });
    expect(status).toBe(201);
    expect(await refusalOf(key)).toBe('switched_off');
    await api.db.query('update keyturn.kill_switch set lifted_at = now()');
  });

  it('by its rate, which all its keys share', async () => {
    const admitted = vi.spyOn(api.context.limits.calls, 'admit');
    for (const token of [key, await insertKey(api), await insertKey(api, 'elsewhere')])
      await api.http({ path: '/v1/me', token });
    const [one, two, other] = admitted.mock.calls.map(([caller]) => caller);
    expect(one).toBe(identityKey({ issuer: 'keyturn', subject: 'nightly' }));
    expect(two).toBe(one);
    expect(other).not.toBe(one);
  });
});

describe('a key that is for something', () => {
  // A deactivation ended her session.
  beforeAll(async () => {
    ada = await signInFreshly(api, 'ada');
  });

  it('is refused for every other action and target, before anything is recorded', async () => {
    const { key: sql } = await makeKey(ada, { actions: ['postgres.execute'], targets: ['shop'] });
    const { key: publishing } = await makeKey(ada, { actions: ['keyturn.policy.publish'] });
    const { key: elsewhere } = await makeKey(ada, { targets: ['keyturn'] });
    expect(await refusalOf(sql)).toBeUndefined();
    const count = async (): Promise<unknown> =>
      (await api.db.query('select count(*) from audit.entry')).rows[0];
    const before = await count();
    for (const narrow of [publishing, elsewhere]) {
      expect(await refusalOf(narrow)).toBe('forbidden');
      expect(await refusalOf(narrow, GATE)).toBe('forbidden');
      const evaluated = await api.http({ path: '/v1/evaluate', token: narrow, body: GOOD_BODY });
      expect(evaluated).toMatchObject({ status: 403, body: { code: 'forbidden' } });
    }
    expect(await count()).toEqual(before);
  });

  it('does not learn the answer to a request of a key that is for more', async () => {
    const headers = { 'idempotency-key': randomUUID() };
    expect((await api.create(key, GOOD_BODY, headers)).status).toBe(202);
    const { key: narrow } = await makeKey(ada, { actions: ['keyturn.policy.publish'] });
    expect((await api.create(narrow, GOOD_BODY, headers)).status).toBe(403);
  });

  it('lets the agent do nothing that it may not do without', async () => {
    const { key: wide } = await makeKey(ada, { actions: ['keyturn.policy.publish'], targets: ['keyturn'] });
    const body = {
      action: 'keyturn.policy.publish',
      target: 'keyturn',
      arguments: { digest: api.policyDigest },
    };
    expect(await refusalOf(wide, body)).toBe(await refusalOf(key, body));
    const foreign = await storeRequest(api);
    expect((await api.http({ path: `/v1/requests/${foreign.id}`, token: wide })).status).toBe(404);
  });
});
