import { afterEach, describe, expect, it } from 'vitest';

import { KeyturnClient, KeyturnProblem } from '../../sdk/client.ts';
import type { TransportOptions } from '../../sdk/transport.ts';
import { parseEvents, type ServerSentEvent } from '../../sdk/events.ts';
import { problem, startServer, type AnsweringServer, type Received, type Reply } from './server.ts';
import { requestView } from './view.ts';

let server: AnsweringServer | undefined;

afterEach(async () => {
  await server?.stop();
  server = undefined;
});

async function clientFor(answer: (call: Received, index: number) => Reply): Promise<KeyturnClient> {
  server = await startServer(answer);
  return new KeyturnClient({ baseUrl: server.url, token: 'token-1' });
}

const SUBMISSION = { action: 'postgres.execute', target: 'shop', arguments: { sql: 'select 1' } };

describe('options', () => {
  it('that nothing reads are refused by name, with those that there are', async () => {
    const wrong = { url: 'http://127.0.0.1', token: 't' } as unknown as TransportOptions;
    expect(() => new KeyturnClient(wrong)).toThrow(/no option `url`.*baseUrl, token/);
    expect(() => new KeyturnClient({ token: 't' } as TransportOptions)).toThrow(/needs a `baseUrl`/);
    const client = await clientFor(() => ({ status: 201, body: requestView() }));
    const misspelt = { idempotency_key: 'k' } as object;
    await expect(client.request(SUBMISSION, misspelt)).rejects.toThrow(
      /request\(\) has no option `idempotency_key`.*idempotencyKey/,
    );
    await expect(client.untilDecided('req_1', { timeout: 5 } as object)).rejects.toThrow(/timeoutMs/);
    expect(server?.received).toEqual([]);
  });
});

describe('asking', () => {
  it('sends token, key and wait, and tells a new request from a repeated one', async () => {
    const client = await clientFor((_call, index) => ({
      status: index === 0 ? 201 : 200,
      body: requestView(),
    }));
    const first = await client.request(SUBMISSION, { idempotencyKey: 'k', waitSeconds: 7 });
    const second = await client.request(SUBMISSION, { idempotencyKey: 'k' });
    expect([first, second]).toMatchObject([
      { kind: 'recorded', isRepeat: false },
      { kind: 'recorded', isRepeat: true },
    ]);
    expect(server?.received[0]).toMatchObject({
      method: 'POST',
      path: '/v1/requests',
      headers: { authorization: 'Bearer token-1', 'idempotency-key': 'k', prefer: 'wait=7' },
      body: JSON.stringify(SUBMISSION),
    });
  });

  it('says that a request is kept but not recorded yet', async () => {
    const client = await clientFor(() => ({ status: 202, body: { id: 'req_1', status: 'planning' } }));
    expect(await client.request(SUBMISSION)).toEqual({ kind: 'queued', id: 'req_1' });
  });

  it('comes back with the same key after 503 and 429, when the server says', async () => {
    const refusals = [
      problem(503, 'unavailable', { 'retry-after': '0' }),
      problem(429, 'rate_limited', { 'retry-after': '0' }),
    ];
    const client = await clientFor((_call, index) => refusals[index] ?? { status: 201, body: requestView() });
    expect((await client.request(SUBMISSION)).kind).toBe('recorded');
    const keys = server?.received.map((call) => call.headers['idempotency-key']) ?? [];
    expect(keys).toHaveLength(3);
    expect(new Set(keys).size).toBe(1);
  });

  it('gives a fresh key to each request that has none', async () => {
    const client = await clientFor(() => ({ status: 201, body: requestView() }));
    await client.request(SUBMISSION);
    await client.request(SUBMISSION);
    expect(new Set(server?.received.map((call) => call.headers['idempotency-key'])).size).toBe(2);
  });

  it('sends a key of any script as UTF-8', async () => {
    const client = await clientFor(() => ({ status: 201, body: requestView() }));
    await client.request(SUBMISSION, { idempotencyKey: 'ключ-1' });
    const sent = String(server?.received[0]?.headers['idempotency-key']);
    expect(Buffer.from(sent, 'latin1').toString('utf8')).toBe('ключ-1');
  });

  it('does not obey a pause that is too long, and tells it', async () => {
    const client = await clientFor(() => problem(503, 'unavailable', { 'retry-after': '3600' }));
    await expect(client.request(SUBMISSION)).rejects.toMatchObject({
      code: 'unavailable',
      retryAfterMs: 3_600_000,
    });
    expect(server?.received).toHaveLength(1);
  });

  it('gives up after a few refusals', async () => {
    const client = await clientFor(() => problem(503, 'unavailable', { 'retry-after': '0' }));
    await expect(client.request(SUBMISSION)).rejects.toBeInstanceOf(KeyturnProblem);
    expect(server?.received).toHaveLength(4);
  });
});

