import { connect } from 'node:net';

import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { GOOD_BODY, startApi, type TestApi } from './api.ts';

let api: TestApi;
let person: string;
let agent: string;
beforeAll(async () => {
  api = await startApi();
  [person, agent] = await Promise.all([
    api.issuer.humanToken('olga'),
    api.issuer.agentToken('agent-billing'),
  ]);
});
afterAll(async () => {
  await api.stop();
});

const ID = `req_${'a'.repeat(26)}`;
const PATHS = [
  '/v1/requests',
  `/v1/requests/${ID}/decisions`,
  `/v1/requests/${ID}/tickets`,
  `/v1/requests/${ID}/withdraw`,
] as const;

/** Anything but 4xx, anything but a problem with a stable code, or a word of the inside, is a finding. */
async function expectProblem(path: string, init: RequestInit, label: string): Promise<string> {
  const response = await fetchServed(path, init);
  const text = await response.text();
  expect(response.status, `${label} ${text}`).toBeGreaterThanOrEqual(400);
  expect(response.status, `${label} ${text}`).toBeLessThan(500);
  expect(response.headers.get('content-type'), label).toContain('application/problem+json');
  const problem = JSON.parse(text) as { code: string; status: number; type: string };
  expect(problem.status, label).toBe(response.status);
  expect(problem.type, label).toBe(`urn:keyturn:error:${problem.code}`);
  expect(text, label).not.toMatch(/node_modules|\.ts:|\.js:|at \w+ \(|postgres:\/\/|QueryFailed/);
  return problem.code;
}

/** A machine under load may say 503, which is no answer to the body: then it is asked again. */
async function fetchServed(path: string, init: RequestInit): Promise<Response> {
  const response = await fetch(`${api.url}${path}`, init);
  return response.status === 503 ? fetch(`${api.url}${path}`, init) : response;
}

function post(body: string | Buffer, headers: Record<string, string> = {}): RequestInit {
  return {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${person}`,
      'idempotency-key': 'k',
      ...headers,
    },
    body: typeof body === 'string' ? body : new Uint8Array(body),
  };
}

const HAND_PICKED: readonly string[] = [
  '',
  'null',
  'true',
  '42',
  '"text"',
  '[]',
  '[[[[[[]]]]]]',
  '{',
  '{"action":',
  '{}{}',
  '{"__proto__":{"isHuman":true}}',
  '{"constructor":{"prototype":{"x":1}}}',
  String.raw`{"action":"\ud800","target":"shop","arguments":{}}`,
  '{"action":"a","action":"b"}',
  '{"action":1e999}',
  '{"action":9007199254740993}',
  '['.repeat(100_000),
  `${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`,
  JSON.stringify({ ...GOOD_BODY, arguments: [] }),
  JSON.stringify({ ...GOOD_BODY, arguments: null }),
  JSON.stringify({ ...GOOD_BODY, arguments: { statement: '\u0000' } }),
  JSON.stringify({ ...GOOD_BODY, arguments: { statement: { toString: 1 } } }),
  JSON.stringify({ ...GOOD_BODY, action: 'postgres.execute\u0000' }),
  JSON.stringify({ ...GOOD_BODY, target: '../../etc/passwd' }),
  JSON.stringify({ ...GOOD_BODY, target: "shop' or 1=1 --" }),
  JSON.stringify({ ...GOOD_BODY, mode: 'gate' }),
  JSON.stringify({ ...GOOD_BODY, on_behalf_of: 'ada' }),
  JSON.stringify({
    ...GOOD_BODY,
    claims: { links: Array.from({ length: 11 }, () => 'https://example.org') },
  }),
  JSON.stringify({ ...GOOD_BODY, claims: { justification: 'x'.repeat(4_001) } }),
  JSON.stringify({ verdict: 'approve' }),
  JSON.stringify({ decision_digest: 'sha256:', verdict: 'approve' }),
  JSON.stringify({ decision_digest: `sha256:${'0'.repeat(64)}`, verdict: 'APPROVE' }),
  JSON.stringify({ decision_digest: `sha256:${'0'.repeat(64)}`, verdict: 'defer', defer: { until: 'soon' } }),
  JSON.stringify({ decision_digest: `sha256:${'0'.repeat(64)}`, verdict: 'approve', person: 'ada' }),
  JSON.stringify({ reason: 5 }),
  JSON.stringify({ reason: 'x'.repeat(4_001) }),
  JSON.stringify({ $where: '1', action: { $gt: '' } }),
];

describe('hostile bodies', () => {
  it.each(PATHS)('get a 4xx problem at %s, each of the hand-picked ones', async (path) => {
    for (const body of HAND_PICKED) await expectProblem(path, post(body), `${path} ${body.slice(0, 80)}`);
  });

  it('get a 4xx problem, four hundred made-up ones', async () => {
    const hostile = fc.oneof(
      fc.json(),
      fc.string({ unit: 'binary' }),
      fc
        .record({
          action: fc.jsonValue(),
          target: fc.jsonValue(),
          arguments: fc.jsonValue(),
          claims: fc.jsonValue(),
        })
        .map((body) => JSON.stringify(body)),
      fc
        .record({ decision_digest: fc.jsonValue(), verdict: fc.jsonValue(), defer: fc.jsonValue() })
        .map((body) => JSON.stringify(body)),
      fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    );
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...PATHS), hostile, async (path, body) => {
        // The one body that may be right by chance: nothing, or {}, withdraws what does not exist, which is a 404.
        await expectProblem(path, post(body), `${path} ${body.toString().slice(0, 80)}`);
      }),
      { numRuns: 400 },
    );
  });

  it('get a 4xx problem when they are too large, compressed, not JSON, or not UTF-8', async () => {
    const large = JSON.stringify({ ...GOOD_BODY, claims: { justification: 'x'.repeat(300_000) } });
    const streamed = { ...post(large), body: streamOf('x'.repeat(20_000_000)), duplex: 'half' };
    expect(await expectProblem('/v1/requests', post(large), 'large')).toBe('body_too_large');
    expect(await expectProblem('/v1/requests', streamed as RequestInit, 'streamed')).toBe('body_too_large');
    await expectProblem('/v1/requests', post('{}', { 'content-encoding': 'gzip' }), 'gzip');
    await expectProblem('/v1/requests', post('{}', { 'content-type': 'text/plain' }), 'text');
    await expectProblem(
      '/v1/requests',
      post('a=b', { 'content-type': 'application/x-www-form-urlencoded' }),
      'form',
    );
    await expectProblem(
      '/v1/requests',
      post('{}', { 'content-type': 'application/json; charset=utf-16' }),
      'utf-16',
    );
    await expectProblem('/v1/requests', post(Buffer.from([0x22, 0xff, 0x22])), 'bytes');
  });
});

describe('hostile addresses', () => {
  it.each([
    '/nowhere',
    '/v1',
    '/v1/requests/%E0%A4%A',
    '/v1/requests/%00',
    '/v1/requests/..%2f..%2fetc',
    `/v1/requests/${'a'.repeat(6_000)}`,
    '/v1/requests/__proto__',
    '/v1/requests/req_%27%20or%201=1',
    `/v1/requests/${ID}`,
    `/v1/requests/${ID}?wait=99`,
    `/v1/requests/${ID}?wait=-1`,
    `/v1/requests/${ID}?wait=1&wait=2`,
    `/v1/requests/${ID}/nothing`,
    `/v1/requests/${ID}/timeline`,
    `/v1/requests/${ID}/evidence`,
    `/v1/requests/${ID}/workflow-events`,
    '/v1/requests?limit=0',
    '/v1/requests?limit=101',
    '/v1/requests?limit=1e1',
    '/v1/requests?limit[]=1',
    '/v1/requests?status=approved%00',
    '/v1/requests?status=unknown',
    '/v1/requests?action=%00',
    '/v1/requests?cursor=%00%ff',
    '/v1/requests?cursor=bm90IGEgY3Vyc29y',
    '/v1/requests?__proto__=1',
    '/v1/requests?surprise=1',
    '/v1/inbox?cursor=x',
    '/v1/events?request=x',
    `/v1/events?request=${ID}`,
    '/v1/sessions?person=%00',
  ])('get a 4xx problem: GET %s', async (path) => {
    await expectProblem(path, { headers: { authorization: `Bearer ${person}` } }, path);
  });

  it.each(['/v1/sessions/%00/end', '/v1/api-keys/%00/revoke'])('get a 4xx problem: POST %s', async (path) => {
    await expectProblem(path, post('{}'), path);
  });

  it.each(['PUT', 'DELETE', 'PATCH', 'OPTIONS', 'PROPFIND'])(
    'get a 4xx problem for the method %s',
    async (method) => {
      await expectProblem('/v1/requests', { method, headers: { authorization: `Bearer ${agent}` } }, method);
    },
  );

  it('get a 4xx problem for a strange Last-Event-ID', async () => {
    const headers = { authorization: `Bearer ${person}`, 'last-event-id': '1; drop table' };
    await expectProblem('/v1/events', { headers }, 'Last-Event-ID');
  });
});

describe('bytes that are not HTTP', () => {
  it.each([
    'GET / HTTP/1.1\r\nbad header\r\n\r\n',
    'HELLO\r\n\r\n',
    `GET / HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(100_000)}\r\n\r\n`,
  ])('get a 4xx problem and the connection is closed: %j', async (bytes) => {
    const answer = await rawCall(bytes);
    expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /);
    expect(answer).toContain('application/problem+json');
  });
});

describe('a body from nobody', () => {
  it.each([
    ['POST /v1/requests', 401],
    ['POST /v1/policies', 401],
    ['POST /nowhere', 404],
    ['GET /healthz', 200],
  ])('is neither read nor waited for: %s', async (call, status) => {
    const head = ['host: x', 'connection: close', 'content-type: application/json', 'content-length: 200000'];
    // All of the body is still to come when the answer is there.
    const answer = await rawCall(`${call} HTTP/1.1\r\n${head.join('\r\n')}\r\n\r\n{`);
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  });
});

function streamOf(text: string): ReadableStream<Uint8Array> {
  return new Blob([text]).stream();
}

async function rawCall(bytes: string): Promise<string> {
  const socket = connect(Number(new URL(api.url).port), '127.0.0.1');
  socket.write(bytes);
  let answer = '';
  try {
    for await (const chunk of socket) answer += String(chunk);
  } catch {
    // The server may cut the connection while bytes are still on the way.
  }
  return answer;
}
