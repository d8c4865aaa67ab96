import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { ChangeFeed, type FeedEntry } from '../../database/change-feed.ts';
import { parseEvents, type ServerSentEvent } from '../../sdk/events.ts';
import type { RequestView } from '../../domain/wire.ts';
import { startApi, type TestApi } from './api.ts';
import { announce, storeEntry, storeRequest } from './rows.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(async () => {
  await api.stop();
});

interface Stream {
  readonly events: ServerSentEvent[];
  close(): Promise<void>;
}

async function openStream(token: string, headers: Record<string, string> = {}, query = ''): Promise<Stream> {
  const controller = new AbortController();
  const response = await fetch(`${api.url}/v1/events${query}`, {
    headers: { authorization: `Bearer ${token}`, ...headers },
    signal: controller.signal,
  });
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toContain('text/event-stream');
  const events: ServerSentEvent[] = [];
  const reading = (async () => {
    for await (const event of parseEvents(response.body ?? new ReadableStream())) events.push(event);
  })().catch(() => {});
  return {
    events,
    close: async () => {
      controller.abort();
      await reading;
    },
  };
}

function idsOf(stream: Stream): number[] {
  return stream.events.map((event) => Number(event.id));
}

describe('waiting for a change', () => {
  it('answers as soon as the request changes', async () => {
    const { id } = await storeRequest(api);
    const token = await api.issuer.humanToken('olga');
    const started = performance.now();
    const waiting = api.http<RequestView>({ path: `/v1/requests/${id}?wait=30&version=1`, token });
    await api.db.query(`update keyturn.request set status = 'approved', version = 2 where id = $1`, [id]);
    await announce(api, id);
    expect((await waiting).body).toMatchObject({ status: 'approved', version: 2 });
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  it('answers at once when the version is newer or the request is over', async () => {
    const token = await api.issuer.humanToken('olga');
    const pending = await storeRequest(api);
    const over = await storeRequest(api, { status: 'denied' });
    const started = performance.now();
    await api.http({ path: `/v1/requests/${pending.id}?wait=30&version=0`, token });
    await api.http({ path: `/v1/requests/${over.id}?wait=30`, token });
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  it('answers with the unchanged request when the time is up', async () => {
    const { id } = await storeRequest(api);
    const reply = await api.http({
      path: `/v1/requests/${id}?wait=1`,
      token: await api.issuer.humanToken('olga'),
    });
    expect(reply).toMatchObject({ status: 200, body: { status: 'pending', version: 1 } });
  });

  it('finds a change that nobody announced', async () => {
    const { id } = await storeRequest(api);
    const token = await api.issuer.humanToken('olga');
    const waiting = api.http<RequestView>({ path: `/v1/requests/${id}?wait=30`, token });
    await api.db.query(`update keyturn.request set status = 'approved', version = 2 where id = $1`, [id]);
    await storeEntry(api, id, 'request.approved');
    expect((await waiting).body.version).toBe(2);
  });
});

describe('the event stream', () => {
  it('tells of changes with id, type, request and status', async () => {
    const { id } = await storeRequest(api);
    const stream = await openStream(await api.issuer.humanToken('olga'), {}, `?request=${id}`);
    const entry = await storeEntry(api, id, 'request.pending');
    await announce(api, id);
    await expect.poll(() => stream.events.length, { timeout: 10_000 }).toBe(1);
    const [event] = stream.events;
    expect(event).toMatchObject({ id: String(entry), type: 'request.changed' });
    expect(JSON.parse(event?.data ?? '')).toMatchObject({
      request: id,
      type: 'request.pending',
      status: 'pending',
    });
    await stream.close();
  });

  it('resumes after the last event without a gap and tells nothing twice', async () => {
    const { id } = await storeRequest(api);
    const token = await api.issuer.humanToken('olga');
    const entries = [];
    for (let index = 0; index < 5; index += 1) entries.push(await storeEntry(api, id, 'request.escalated'));
    const stream = await openStream(token, { 'last-event-id': String(entries[1]) }, `?request=${id}`);
    // Replayed from the log before the feed of the process was told of them; then the feed brings them, too.
    await expect.poll(() => idsOf(stream), { timeout: 10_000 }).toContain(entries[4]);
    entries.push(await storeEntry(api, id, 'request.approved'));
    await announce(api, id);
    await expect.poll(() => idsOf(stream), { timeout: 10_000 }).toContain(entries[5]);
    for (const missed of entries.slice(2)) expect(idsOf(stream)).toContain(missed);
    expect(new Set(idsOf(stream)).size).toBe(stream.events.length);
    await stream.close();
  });

  it('tells of an entry that was committed after a later one', async () => {
    const { id } = await storeRequest(api);
    const other = await storeRequest(api);
    const stream = await openStream(await api.issuer.humanToken('olga'));
    await api.db.query('begin');
    const early = await storeEntry(api, id, 'request.escalated');
    const second = await startSecondWriter(other.id);
    await expect.poll(() => idsOf(stream), { timeout: 10_000 }).toContain(second);
    expect(second).toBeGreaterThan(early);
    expect(idsOf(stream)).not.toContain(early);
    await api.db.query('commit');
    await announce(api, id);
    await expect.poll(() => idsOf(stream), { timeout: 10_000 }).toContain(early);
    await stream.close();
  });

  it('tells agents of their own requests only', async () => {
    const own = await storeRequest(api, { agent: 'agent-dba' });
    const other = await storeRequest(api);
    const stream = await openStream(await api.issuer.agentToken('agent-dba'));
    await storeEntry(api, other.id, 'request.approved');
    const entry = await storeEntry(api, own.id, 'request.approved');
    await announce(api, own.id);
    await expect.poll(() => idsOf(stream), { timeout: 10_000 }).toEqual([entry]);
    await stream.close();
  });

  it('ends with the token', async () => {
    const seconds = Math.floor(Date.now() / 1_000);
    const token = await api.issuer.humanToken('olga', { exp: seconds + 1 });
    const response = await fetch(`${api.url}/v1/events`, { headers: { authorization: `Bearer ${token}` } });
    expect(await response.text()).toContain('open');
  });

  it('is limited to a number of streams for one caller', async () => {
    const token = await api.issuer.humanToken('petra');
    const streams = [];
    for (let index = 0; index < 20; index += 1) streams.push(await openStream(token));
    const refused = await api.http({ path: '/v1/events', token });
    expect(refused).toMatchObject({ status: 429, body: { code: 'rate_limited' } });
    for (const stream of streams) await stream.close();
    await expect.poll(async () => (await openStream(token)).close(), { timeout: 10_000 }).toBeUndefined();
  });
});

describe('the change feed of a process', () => {
  it('keeps telling of changes after its connection was cut', async () => {
    const problems: unknown[] = [];
    const feed = new ChangeFeed({
      url: `${api.databases.keyturn.api}?application_name=cut-me`,
      manager: api.context.source.manager,
      onProblem: (error) => problems.push(error),
      onLag: () => {},
      pollMs: 3_600_000,
    });
    await feed.start();
    const seen: FeedEntry[] = [];
    feed.subscribe((entry) => seen.push(entry));
    await api.db.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where query = 'listen keyturn_change'`,
    );
    await expect.poll(() => problems.length, { timeout: 10_000 }).toBeGreaterThan(0);
    const { id } = await storeRequest(api);
    const entry = await storeEntry(api, id, 'request.pending');
    await expect
      .poll(
        async () => {
          await announce(api, id);
          return seen.map((one) => one.id);
        },
        { timeout: 15_000 },
      )
      .toContain(entry);
    await feed.stop();
  });
});

/** Another connection commits an entry while the transaction of `api.db` stays open. */
async function startSecondWriter(request: string): Promise<number> {
  const { Client } = await import('pg');
  const client = new Client({ connectionString: api.databases.keyturn.admin });
  await client.connect();
  const entry = await storeEntry({ ...api, db: client }, request, 'request.approved');
  await announce({ ...api, db: client }, request);
  await client.end();
  return entry;
}
