import type { AddressInfo } from 'node:net';

import { compactVerify, createLocalJWKSet, type JSONWebKeySet } from 'jose';
import { parse } from 'yaml';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { takenPort } from '../../configuration/environment.ts';
import { metricsPage, servePages } from '../../apps/pages.ts';
import { RateLimiter } from '../../apps/api/http/rate-limiter.ts';
import type { ErrorCode } from '../../domain/errors.ts';
import { OPERATIONS } from '../../contract/operations.ts';
import { statusOf } from '../../contract/http-statuses.ts';
import type { ActionCatalogue } from '../../contract/actions.ts';
import { readApiConfiguration } from '../../configuration/programs.ts';
import { startApi, type TestApi } from './api.ts';

interface OpenApi {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, unknown>> };
}

type Schema = Readonly<Record<string, unknown>>;

let api: TestApi;
beforeAll(async () => {
  api = await startApi({ KEYTURN_API_RATE: '5' });
});
afterAll(async () => {
  await api.stop();
});

describe('without a token', () => {
  it('anybody learns where people sign in, and as which client, in the form of RFC 9728', async () => {
    const { body } = await api.http({ path: '/.well-known/oauth-protected-resource' });
    const issuers = [api.issuer.url, api.secondIssuer.url];
    const client = {
      client_id: 'keyturn-cli',
      scope: 'openid',
      audience: null,
      resource: null,
    };
    expect(body).toEqual({
      resource: 'http://127.0.0.1:7080',
      resource_name: 'Keyturn',
      authorization_servers: issuers,
      scopes_supported: ['openid'],
      bearer_methods_supported: ['header'],
      keyturn_sign_in: issuers.map((issuer) => ({ issuer, ...client })),
    });
  });

  it('health, readiness, keys and documents can be read, and measurements cannot', async () => {
    expect((await api.http({ path: '/healthz' })).body).toEqual({ status: 'ok' });
    // The way to Temporal is opened by the first question.
    await expect
      .poll(async () => (await api.http({ path: '/readyz' })).body, { timeout: 30_000 })
      .toEqual({ status: 'ok', checks: { database: 'ok', temporal: 'ok' } });
    expect((await api.http({ path: '/metrics' })).status).toBe(404);
  });

  it('is not ready while its namespace does not exist, and logs once why', async () => {
    const lost = await startApi({ TEMPORAL_NAMESPACE: 'nobody-made-it' });
    try {
      const logged = vi.spyOn(lost.context.log, 'error');
      const why = [
        expect.objectContaining({ check: 'temporal' }),
        expect.stringMatching(/^TEMPORAL_NAMESPACE: /),
      ];
      await expect
        .poll(async () => (await lost.http({ path: '/readyz' })) && logged.mock.calls, { timeout: 30_000 })
        .toContainEqual(why);
      const reply = await lost.http({ path: '/readyz' });
      expect(reply).toMatchObject({
        status: 503,
        body: { checks: { database: 'ok', temporal: 'unreachable' } },
      });
    } finally {
      await lost.stop();
    }
  });

  it('readiness asks database and Temporal once, however many ask', async () => {
    const lookups = vi.spyOn(api.context.policies, 'active');
    const replies = await Promise.all(Array.from({ length: 200 }, () => api.http({ path: '/readyz' })));
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200]));
    const questions = lookups.mock.calls.length;
    lookups.mockRestore();
    expect(questions).toBeLessThan(20);
  });

  it('measurements are on a port of their own, where nothing else is', async () => {
    await api.http({ path: '/healthz' });
    const pages = new Map([['/metrics', () => metricsPage(api.context.metrics.registry)]]);
    const server = await servePages(pages, { host: '127.0.0.1', port: 0 });
    const { port } = server.address() as AddressInfo;
    const ask = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${port}${path}`);
    const metrics = await (await ask('/metrics')).text();
    expect(metrics).toContain('keyturn_http_request_duration_seconds_bucket');
    expect(metrics).toContain('route="/healthz"');
    const again = servePages(pages, { host: '127.0.0.1', port });
    await expect(again.catch(takenPort('A_PORT'))).rejects.toThrow('A_PORT: something listens on that port');
    for (const path of ['/', '/metrics?x', '/v1/requests', '/docs'])
      expect((await ask(path)).status).toBe(404);
    server.closeAllConnections();
    server.close();
  });

  it('the keys verify what the API signs, and hold nothing private', async () => {
    const { body } = await api.http<JSONWebKeySet>({ path: '/v1/keys' });
    expect(body.keys.length).toBeGreaterThan(0);
    for (const key of body.keys) expect(key).not.toHaveProperty('d');
    const created = await api.create(await api.issuer.agentToken('agent-billing'));
    const handle = api.context.temporal.workflow.getHandle(String(created.body['id']));
    const started = (await handle.fetchHistory()).events?.[0]?.workflowExecutionStartedEventAttributes;
    const input = JSON.parse(Buffer.from(started?.input?.payloads?.[0]?.data ?? []).toString()) as {
      request: string;
    };
    await expect(compactVerify(input.request, createLocalJWKSet(body))).resolves.toBeDefined();
  });

  it('answers carry the headers that keep browsers from guessing', async () => {
    const { headers } = await api.http({ path: '/docs' });
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('x-powered-by')).toBeNull();
  });
});

describe('the published document', () => {
  it('names every operation, and no other', async () => {
    const { body } = await api.http<OpenApi>({ path: '/openapi.json' });
    expect(body.openapi).toBe('3.1.0');
    const documented = Object.entries(body.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    );
    const operations = Object.values(OPERATIONS).map(({ method, path }) => `${method} ${path}`);
    expect(documented.sort()).toEqual(operations.sort());
  });

  it('leaves answers room to grow, and none to what callers send', async () => {
    const { body } = await api.http<OpenApi>({ path: '/openapi.json' });
    const { schemas } = body.components;
    const parts = Object.entries(schemas);
    for (const [name, schema] of parts.filter(([name]) => name.endsWith('Body')))
      expect(schema, name).toMatchObject({ additionalProperties: false });
    const answered = Object.values(body.paths)
      .flatMap((methods) => Object.values(methods))
      .map((operation) => (operation as { responses: unknown }).responses);
    const answers = JSON.stringify(withReferences(answered, schemas));
    expect(answers).not.toMatch(/"additionalProperties":false|"enum":|"const":/);
  });

  it('names every object, so that generated types have names for people', async () => {
    const { body } = await api.http<OpenApi>({ path: '/openapi.json' });
    const inline = (schema: unknown, pointer: string): string[] => {
      if (typeof schema !== 'object' || schema === null) return [];
      const own = 'properties' in schema && !/^[^/]+$/.test(pointer) && !pointer.endsWith('/properties');
      const within = Object.entries(schema).flatMap(([key, part]) => inline(part, `${pointer}/${key}`));
      return own ? [pointer, ...within] : within;
    };
    expect(Object.entries(body.components.schemas).flatMap(([name, schema]) => inline(schema, name))).toEqual(
      [],
    );
    expect(inline(body.paths, '/paths')).toEqual([]);
  });

  it('says of every operation, parameter, header and field what it means', async () => {
    const { body } = await api.http<OpenApi>({ path: '/openapi.json' });
    const fields = Object.entries(body.components.schemas).flatMap(([name, schema]) => [
      [name, schema] as const,
      ...Object.entries((schema as { properties?: object }).properties ?? {}).map(
        ([field, part]) => [`${name}.${field}`, part as unknown] as const,
      ),
    ]);
    const isNamed = (part: Schema): boolean => '$ref' in part || isNamedOrNull(part);
    const isNamedOrNull = ({ anyOf = [] }: Schema): boolean =>
      (anyOf as Schema[]).some((part) => '$ref' in part);
    const isSilent = ([, part]: readonly [string, unknown]): boolean =>
      !isNamed(part as Schema) && !/\w{3}/.test(String((part as Schema)['description'] ?? ''));
    const operations = Object.values(body.paths).flatMap((methods) => Object.values(methods)) as Schema[];
    const parameters = operations.flatMap(({ operationId, parameters: own = [] }) =>
      (own as Schema[]).map((one) => [`${String(operationId)} ${String(one['name'])}`, one] as const),
    );
    const headers = Object.entries((body.components as unknown as { headers: object }).headers);
    expect([...fields, ...parameters, ...headers].filter(isSilent).map(([name]) => name)).toEqual([]);
    // Generators for Python look for it in the schema of a parameter.
    const schemas = parameters.map(([name, one]) => [name, one['schema']] as const);
    expect(schemas.filter(isSilent).map(([name]) => name)).toEqual([]);
  });

  it('says nothing in words that only some validators know', async () => {
    const { body } = await api.http<OpenApi>({ path: '/openapi.json' });
    const text = JSON.stringify(body);
    expect(text).not.toMatch(/"pattern":"[^"]*(\\\\p|\(\?)/i);
    expect(text).not.toMatch(/_ms":\{"type":"number"/);
    expect(text).not.toMatch(/"nullable"|\$defs|"propertyNames"/);
    const ids = [...text.matchAll(/"operationId":"([^"]+)"/g)].map((match) => match[1]);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^[a-z][A-Za-z]+$/);
  });

  it('says what the fields mean, and nothing beside a reference', async () => {
    const { body } = await api.http<OpenApi>({ path: '/openapi.json' });
    const { schemas } = body.components;
    const properties = (name: string): unknown => (schemas[name] as { properties: unknown }).properties;
    const description = expect.stringMatching(/\w{3}/);
    expect(properties('RequestSummary')).toMatchObject({
      status: { description },
      result: { description },
      failure: { description },
      requirement: { description },
    });
    expect(properties('RequestFailure')).toMatchObject({ code: { description } });
    expect(properties('Change')).toMatchObject({ entry: { description }, at: { format: 'date-time' } });
    expect(JSON.stringify(body)).not.toMatch(/"\$ref":"[^"]*","description"/);
  });

  it('is a page that needs nothing from elsewhere', async () => {
    const { body, headers } = await api.http<string>({ path: '/docs' });
    expect(headers.get('content-type')).toContain('text/html');
    expect(body).toContain('POST /v1/requests');
    for (const part of ['From start to end', 'an <code>application/problem+json</code>', '431', '408'])
      expect(body).toContain(part);
    expect(body).not.toMatch(/<script|src=|@import|https?:\/\//);
  });

  it('is a page whose links all lead somewhere: to bodies, headers and errors', async () => {
    const { body } = await api.http<string>({ path: '/docs' });
    const ids = new Set([...body.matchAll(/ id="([^"]+)"/g)].map((match) => match[1]));
    const links = new Set([...body.matchAll(/href="#([^"]+)"/g)].map((match) => match[1]));
    expect([...links].filter((id) => !ids.has(id))).toEqual([]);
    for (const id of ['schema-CreateRequestBody', 'schema-Request', 'header-ETag', 'code-self_approval'])
      expect(links, id).toContain(id);
  });

  it('says of every error that an operation may answer what a client does, and of no other', async () => {
    const { body } = await api.http<OpenApi & { 'x-keyturn-errors': object[] }>({ path: '/openapi.json' });
    const named = [...JSON.stringify(body.paths).matchAll(/"x-keyturn-codes":(\[[^\]]*\])/g)].flatMap(
      ([, codes = '']) => JSON.parse(codes) as ErrorCode[],
    );
    // Of an address, and so of no operation; and of one decision of several, which is no answer of its own.
    const codes = [...new Set<ErrorCode>([...named, 'method_not_allowed', 'not_in_batch'])].toSorted();
    const listed = body['x-keyturn-errors'];
    expect(listed).toHaveLength(codes.length);
    for (const code of codes)
      expect(listed).toContainEqual({
        code,
        status: statusOf(code),
        advice: expect.stringMatching(/\.$/) as string,
      });
  });
});

it('the catalogue says with which mode an action is asked for', async () => {
  const token = await api.issuer.humanToken('olga');
  const { body } = await api.http<ActionCatalogue>({ path: '/v1/actions', token });
  const modes = Object.fromEntries(body.items.map(({ action, mode }) => [action, mode]));
  expect(modes).toMatchObject({ 'postgres.execute': 'execute', 'keyturn.policy.publish': 'execute' });
});

describe('limits', () => {
  it('slow a caller down with 429 and Retry-After, and nobody else', async () => {
    const token = await api.issuer.agentToken('agent-dba');
    const replies = await Promise.all(
      Array.from({ length: 30 }, () => api.http({ path: '/v1/actions', token })),
    );
    const refused = replies.filter((reply) => reply.status === 429);
    expect(refused.length).toBeGreaterThan(0);
    expect(replies.length - refused.length).toBeGreaterThanOrEqual(10);
    expect(Number(refused[0]?.headers.get('retry-after'))).toBeGreaterThan(0);
    const other = await api.http({ path: '/v1/actions', token: await api.issuer.humanToken('omar') });
    expect(other.status).toBe(200);
  });

  it('let a caller come back after a while, and forget callers instead of growing', () => {
    let now = 0;
    const limiter = new RateLimiter(2, () => now);
    for (let index = 0; index < 4; index += 1) expect(limiter.take('a')).toBe(0);
    expect(limiter.take('a')).toBeCloseTo(0.5);
    now += 500;
    expect(limiter.take('a')).toBe(0);
    expect(limiter.take('a')).toBeGreaterThan(0);
    for (let index = 0; index < 20_000; index += 1) limiter.take(`other ${index}`);
    expect(limiter.take('a')).toBe(0);
  });
});

describe('variables', () => {
  it('that are missing or wrong are all named, without their values', () => {
    const environment = parse(
      '{ KEYTURN_API_PORT: "seventy", KEYTURN_DATABASE_URL: "", KEYTURN_LOG_LEVEL: "loud-secret" }',
    );
    const message = messageOf(() => readApiConfiguration(environment as NodeJS.ProcessEnv));
    for (const name of [
      'KEYTURN_API_PORT',
      'KEYTURN_DATABASE_URL',
      'KEYTURN_SIGNING_KEY',
      'KEYTURN_LOG_LEVEL',
    ]) {
      expect(message).toContain(name);
    }
    expect(message).not.toMatch(/seventy|loud-secret/);
  });
});

/** A part of the document with all that it refers to. */
function withReferences(part: unknown, schemas: OpenApi['components']['schemas']): readonly unknown[] {
  const names = new Set<string>();
  const collect = (text: string): void => {
    for (const [, name = ''] of text.matchAll(/#\/components\/schemas\/(\w+)/g)) {
      if (names.has(name)) continue;
      names.add(name);
      collect(JSON.stringify(schemas[name]));
    }
  };
  collect(JSON.stringify(part));
  return [part, ...[...names].map((name) => schemas[name])];
}

function messageOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return (error as Error).message;
  }
  return '';
}
