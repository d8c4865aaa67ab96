import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Change } from '../../../contract/changes.ts';
import type { RequestView } from '../../../contract/requests.ts';
import { parseEvents } from '../../../sdk/events.ts';
import { waitFor } from '../../stack/wait.ts';
import { openCast, raiseLimit, refusal, type Cast } from './cast.ts';

let cast: Cast;

beforeAll(async () => {
  cast = await openCast();
});

afterAll(async () => cast?.stack.stop());

async function poll(id: string, query: string): Promise<{ view: RequestView; tookMs: number }> {
  const startedAt = performance.now();
  const { body } = await cast.get<RequestView>(cast.olga, `/v1/requests/${id}?${query}`);
  return { view: body, tookMs: performance.now() - startedAt };
}

describe('a long poll', () => {
  it('answers with the first change after the version that the reader has', async () => {
    const request = await cast.ask({ target: 'shop-two-people' });
    const waiting = poll(request.id, `wait=30&version=${request.version}`);
    const decided = await cast.stack.decide(cast.dmitri, request.id);
    expect(decided.status).toBe(200);
    const { view, tookMs } = await waiting;
    expect(view.version).toBeGreaterThan(request.version);
    expect([view.status, view.progress?.rules[0]?.stages[0]?.filled]).toEqual(['pending', 1]);
    expect(tookMs).toBeLessThan(20_000);
  });

  it('answers at once when there is something newer, or when nothing can change any more', async () => {
    const request = await cast.ask();
    const newer = await poll(request.id, `wait=30&version=${request.version - 1}`);
    expect(newer.view.version).toBe(request.version);
    await cast.stack.decide(cast.dmitri, request.id, { verdict: 'deny' });
    const over = await poll(request.id, 'wait=30&version=999999');
    expect([over.view.status, over.tookMs < 10_000, newer.tookMs < 10_000]).toEqual(['denied', true, true]);
  });

  it('gives up after the time that was asked for', async () => {
    const request = await cast.ask();
    const { view, tookMs } = await poll(request.id, `wait=1&version=${request.version}`);
    expect(view.version).toBe(request.version);
    expect(tookMs).toBeGreaterThanOrEqual(900);
  });

  it.each(['wait=61', 'wait=-1', 'version=x', 'wait=1&wait=2'])('refuses %s', async (query) => {
    const reply = await cast.get(cast.olga, `/v1/requests/req_aaaaaaaaaaaaaaaaaaaaaaaaaa?${query}`);
    expect(refusal(reply)).toEqual([400, 'invalid_request']);
  });
});

/** A reader of the event stream that can hang up and come back. */
class Reader {
  readonly seen = new Map<number, Change>();
  readonly #token: string;
  readonly #query: string;
  #lastId: string | undefined;
  #connection = new AbortController();
  #reading: Promise<void> = Promise.resolve();

  constructor(token: string, query = '') {
    this.#token = token;
    this.#query = query;
  }

  /** Resumes after the last event that was seen. */
  async connect(): Promise<void> {
    this.#connection = new AbortController();
    const response = await fetch(`${cast.stack.apis[0]?.url}/v1/events${this.#query}`, {
      headers: {
        authorization: `Bearer ${this.#token}`,
        ...(this.#lastId === undefined ? {} : { 'last-event-id': this.#lastId }),
      },
      signal: this.#connection.signal,
    });
    if (response.status !== 200 || !response.body)
      throw new Error(`The stream was answered ${response.status}.`);
    this.#reading = this.#read(response.body).catch(() => undefined);
  }

  async hangUp(): Promise<void> {
    this.#connection.abort();
    await this.#reading;
  }

  async #read(body: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const event of parseEvents(body)) {
      this.#lastId = event.id;
      if (event.type !== 'request.changed') continue;
      const change = JSON.parse(event.data) as Change;
      this.seen.set(change.entry, change);
    }
  }
}

async function entriesAfter(id: number): Promise<{ id: string; request: string; type: string }[]> {
  const sql = `select id, request, type from audit.entry where id > $1 and request like 'req_%' order by id`;
  return (await cast.stack.keyturnDb.query(sql, [id])).rows;
}

