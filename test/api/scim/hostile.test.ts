import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';

import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { startApi, type TestApi } from '../api.ts';
import { GROUP, OKTA, PATCH, provider, USER, writeScim, type Provider } from './provisioning.ts';

let api: TestApi;
let okta: Provider;
let user: string;
let group: string;

beforeAll(async () => {
  api = await startApi({}, (issuer) => writeScim('hostile', issuer));
  okta = provider(api);
  user = await okta.addUser('target');
  group = await okta.addGroup('target', [user]);
});
afterAll(async () => {
  await api.stop();
});

interface Sent {
  readonly method?: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const ERROR = 'urn:ietf:params:scim:api:messages:2.0:Error';

/** Whatever is sent, the answer is one of SCIM, says nothing of the inside, and is no fault. */
async function expectServed(resource: string, init: Sent): Promise<number> {
  const response = await fetch(`${api.url}/scim/v2/${resource}`, {
    ...init,
    headers: { authorization: `Bearer ${OKTA}`, 'content-type': 'application/scim+json', ...init.headers },
  });
  const text = await response.text();
  const label = `${init.method ?? 'GET'} ${resource} ${String(init.body).slice(0, 300)} → ${response.status} ${text}`;
  expect(response.status, label).toBeLessThan(500);
  expect(text, label).not.toMatch(/node_modules|\.ts:|\.js:|at \w+ \(|postgres:\/\/|QueryFailed|keyturn\./);
  if (response.status < 400) return response.status;
  expect(response.headers.get('content-type'), label).toContain('application/scim+json');
  expect(JSON.parse(text), label).toMatchObject({ schemas: [ERROR], status: String(response.status) });
  return response.status;
}

describe('a hostile provider gets refusals, never a fault', () => {
  it('with a digest in place of its token, which the log tells', async () => {
    const warn = vi.spyOn(api.context.log, 'warn');
    const digest = createHash('sha256').update(OKTA).digest('hex');
    expect((await provider(api, digest).call('Users')).status).toBe(401);
    expect(warn.mock.calls).toEqual([
      [{ fault: 'scim' }, expect.stringContaining('a digest from KEYTURN_SCIM')],
    ]);
    warn.mockRestore();
  });

  it('with two tokens, one of which a proxy may have read', async () => {
    const tokens = ['Authorization', `Bearer ${OKTA}`, 'Authorization', 'Bearer other'];
    const request = http.get(`${api.url}/scim/v2/Users`, { headers: ['Host', 'x', ...tokens] });
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    response.resume();
    expect(response.statusCode).toBe(401);
  });

  it('with bodies that are nothing, or of another form', async () => {
    const bodies = [
      '',
      '{',
      '[]',
      'null',
      '5',
      '"x"',
      '{}',
      '{"schemas":5}',
      '{"schemas":[]}',
      '{"schemas":[null]}',
      '{"a":1,"a":2}',
      '{"__proto__":{}}',
      `{"schemas":["${USER}"],"userName":"a","USERNAME":"b"}`,
      `{"schemas":["${USER}"],"userName":${'['.repeat(100)}${']'.repeat(100)}}`,
      '\u0000',
    ];
    for (const body of bodies) {
      for (const [method, resource] of [
        ['POST', 'Users'],
        ['POST', 'Groups'],
        ['PUT', `Users/${user}`],
        ['PATCH', `Users/${user}`],
        ['PUT', `Groups/${group}`],
        ['PATCH', `Groups/${group}`],
      ] as const) {
        const status = await expectServed(resource, { method, body });
        expect(status, `${method} ${resource} ${body}`).toBeGreaterThanOrEqual(400);
      }
    }
  });

  it('with attributes of any kind', async () => {
    const attribute = fc.constantFrom(
      'userName',
      'externalId',
      'displayName',
      'active',
      'name',
      'members',
      'emails',
      'id',
      'schemas',
      'meta',
    );
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(USER, GROUP),
        fc.dictionary(attribute, fc.jsonValue({ maxDepth: 3 })),
        async (schema, fields) => {
          const body = JSON.stringify({ displayName: 'x', userName: 'x', ...fields, schemas: [schema] });
          await expectServed(schema === USER ? 'Users' : 'Groups', { method: 'POST', body });
          await expectServed(schema === USER ? `Users/${user}` : `Groups/${group}`, { method: 'PUT', body });
        },
      ),
      { numRuns: 60 },
    );
  });

  it('with operations of any kind', async () => {
    const operation = fc.record(
      {
        op: fc.oneof(fc.constantFrom('add', 'Replace', 'REMOVE', 'move'), fc.jsonValue({ maxDepth: 1 })),
        path: fc.oneof(
          fc.constantFrom(
            'active',
            'members',
            'name',
            'name.x',
            `members[value eq "${'a'.repeat(36)}"]`,
            'members[',
            'members[value eq "x"].y',
            'userName',
            'urn:x:y',
            '__proto__',
            'constructor',
          ),
          fc.jsonValue({ maxDepth: 1 }),
        ),
        value: fc.oneof(
          fc.jsonValue({ maxDepth: 3 }),
          fc.constantFrom('False', [{ value: 'x' }], { active: 'x' }, { __proto__: null, constructor: 1 }),
        ),
      },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 4 }), async (operations) => {
        const body = JSON.stringify({ schemas: [PATCH], Operations: operations });
        await expectServed(`Users/${user}`, { method: 'PATCH', body });
        await expectServed(`Groups/${group}`, { method: 'PATCH', body });
      }),
      { numRuns: 80 },
    );
  });

  it('with filters, pages and ids of any kind', async () => {
    const texts = [
      "' or 1=1 --",
      '%00',
      '\u0000',
      '\uFFFF',
      'x'.repeat(5_000),
      'id eq "\\u0000"',
      'members[value eq "%"]',
      '$1',
      '(((((',
      'not not',
    ];
    for (const text of texts) {
      for (const kind of ['Users', 'Groups']) {
        for (const name of ['filter', 'startIndex', 'count', 'attributes', 'excludedAttributes'])
          await expectServed(`${kind}?${name}=${encodeURIComponent(text)}`, {});
        await expectServed(`${kind}?filter=id%20pr&filter=id%20pr`, {});
        await expectServed(`${kind}/${encodeURIComponent(text.slice(0, 1_000))}`, {});
      }
    }
    await expectServed('Users/%ff', {});
    await expectServed('nowhere', {});
    await expectServed('Bulk', { method: 'POST', body: '{}' });
  });

  it('with too much of everything', async () => {
    const huge = JSON.stringify({ schemas: [USER], userName: 'x'.repeat(300_000) });
    expect(await expectServed('Users', { method: 'POST', body: huge })).toBe(413);
    const long = JSON.stringify({ schemas: [USER], userName: 'x'.repeat(600) });
    expect(await expectServed('Users', { method: 'POST', body: long })).toBe(400);
    const many = Array.from({ length: 1_001 }, () => ({ op: 'replace', path: 'active', value: true }));
    const body = JSON.stringify({ schemas: [PATCH], Operations: many });
    expect(await expectServed(`Users/${user}`, { method: 'PATCH', body })).toBe(400);
    expect(
      await expectServed('Users', { method: 'POST', body: '{}', headers: { 'content-type': 'text/plain' } }),
    ).toBe(415);
  });
});

