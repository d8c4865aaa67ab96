import net from 'node:net';
import { gzipSync } from 'node:zlib';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { GOOD_BODY, startApi, type TestApi } from './api.ts';
import { storeRequest } from './rows.ts';

let api: TestApi;
let agent: string;
let olga: string;
let path: string;
beforeAll(async () => {
  api = await startApi();
  [agent, olga] = [await api.issuer.agentToken('agent-billing'), await api.issuer.humanToken('olga')];
  path = `/v1/requests/${(await storeRequest(api)).id}`;
});
afterAll(async () => {
  await api.stop();
});

const JSON_BODY = JSON.stringify(GOOD_BODY);

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The answer to these very bytes, with the call named. Interim answers stay out. */
function answerTo(lines: readonly string[], body: string | Buffer = ''): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(Number(new URL(api.url).port), '127.0.0.1');
    const chunks: Buffer[] = [];
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', reject);
    socket.on('end', () => {
      resolve(
        parsed(
          Buffer.concat(chunks)
            .toString()
            .replace(/^HTTP\/1\.1 100 Continue\r\n\r\n/, ''),
        ),
      );
    });
    socket.write(`${[...lines, 'Connection: close'].join('\r\n')}\r\n\r\n`);
    socket.write(body);
  });
}

function parsed(text: string): Answer {
  const [head = '', ...rest] = text.split('\r\n\r\n');
  const [line = '', ...fields] = head.split('\r\n');
  const headers = Object.fromEntries(
    fields.map((field) => [field.split(':')[0]?.toLowerCase(), field.replace(/^[^:]*:\s*/, '')] as const),
  );
  return { status: Number(line.split(' ')[1]), headers, body: rest.join('\r\n\r\n') };
}

function bearer(token: string): string {
  return `Authorization: Bearer ${token}`;
}

function post(key: string, ...more: readonly string[]): readonly string[] {
  const always = ['Host: x', bearer(agent), `Idempotency-Key: ${key}`, 'Prefer: wait=0'];
  return ['POST /v1/requests HTTP/1.1', ...always, ...more];
}

const TYPE = 'Content-Type: application/json';
const LENGTH = `Content-Length: ${JSON_BODY.length}`;
const CHUNKED = `${JSON_BODY.length.toString(16)}\r\n${JSON_BODY}\r\n0\r\n\r\n`;

function expectProblem(answer: Answer, status: number, code: string): void {
  expect(answer).toMatchObject({ status, headers: { 'x-request-id': expect.stringMatching(/./) as string } });
  expect(answer.headers['content-type']).toContain('application/problem+json');
  expect(JSON.parse(answer.body)).toMatchObject({ status, code, request_id: answer.headers['x-request-id'] });
}

describe('a call is answered with its name, and refused with a problem', () => {
  it.each([
    ['without a host', ['GET /v1/me HTTP/1.1'], '400 invalid_request'],
    ['for two hosts', ['GET /v1/me HTTP/1.1', 'Host: x', 'Host: y'], '400 invalid_request'],
    ['of an unknown method', ['FOO /v1/me HTTP/1.1', 'Host: x'], '400 invalid_request'],
    ['OPTIONS', ['OPTIONS /v1/requests HTTP/1.1', 'Host: x'], '405 method_not_allowed'],
    ['TRACE', ['TRACE /v1/requests HTTP/1.1', 'Host: x'], '405 method_not_allowed'],
    ['with a broken escape', ['GET /v1/requests/%zz HTTP/1.1', 'Host: x'], '400 invalid_request'],
    ['of another version', ['GET /healthz HTTP/1.2', 'Host: x'], '400 invalid_request'],
    ['with a long address', [`GET /docs?${'a'.repeat(20_000)} HTTP/1.1`, 'Host: x'], '431 invalid_request'],
  ])('%s', async (_what, lines, refusal) => {
    const [status, code = ''] = refusal.split(' ');
    expectProblem(await answerTo(lines), Number(status), code);
  });

  it('with two tokens, one of which a proxy may have read', async () => {
    const answer = await answerTo(['GET /v1/me HTTP/1.1', 'Host: x', bearer(olga), bearer(agent)]);
    expectProblem(answer, 401, 'unauthenticated');
  });
});