async function newestEntry(): Promise<number> {
  const { rows } = await cast.stack.keyturnDb.query(
    'select coalesce(max(id), 0)::int as id from audit.entry',
  );
  return rows[0].id;
}

describe('the event stream', () => {
  it('loses nothing of fifty requests at once, however often the reader comes back', async () => {
    const start = await newestEntry();
    const reader = new Reader(cast.olga);
    await reader.connect();
    const submission = Promise.all(
      Array.from({ length: 50 }, () => cast.ask({ target: 'shop-closed', statement: raiseLimit() })),
    );
    for (let round = 1; round <= 4; round += 1) {
      const wanted = reader.seen.size + 20;
      await waitFor({
        what: `${wanted} events`,
        check: async () => (reader.seen.size >= wanted ? true : undefined),
      });
      await reader.hangUp();
      // Whatever happens now, happens while nobody listens.
      const missed = (await newestEntry()) + 3;
      await waitFor({
        what: 'events to miss',
        check: async () => ((await newestEntry()) >= missed ? true : undefined),
      });
      await reader.connect();
    }
    const requests = new Set((await submission).map((request) => request.id));
    expect(requests.size).toBe(50);
    await waitFor({
      what: 'the denial of each',
      check: async () => (countOf(reader, 'request.denied') >= 50 ? true : undefined),
      explain: async () => `${countOf(reader, 'request.denied')} were heard of`,
    });
    const entries = (await entriesAfter(start)).filter((entry) => requests.has(entry.request));
    await waitFor({
      what: 'every entry',
      check: async () => (entries.every((entry) => reader.seen.has(Number(entry.id))) ? true : undefined),
      explain: async () => JSON.stringify(entries.filter((entry) => !reader.seen.has(Number(entry.id)))),
    });
    for (const entry of entries) {
      expect(reader.seen.get(Number(entry.id))).toMatchObject({ request: entry.request, type: entry.type });
    }
    expect(entries.length).toBe(100);
    await reader.hangUp();
  });

  it('tells an agent of its own requests only, and of one when that is asked', async () => {
    const start = await newestEntry();
    const [first, second] = [await cast.ask(), await cast.ask()];
    const other = await cast.stack.issuer.agentToken('agent-dba');
    const foreign = await cast.ask({ token: other });
    const [own, one, theirs] = [
      new Reader(cast.agent),
      new Reader(cast.olga, `?request=${second.id}`),
      new Reader(other),
    ];
    const readers = [own, one, theirs];
    await Promise.all(readers.map((reader) => reader.connect()));
    const request = [first, second, foreign];
    await Promise.all(
      request.map(({ id }) =>
        cast.stack.decide(cast.dmitri, id, { verdict: 'deny', decision_digest: digestOf(request, id) }),
      ),
    );
    await waitFor({
      what: 'the denials',
      check: async () =>
        readers.every((reader) => countOf(reader, 'request.denied') >= 1) ? true : undefined,
    });
    await waitFor({
      what: 'both of its own',
      check: async () => (requestsOf(own).size === 2 ? true : undefined),
    });
    await Promise.all(readers.map((reader) => reader.hangUp()));
    expect(requestsOf(own)).toEqual(new Set([first.id, second.id]));
    expect(requestsOf(one)).toEqual(new Set([second.id]));
    expect(requestsOf(theirs)).toEqual(new Set([foreign.id]));
    expect(JSON.stringify([...own.seen.values()])).not.toMatch(/credit_limit|looks right/);
    expect(Math.min(...own.seen.keys())).toBeGreaterThan(start);
  });

  it.each(['x', '-1', '1.5', '9'.repeat(40)])('refuses to resume after %s', async (lastId) => {
    const reply = await cast.stack.http({
      path: '/v1/events',
      token: cast.olga,
      headers: { 'last-event-id': lastId },
    });
    expect(refusal(reply)).toEqual([400, 'invalid_request']);
  });
});

function digestOf(requests: readonly RequestView[], id: string): string {
  return requests.find((request) => request.id === id)?.decision_digest ?? '';
}

function countOf(reader: Reader, type: string): number {
  return [...reader.seen.values()].filter((change) => change.type === type).length;
}

function requestsOf(reader: Reader): ReadonlySet<string> {
  return new Set([...reader.seen.values()].map((change) => change.request));
}