it('changes of one call are made all or none', async () => {
  const reply = await okta.patch(`Users/${user}`, [
    { op: 'replace', path: 'displayName', value: 'half done' },
    { op: 'replace', path: 'active', value: 'perhaps' },
  ]);
  expect(reply).toMatchObject({ status: 400, body: { scimType: 'invalidValue' } });
  expect((await okta.call(`Users/${user}`)).body['displayName']).not.toBe('half done');
});

it('an authority may call only so often, and so may one who guesses tokens', async () => {
  const limited = await startApi({ KEYTURN_API_RATE: '1' }, (issuer) => writeScim('limited', issuer));
  try {
    const calls = provider(limited);
    const statuses = [];
    for (let count = 0; count < 6; count += 1) statuses.push((await calls.call('Users')).status);
    expect(statuses).toContain(429);
    const guesses = [];
    for (let count = 0; count < 6; count += 1)
      guesses.push((await calls.call('Users', { token: `guess-${count}` })).status);
    expect(guesses.slice(0, 1)).toEqual([401]);
    expect(guesses).toContain(429);
  } finally {
    await limited.stop();
  }
});

it('tells nobody without a token what is there, and providers which methods an address takes', async () => {
  for (const path of ['/scim', '/scim/v2', '/scim/v2/Pets', '/SCIM/v2/Users/x/y'])
    expect((await api.http({ path })).status, path).toBe(401);
  expect((await okta.call('Pets')).status).toBe(404);
  for (const path of ['/scim', '/scim/', '/scim/v3'])
    expect((await api.http({ path, token: OKTA })).status, path).toBe(404);
  const reply = await okta.call('Users', { method: 'DELETE' });
  expect([reply.status, reply.headers.get('allow')]).toEqual([405, 'GET, HEAD, POST']);
});

it('is not there where nobody may provision', async () => {
  const plain = await startApi();
  try {
    for (const resource of ['', 'v2', 'v2/Users', 'v2/ServiceProviderConfig', 'v2/Users/x'])
      expect((await plain.http({ path: `/scim/${resource}`, token: OKTA })).status).toBe(404);
    expect((await plain.http({ path: '/scim/v2/Users', token: OKTA, body: '{' })).status).toBe(404);
  } finally {
    await plain.stop();
  }
});