describe('deciding', () => {
  const decision = { decision_digest: `sha256:${'2'.repeat(64)}`, verdict: 'approve' as const };

  it('tells a counted decision from one that is only kept', async () => {
    const counted = {
      decision: { id: 'dec_1', outcome: 'counted' },
      request: requestView({ status: 'approved' }),
    };
    const queued = { decision: { id: 'dec_2' }, state: 'queued, not counted yet' };
    const client = await clientFor((_call, index) =>
      index === 0 ? { status: 200, body: counted } : { status: 202, body: queued },
    );
    expect(await client.decide('req_1', decision)).toMatchObject({ kind: 'counted' });
    expect(await client.decide('req_1', decision)).toEqual({ kind: 'queued', id: 'dec_2' });
  });

  it('is made again after 503 with the same key, so that it counts once, as are all calls with an effect', async () => {
    const scope = { kind: 'all', value: null } as const;
    const calls: ((client: KeyturnClient) => Promise<unknown>)[] = [
      (client) => client.decide('req_1', decision),
      (client) => client.withdraw('req_1'),
      (client) => client.throwSwitch(scope, 'a drill'),
    ];
    for (const call of calls) {
      const client = await clientFor((_call, index) =>
        index === 0
          ? problem(503, 'unavailable', { 'retry-after': '0' })
          : { status: 200, body: { decision: {} } },
      );
      await call(client);
      const keys = server?.received.map(({ headers }) => headers['idempotency-key']) ?? [];
      expect([keys.length, new Set(keys).size]).toEqual([2, 1]);
      expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/);
      await server?.stop();
    }
  });

  it('takes a key of the caller, under which it may be made again after a crash', async () => {
    const client = await clientFor(() => ({ status: 200, body: { decision: {} } }));
    await client.decide('req_1', decision, { idempotencyKey: 'mine' });
    expect(server?.received[0]?.headers['idempotency-key']).toBe('mine');
  });

  it('tells refusals by their code', async () => {
    const client = await clientFor(() => problem(403, 'self_approval'));
    await expect(client.decide('req_1', decision)).rejects.toMatchObject({
      code: 'self_approval',
      detail: 'Because.',
    });
  });

  it('cannot be made to call another path by an id', async () => {
    const client = await clientFor(() => ({ status: 200, body: requestView() }));
    await client.show('../keys?x=');
    expect(server?.received[0]?.path).toBe('/v1/requests/..%2Fkeys%3Fx%3D');
  });
});

