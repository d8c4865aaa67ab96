import { gunzipSync } from 'node:zlib';
import http from 'node:http';

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import type { RequestView } from '../../contract/requests.ts';
import { GOOD_BODY, startApi, type TestApi } from './api.ts';
import { announce, storeRequest } from './rows.ts';

let api: TestApi;
let agent: string;
beforeAll(async () => {
  api = await startApi({ KEYTURN_PUBLIC_URL: 'https://keyturn.example/approvals/' });
  agent = await api.issuer.agentToken('agent-billing');
});
afterAll(async () => {
  await api.stop();
});

describe('a method that an address does not take', () => {
  it.each([
    ['DELETE', '/v1/requests/req_aaaaaaaaaaaaaaaaaaaaaaaaaa', 'GET, HEAD'],
    ['GET', '/v1/evaluate', 'POST'],
    ['PUT', '/v1/requests', 'GET, HEAD, POST'],
    ['POST', '/openapi.json', 'GET, HEAD'],
  ])('%s %s is answered 405 with those that it takes', async (method, path, allow) => {
    const reply = await api.http({ method, path });
    expect(reply).toMatchObject({ status: 405, body: { code: 'method_not_allowed' } });
    expect(reply.headers.get('allow')).toBe(allow);
  });

  it('is no such thing where there is no address: 404', async () => {
    expect(await api.http({ method: 'DELETE', path: '/v1/nothing' })).toMatchObject({ status: 404 });
  });
});

describe('every call has a name', () => {
  it('that the caller may choose, in the answer, the problem and every line that is logged', async () => {
    const lines: object[] = [];
    const logged = vi.spyOn(api.context.log, 'info').mockImplementation((fields: unknown) => {
      lines.push(fields as object);
    });
    const headers = { 'x-request-id': 'my-call.7' };
    const reply = await api.http({ path: '/v1/requests/req_x', token: agent, headers });
    expect(reply.headers.get('x-request-id')).toBe('my-call.7');
    expect(reply.body).toMatchObject({ request_id: 'my-call.7', code: 'not_found' });
    const { instance } = reply.body;
    await expect
      .poll(() => lines)
      .toContainEqual(
        expect.objectContaining({ request_id: 'my-call.7', status: 404, code: 'not_found', instance }),
      );
    logged.mockRestore();
  });

  it.each([['with blanks'], ['x'.repeat(129)], ['{"json":1}'], ['']])(
    'that is made where the one sent could not be logged as it is: %j',
    async (name) => {
      const reply = await api.http({ path: '/healthz', headers: { 'x-request-id': name } });
      expect(reply.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    },
  );
});

describe('bodies', () => {
  it('may say null for what they leave out, and charset in its other spelling', async () => {
    const body = {
      ...GOOD_BODY,
      mode: null,
      claims: { justification: null, model: 'm' },
      on_behalf_of: null,
      break_glass: null,
      start: { not_before: null, not_after: null },
    };
    const headers = { 'content-type': 'application/json;charset=utf8' };
    expect((await api.create(agent, body, headers)).status).toBe(202);
  });

  it('may not say it for what is needed, and not for what nobody knows', async () => {
    for (const body of [
      { ...GOOD_BODY, target: null },
      { ...GOOD_BODY, unknown: null },
    ])
      expect((await api.create(agent, body)).status).toBe(400);
  });

  it('keep null within the arguments of an action', async () => {
    const body = { ...GOOD_BODY, arguments: { ...GOOD_BODY.arguments, extra: null } };
    expect(await api.create(agent, body)).toMatchObject({ status: 422, body: { code: 'arguments_invalid' } });
  });
});

describe('answers', () => {
  it('name the place of a request under the path by which callers reach it', async () => {
    const { headers, body } = await api.create(agent);
    expect(headers.get('location')).toBe(`/approvals/v1/requests/${String(body['id'])}`);
  });

  it('are compressed where everybody reads the same, and never where words of agents stand', async () => {
    for (const [path, isCompressed] of [
      ['/openapi.json', true],
      ['/v1/actions', true],
      ['/v1/requests', false],
    ] as const) {
      const { encoding, bytes } = await raw(path, { 'accept-encoding': 'gzip' });
      expect([path, encoding]).toEqual([path, isCompressed ? 'gzip' : undefined]);
      expect(
        () => JSON.parse((isCompressed ? gunzipSync(bytes) : bytes).toString()) as unknown,
      ).not.toThrow();
    }
    expect((await raw('/openapi.json', { 'accept-encoding': 'br' })).encoding).toBe('br');
  });

  it('about a request say which version they are, for each reader, and are not sent twice', async () => {
    const { id } = await storeRequest(api, {});
    const [olga, ada] = [await api.issuer.humanToken('olga'), await api.issuer.humanToken('ada')];
    const show = (token: string, headers = {}) =>
      api.http<RequestView>({ path: `/v1/requests/${id}`, token, headers });
    const first = await show(olga);
    const tag = String(first.headers.get('etag'));
    expect(tag).toMatch(/^W\/"/);
    expect((await show(ada)).headers.get('etag')).not.toBe(tag);
    const again = await show(olga, { 'if-none-match': tag });
    expect([again.status, again.body]).toEqual([304, '']);
    await api.db.query('update keyturn.request set version = version + 1 where id = $1', [id]);
    await announce(api, id);
    expect((await show(olga, { 'if-none-match': tag })).status).toBe(200);
  });
});

describe('HEAD of the stream', () => {
  it('is answered at once, and takes no stream', async () => {
    const token = await api.issuer.humanToken('olga');
    for (let index = 0; index < 25; index += 1) {
      const reply = await api.http({ method: 'HEAD', path: '/v1/events', token });
      expect(reply.status).toBe(200);
      expect(reply.headers.get('content-type')).toContain('text/event-stream');
    }
  });
});

/** The bytes of an answer as they come. */
function raw(
  path: string,
  headers: Record<string, string>,
): Promise<{ readonly encoding: string | undefined; readonly bytes: Buffer }> {
  return new Promise((resolve, reject) => {
    http
      .get(`${api.url}${path}`, { headers: { ...headers, authorization: `Bearer ${agent}` } }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({ encoding: response.headers['content-encoding'], bytes: Buffer.concat(chunks) }),
        );
      })
      .on('error', reject);
  });
}