describe('a body', () => {
  it.each([
    ['in chunks', [TYPE, 'Transfer-Encoding: chunked'], CHUNKED],
    ['after 100 Continue', [TYPE, LENGTH, 'Expect: 100-continue'], JSON_BODY],
    ['with an expectation that nobody knows', [TYPE, LENGTH, 'Expect: wonders'], JSON_BODY],
  ])('is taken %s', async (what, headers, body) => {
    const answer = await answerTo(post(what.replaceAll(' ', '-'), ...headers), body);
    expect(answer).toMatchObject({ status: 202, headers: { 'x-request-id': expect.anything() as string } });
  });

  it('is taken of a client that speaks HTTP/1.0', async () => {
    const [, , ...rest] = post('ten', TYPE, LENGTH);
    expect(await answerTo(['POST /v1/requests HTTP/1.0', ...rest], JSON_BODY)).toMatchObject({ status: 202 });
  });

  it.each([
    ['that is compressed', [TYPE, 'Content-Encoding: gzip', 'Transfer-Encoding: chunked'], ''],
    ['that is compressed on its way', [TYPE, 'Transfer-Encoding: gzip, chunked'], CHUNKED],
    ['without a type', [LENGTH], JSON_BODY],
  ])('%s is refused', async (_what, headers, body) => {
    expectProblem(await answerTo(post('refused', ...headers), body), 415, 'unsupported_media_type');
  });

  it('that is compressed is not unpacked, however small it is', async () => {
    const packed = gzipSync(JSON_BODY);
    const headers = [TYPE, 'Content-Encoding: gzip', `Content-Length: ${packed.length}`];
    expectProblem(await answerTo(post('packed', ...headers), packed), 415, 'unsupported_media_type');
  });
});

describe('an address', () => {
  it.each([
    ['GET', '/v1/requests?unknown=1'],
    ['GET', '/v1/requests?limit=1&limit=2'],
    ['GET', '/v1/me?unknown=1'],
    ['GET', '/v1/switches?limit=5'],
    ['POST', '/v1/requests?dry_run=true'],
    ['POST', '/v1/requests/?dry_run=true'],
  ])('with parameters that are not read is refused: %s %s', async (method, address) => {
    const body = method === 'POST' ? GOOD_BODY : undefined;
    const token = method === 'POST' ? agent : olga;
    const headers = { 'idempotency-key': 'never' };
    const reply = await api.http({ method, path: address, token, headers, ...(body && { body }) });
    expect(reply).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
  });

  it('with such parameters is refused for HEAD as well', async () => {
    const answer = await answerTo(['HEAD /v1/me?unknown=1 HTTP/1.1', 'Host: x', bearer(olga)]);
    expect([answer.status, answer.body]).toEqual([400, '']);
  });

  it('may end with a slash, and hold escapes', async () => {
    for (const address of [`${path}/`, path.replace('_', '%5F')])
      expect(await api.http({ path: address, token: olga })).toMatchObject({ status: 200 });
  });
});

describe('what has not changed', () => {
  const ask = (method: string, address: string, tags: string): Promise<Answer> =>
    answerTo([`${method} ${address} HTTP/1.1`, 'Host: x', bearer(olga), `If-None-Match: ${tags}`]);

  it('is not sent again to who names its ETag, in each form', async () => {
    const { headers } = await ask('GET', path, '"other"');
    const tag = String(headers['etag']);
    for (const tags of [tag, tag.slice(2), `"other", ${tag}`, '*'])
      for (const method of ['GET', 'HEAD']) {
        const answer = await ask(method, path, tags);
        expect([answer.status, answer.headers['etag'], answer.body], `${method} ${tags}`).toEqual([
          304,
          tag,
          '',
        ]);
        expect(answer.headers['x-request-id']).toBeDefined();
      }
  });

  it('is sent where no ETag is', async () => {
    expect(await ask('GET', '/v1/me', '*')).toMatchObject({ status: 200 });
  });
});