describe('waiting', () => {
  it('asks for the next version until it is decided', async () => {
    const views = [
      requestView({ version: 1, status: 'planning' }),
      requestView({ version: 2 }),
      requestView({ version: 2 }),
      requestView({ version: 3, status: 'approved' }),
    ];
    const client = await clientFor((_call, index) => ({ status: 200, body: views[index] }));
    expect((await client.untilDecided('req_1')).status).toBe('approved');
    expect(server?.received.map((call) => new URL(call.path, 'http://x').search)).toEqual([
      '',
      '?wait=60&version=1',
      '?wait=60&version=2',
      '?wait=60&version=2',
    ]);
  });

  it('yields each version once, until nothing can happen any more', async () => {
    const views = [2, 2, 4, 5].map((version) =>
      requestView({ version, status: version === 5 ? 'succeeded' : 'approved' }),
    );
    const client = await clientFor((_call, index) => ({ status: 200, body: views[index] }));
    const versions: number[] = [];
    for await (const view of client.watch('req_1')) versions.push(view.version);
    expect(versions).toEqual([2, 4, 5]);
  });

  it('takes a status that it does not know as one that something follows', async () => {
    const newer = requestView({ version: 1, status: 'paused' as 'pending' });
    const views = [newer, requestView({ version: 2, status: 'succeeded' })];
    const client = await clientFor((_call, index) => ({ status: 200, body: views[index % 2] }));
    expect((await client.untilDecided('req_1')).status).toBe('succeeded');
    expect((await client.untilFinished('req_1')).status).toBe('succeeded');
  });

  it('goes on where the server has no room for calls that wait, or for any', async () => {
    const isTaken = (path: string, index: number): boolean => path.includes('wait=') || index < 5;
    const client = await clientFor(({ path }, index) => {
      if (isTaken(path, index)) return problem(429, 'rate_limited', { 'retry-after': '0' });
      const isDone = index > 11;
      const body = isDone ? requestView({ version: 3, status: 'approved' }) : requestView({ version: 2 });
      return { status: 200, body };
    });
    expect((await client.untilDecided('req_1')).status).toBe('approved');
  });

  it('ends with the last refusal, or with what is known, when the time is up meanwhile', async () => {
    const client = await clientFor((_call, index) =>
      index === 0
        ? { status: 200, body: requestView() }
        : problem(429, 'rate_limited', { 'retry-after': '0' }),
    );
    expect((await client.untilDecided('req_1', { timeoutMs: 100 })).status).toBe('pending');
    await expect(client.untilDecided('req_1', { timeoutMs: 100 })).rejects.toMatchObject({ status: 429 });
  });

  it('returns the request as it stands when the time is up', async () => {
    const client = await clientFor(() => ({ status: 200, body: requestView() }));
    expect((await client.untilDecided('req_1', { timeoutMs: 1 })).status).toBe('pending');
  });
});

it('a refusal says which call it was of', async () => {
  const client = await clientFor(() => problem(403, 'forbidden', { 'x-request-id': 'call-7' }));
  await expect(client.show('req_1')).rejects.toMatchObject({ code: 'forbidden', requestId: 'call-7' });
});

describe('answers that are no problem documents', () => {
  it.each([['<html>Bad gateway</html>'], ['null'], ['{}']])(
    'become a refusal with the status (%s)',
    async (body) => {
      const client = await clientFor(() => ({ status: 502, body }));
      await expect(client.actions()).rejects.toMatchObject({ code: 'http_502', status: 502 });
    },
  );

  it('never follows a redirect with the token', async () => {
    const client = await clientFor(() => ({
      status: 302,
      body: {},
      headers: { location: 'http://127.0.0.1:1/' },
    }));
    await expect(client.withdraw('req_1')).rejects.toMatchObject({ code: 'http_302' });
    expect(server?.received).toHaveLength(1);
  });
});

