import { Client } from 'pg';
import type { EntityManager } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { ChangeFeed } from '../../database/change-feed.ts';
import { readAgain, type FeedEntry } from '../../database/feed-entries.ts';
import { parseEvents, type ServerSentEvent } from '../../sdk/events.ts';
import type { RequestView } from '../../contract/requests.ts';
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

/** The numbers of the changes, as they came. */
function idsOf(stream: Stream): number[] {
  return changesOf(stream).map((event) => (JSON.parse(event.data) as { entry: number }).entry);
}

function changesOf(stream: Stream): ServerSentEvent[] {
  return stream.events.filter((event) => event.type === 'request.changed');
}

/** Where a reader would resume. */
function positionOf(stream: Stream): string {
  return stream.events.at(-1)?.id ?? '';
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
    const waiting = api.http<RequestView>({ path: `/v1/requests/${id}?wait=30&version=1`, token });
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
    await expect.poll(() => idsOf(stream), { timeout: 10_000 }).toEqual([entry]);
    const [event] = changesOf(stream);
    expect(event?.id).toMatch(/^\d+$/);
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
    // Replayed from the log before the feed of the process was notified of them; then the feed brings them, too.
    await expect.poll(() => idsOf(stream), { timeout: 10_000 }).toContain(entries[4]);
    entries.push(await storeEntry(api, id, 'request.approved'));
    await announce(api, id);
    await expect.poll(() => idsOf(stream), { timeout: 10_000 }).toContain(entries[5]);
    for (const missed of entries.slice(2)) expect(idsOf(stream)).toContain(missed);
    expect(new Set(idsOf(stream)).size).toBe(idsOf(stream).length);
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

  it('opens with the position from which a reader that was cut off before its first event resumes', async () => {
    const token = await api.issuer.humanToken('olga');
    const { id } = await storeRequest(api);
    const cut = await openStream(token);
    await expect.poll(() => cut.events.length, { timeout: 10_000 }).toBeGreaterThan(0);
    expect(cut.events[0]).toMatchObject({ type: 'open', data: '{}' });
    const position = positionOf(cut);
    await cut.close();
    const missed = await storeEntry(api, id, 'request.approved');
    const again = await openStream(token, { 'last-event-id': position });
    await expect.poll(() => idsOf(again), { timeout: 10_000 }).toContain(missed);
    await again.close();
  });

  it('never loses an entry whose commit is slower than many later ones, for one who was cut off meanwhile', async () => {
    const { id } = await storeRequest(api);
    const other = await storeRequest(api);
    const token = await api.issuer.humanToken('olga');
    const cut = await openStream(token);
    await api.db.query('begin');
    const slow = await storeEntry(api, id, 'request.escalated');
    const last = await withSecondWriter(async (writer) => {
      let newest = 0;
      for (let count = 0; count < 700; count += 1)
        newest = await storeEntry(writer, other.id, 'request.escalated');
      await announce(writer, other.id);
      return newest;
    });
    await expect.poll(() => idsOf(cut), { timeout: 20_000 }).toContain(last);
    const position = positionOf(cut);
    await cut.close();
    expect(Number(position)).toBeLessThan(slow);
    await api.db.query('commit');
    const again = await openStream(token, { 'last-event-id': position });
    await expect.poll(() => idsOf(again), { timeout: 20_000 }).toContain(slow);
    expect(new Set(idsOf(again)).size).toBe(idsOf(again).length);
    await again.close();
  });

  it('moves on past a number that was rolled back', async () => {
    const { id } = await storeRequest(api);
    const stream = await openStream(await api.issuer.humanToken('olga'), {}, `?request=${id}`);
    await api.db.query('begin');
    const lost = await storeEntry(api, id, 'request.escalated');
    await api.db.query('rollback');
    await expect
      .poll(
        async () => {
          await storeEntry(api, id, 'request.approved');
          await announce(api, id);
          return Number(positionOf(stream));
        },
        { timeout: 20_000, interval: 300 },
      )
      .toBeGreaterThan(lost);
    await stream.close();
  });

  it('tells who was away for long to list again, and reads nothing of the log for it', async () => {
    const { id } = await storeRequest(api);
    const settled = api.context.feed.settled;
    // As if so many entries had been written since: the numbers alone count.
    await api.db.query(`select setval(pg_get_serial_sequence('audit.entry', 'id'), $1)`, [settled + 30_000]);
    const entry = await storeEntry(api, id, 'request.approved');
    await announce(api, id);
    await expect.poll(() => api.context.feed.settled > settled + 20_000, { timeout: 20_000 }).toBe(true);
    const stream = await openStream(await api.issuer.humanToken('olga'), { 'last-event-id': '0' });
    await expect.poll(() => stream.events.map(({ type }) => type), { timeout: 10_000 }).toContain('reset');
    expect(idsOf(stream)).not.toContain(entry);
    expect(Number(positionOf(stream))).toBeGreaterThan(settled);
    const next = await storeEntry(api, id, 'request.approved');
    await announce(api, id);
    await expect.poll(() => idsOf(stream), { timeout: 10_000 }).toEqual([next]);
    await stream.close();
  });

  it('tells who comes with a position ahead of the log to list again, and goes on from there', async () => {
    const { id } = await storeRequest(api);
    const stream = await openStream(await api.issuer.humanToken('olga'), { 'last-event-id': '999999999999' });
    await expect
      .poll(() => stream.events.find(({ type }) => type === 'reset')?.data, { timeout: 10_000 })
      .toBe('{"reason":"ahead_of_log"}');
    expect(Number(positionOf(stream))).toBeLessThan(999_999_999_999);
    const next = await storeEntry(api, id, 'request.approved');
    await announce(api, id);
    await expect.poll(() => idsOf(stream), { timeout: 10_000 }).toEqual([next]);
    await stream.close();
  });

  it('replays to an agent what it may know of, read in the database', async () => {
    const own = await storeRequest(api, { agent: 'agent-dba' });
    const other = await storeRequest(api);
    const position = String(api.context.feed.settled);
    const mine = await storeEntry(api, own.id, 'request.approved');
    await storeEntry(api, other.id, 'request.approved');
    const stream = await openStream(await api.issuer.agentToken('agent-dba'), { 'last-event-id': position });
    await expect.poll(() => idsOf(stream), { timeout: 10_000 }).toEqual([mine]);
    const { issuer } = api;
    const read = await readAgain(api.context.source.manager, {
      after: Number(position),
      request: null,
      lineage: { issuer: issuer.url, subject: 'agent-dba' },
    });
    expect(read.map((entry) => entry.id)).toEqual([mine]);
    await stream.close();
  });

  it('is for accounts that the directory knows', async () => {
    const refused = await api.http({ path: '/v1/events', token: await api.issuer.humanToken('stranger') });
    expect(refused).toMatchObject({ status: 403, body: { code: 'forbidden' } });
  });

  it('tells agents of their own requests only', async () => {
    // No other test has requests of this agent: nothing else may come.
    const own = await storeRequest(api, { agent: 'agent-assistant' });
    const others = [await storeRequest(api), await storeRequest(api, { agent: 'agent-dba' })];
    const stream = await openStream(await api.issuer.agentToken('agent-assistant'));
    for (const other of others) await storeEntry(api, other.id, 'request.approved');
    const entry = await storeEntry(api, own.id, 'request.approved');
    for (const other of others) await storeEntry(api, other.id, 'request.denied');
    const last = await storeEntry(api, own.id, 'request.withdrawn');
    await announce(api, own.id);
    await expect.poll(() => idsOf(stream), { timeout: 10_000 }).toContain(last);
    expect(idsOf(stream)).toEqual([entry, last]);
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

  it('waits for a transaction that took its number while the process looked where to start', async () => {
    const [slow, quick] = [await storeRequest(api), await storeRequest(api)];
    await storeEntry(api, slow.id, 'request.pending');
    const open = { entry: 0, passes: 0 };
    const feed = new ChangeFeed({
      url: api.databases.keyturn.api,
      manager: observedManager(async (text) => {
        if (text.includes('pg_current_snapshot')) open.passes += 1;
        if (!text.includes('max(id)')) return;
        await api.db.query('begin');
        open.entry = await storeEntry(api, slow.id, 'request.approved');
        await withSecondWriter((writer) => storeEntry(writer, quick.id, 'request.approved'));
      }),
      onProblem: () => {},
      onLag: () => {},
      pollMs: 50,
    });
    await feed.start();
    const seen: number[] = [];
    feed.subscribe((entry) => seen.push(entry.id));
    // Each pass is 50 ms at least: longer than what is missing is waited for once nobody can bring it.
    await expect.poll(() => open.passes, { timeout: 30_000 }).toBeGreaterThan(40);
    expect(feed.settled).toBeLessThan(open.entry);
    await api.db.query('commit');
    await expect.poll(() => seen, { timeout: 10_000 }).toContain(open.entry);
    await feed.stop();
  });
});

/** The manager of the API, with `before` called ahead of each query. */
function observedManager(before: (text: string) => Promise<void>): EntityManager {
  const { manager } = api.context.source;
  const query = async (text: string, values?: unknown[]): Promise<unknown> => {
    await before(text);
    return manager.query(text, values);
  };
  return new Proxy(manager, {
    get: (target, name): unknown => (name === 'query' ? query : Reflect.get(target, name)),
  });
}

/** Another connection commits an entry while the transaction of `api.db` stays open. */
async function startSecondWriter(request: string): Promise<number> {
  return withSecondWriter(async (writer) => {
    const entry = await storeEntry(writer, request, 'request.approved');
    await announce(writer, request);
    return entry;
  });
}

async function withSecondWriter<Result>(work: (writer: TestApi) => Promise<Result>): Promise<Result> {
  const client = new Client({ connectionString: api.databases.keyturn.admin });
  await client.connect();
  try {
    return await work({ ...api, db: client });
  } finally {
    await client.end();
  }
}