describe('the stream of changes', () => {
  it('resumes after the last event when the connection breaks', async () => {
    const change = (id: number): string =>
      `id: ${id}\nevent: request.changed\ndata: {"entry":${id},"request":"req_1","type":"t","at":"2026-01-05T10:00:00Z"}\n\n`;
    const client = await clientFor((_call, index) => ({
      status: 200,
      body: `: hello\n\n${change(index + 1)}`,
      headers: { 'content-type': 'text/event-stream' },
    }));
    const ids: string[] = [];
    for await (const event of client.events({ after: '0', request: 'req_1' })) {
      ids.push(event.id);
      if (ids.length === 2) break;
    }
    expect(ids).toEqual(['1', '2']);
    expect(server?.received.map((call) => call.headers['last-event-id'])).toEqual(['0', '1']);
    expect(server?.received[0]?.path).toBe('/v1/events?request=req_1');
  });

  it('resumes where it stood, whatever is brought again, and yields nothing twice', async () => {
    const change = (position: number, entry: number): string =>
      `id: ${position}\nevent: request.changed\ndata: {"entry":${entry},"request":"r","type":"t","at":"x"}\n\n`;
    const streams = [
      // Cut before the first change.
      'event: open\nid: 7\ndata: {}\n\n',
      `event: open\nid: 7\ndata: {}\n\n${change(9, 9)}`,
      // Replayed from further back than it stood.
      `event: open\nid: 3\ndata: {}\n\n${change(3, 4)}${change(3, 9)}${change(11, 11)}`,
      `event: reset\nid: 40\ndata: {"reason":"too_far_behind"}\n\n${change(41, 41)}`,
    ];
    const client = await clientFor((_call, index) => ({
      status: 200,
      body: streams[index] ?? '',
      headers: { 'content-type': 'text/event-stream' },
    }));
    const entries: number[] = [];
    let resets = 0;
    for await (const { change: changed } of client.events({ onReset: () => (resets += 1) })) {
      entries.push(changed.entry);
      if (changed.entry === 41) break;
    }
    expect(entries).toEqual([9, 4, 11, 41]);
    expect(resets).toBe(1);
    const resumed = server?.received.map((call) => call.headers['last-event-id']);
    expect(resumed).toEqual([undefined, '7', '9', '11']);
  });

  it('goes on with a log that was restored: from its position, with its changes, though their numbers were there', async () => {
    const change = (entry: number, request: string): string =>
      `id: ${entry}\nevent: request.changed\ndata: {"entry":${entry},"request":"${request}","type":"t","at":"x"}\n\n`;
    const streams = [
      `event: open\nid: 7\ndata: {}\n\n${change(8, 'lost')}${change(9, 'lost too')}`,
      `event: open\nid: 7\ndata: {}\n\nevent: reset\nid: 7\ndata: {"reason":"ahead_of_log"}\n\n${change(8, 'new')}`,
      `event: open\nid: 8\ndata: {}\n\n${change(9, 'newer')}`,
    ];
    const client = await clientFor((_call, index) => ({
      status: 200,
      body: streams[index] ?? '',
      headers: { 'content-type': 'text/event-stream' },
    }));
    const requests: string[] = [];
    for await (const { change: changed } of client.events()) {
      requests.push(changed.request);
      if (requests.length === 4) break;
    }
    expect(requests).toEqual(['lost', 'lost too', 'new', 'newer']);
    expect(server?.received.map((call) => call.headers['last-event-id'])).toEqual([undefined, '9', '8']);
  });

  it('ends with a refusal', async () => {
    const client = await clientFor(() => problem(401, 'unauthenticated'));
    await expect(client.events().next()).rejects.toMatchObject({ code: 'unauthenticated' });
  });

  it('ends where no token can be had', async () => {
    server = await startServer(() => problem(401, 'unauthenticated'));
    const token = (): Promise<string> => Promise.reject(new Error('The sign-in has expired.'));
    const client = new KeyturnClient({ baseUrl: server.url, token });
    await expect(client.events().next()).rejects.toThrow('The sign-in has expired.');
    expect(server.received).toEqual([]);
  });

  it('is parsed alike, however the bytes are split', async () => {
    const bytes = new TextEncoder().encode(
      'id: 1\r\nevent: a\r\ndata: {"x":\r\ndata: "ü"}\r\n\r\n:ping\n\ndata:2\n\n',
    );
    for (const size of [1, 2, 3, 7, bytes.length]) {
      const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
        bytes.slice(at * size, (at + 1) * size),
      );
      const events: ServerSentEvent[] = [];
      for await (const event of parseEvents(ReadableStream.from(chunks))) events.push(event);
      expect(events).toEqual([
        { id: '1', type: 'a', data: '{"x":\n"ü"}' },
        { id: '', type: 'message', data: '2' },
      ]);
    }
  });
});
