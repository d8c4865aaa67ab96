import { randomInt, randomUUID } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { closedLoop, quantile } from '../../bench/measure.ts';
import { familyOf, residentMiB, togetherMiB } from '../../bench/processes.ts';
import { brokenChecks, startJourney, type Journey } from '../../journeys/durability/journey.ts';
import { testPostgresPid } from '../../stack/databases.ts';
import { fullTemporalOrSkip } from '../../stack/full-temporal-program.ts';
import { UNBOUNDED } from '../../stack/unbounded.ts';
import { waitFor } from '../../stack/wait.ts';

const FIRST = 1_000;
const HELD = 10_000;
const CALLERS = 16;
const APPROVED = 50;
/** So many of the shop's accounts get the rows, from 1001 on. */
const ACCOUNTS = 100;
/** Hours, because it is no measurement: a machine that is busy elsewhere must not decide about it. */
const WITHIN_MS = 4 * 3_600_000;
/**
 * What a worker may have grown by from 1,000 to 10,000 held requests. The aim is 64 MiB, and both figures are printed;
 * asserted is only what no machine or moment of garbage collection explains: a worker that keeps each request takes a
 * third of a MiB for each, 3,000 MiB in all.
 */
const GROWTH_MIB_MAX = 512;
/** Without it, a machine with much memory lets hundreds of MiB of contexts lie that are no longer used. */
const COLLECTED = '--max-old-space-size=384';

const programs = await fullTemporalOrSkip();

describe.skipIf(programs === undefined)(`${HELD} held requests on the full Temporal server`, () => {
  let journey: Journey;
  /** Ids by the number that is in the statement. */
  const held: string[] = [];
  /** Of the worker, in MiB, by how many requests were held. */
  const resident = new Map<number, number>();
  let worker: number;

  beforeAll(async () => {
    const program = { NODE_OPTIONS: COLLECTED, KEYTURN_API_RATE: '100000', KEYTURN_LOG_LEVEL: 'warn' };
    const env = { ...UNBOUNDED, ...program };
    journey = await startJourney(programs ? { fullTemporal: programs, env } : {});
    worker = journey.stack.workers[0]?.pid() ?? 0;
  });

  afterAll(async () => journey?.stack.stop());

  it(
    'are all taken and wait for people',
    async () => {
      await holdUpTo(FIRST);
      await holdUpTo(HELD);
      expect(new Set(held).size).toBe(HELD);
      expect(await statuses()).toEqual({ pending: HELD });
    },
    WITHIN_MS,
  );

  it('do not each take memory of the worker, which is still the one that began', () => {
    const growth = (resident.get(HELD) ?? Number.NaN) - (resident.get(FIRST) ?? Number.NaN);
    expect(growth).toBeLessThan(GROWTH_MIB_MAX);
    expect(journey.stack.workers[0]?.pid()).toBe(worker);
  });

  it.each(['requests?status=pending&limit=100', 'inbox?limit=100'])(
    'are all on the pages of %s, each once',
    async (list) => {
      const ids = await idsOf(list);
      expect(ids.length).toBe(HELD);
      expect(new Set(ids)).toEqual(new Set(held));
    },
  );

  it('are all running in Temporal, and found there as pending', async () => {
    await waitFor({
      what: `${HELD} pending workflows`,
      check: async () => {
        const query = "KeyturnStatus = 'pending' and ExecutionStatus = 'Running'";
        return (await journey.stack.temporal.workflow.count(query)).count === HELD || undefined;
      },
    });
  });

  it(`are executed exactly once when approved: ${APPROVED} at random, and no other`, async () => {
    const { stack } = journey;
    const chosen = new Set<number>();
    while (chosen.size < APPROVED) chosen.add(randomInt(HELD));
    const approved = [...chosen].sort((left, right) => left - right);
    await closedLoop(CALLERS, APPROVED, (index) => approve(held[approved[index] ?? -1] ?? ''));
    for (const number of approved) {
      const id = held[number] ?? '';
      const { failure } = await stack.waitForStatus(id, ['succeeded', 'failed', 'indeterminate'], 150_000);
      expect(failure).toBeNull();
      expect(await brokenChecks(journey, id)).toEqual([]);
    }
    expect(await statuses()).toEqual({ pending: HELD - APPROVED, succeeded: APPROVED });
    expect(await effects()).toEqual(approved.map((number) => ({ item: itemOf(number), count: 1 })));
  });

  async function holdUpTo(count: number): Promise<void> {
    const first = held.length;
    const { elapsedMs } = await closedLoop(CALLERS, count - first, async (index) => {
      held[first + index] = await hold(first + index);
    });
    await waitFor({
      what: `${count} requests to be planned and to wait for people`,
      withinMs: WITHIN_MS,
      check: async () => (await statuses())['pending'] === count || undefined,
      explain: async () => `they are ${JSON.stringify(await statuses())}`,
    });
    resident.set(count, residentMiB(worker));
    report(count, elapsedMs);
  }

  /** Figures for people to read: none of them is asserted as it is. */
  function report(count: number, elapsedMs: number): void {
    const memory = {
      worker: resident.get(count) ?? Number.NaN,
      'Temporal server': togetherMiB([journey.stack.temporalService.server?.pid() ?? 0]),
      PostgreSQL: togetherMiB(familyOf(testPostgresPid())),
    };
    const words = Object.entries(memory).map(([name, mebibytes]) => `${name} ${mebibytes.toFixed(0)} MiB`);
    const seconds = (elapsedMs / 1_000).toFixed(0);
    process.stdout.write(`${count} held: ${words.join(', ')}; the last ones took ${seconds} s.\n`);
  }

  /** As a client has to: while the answer is "not now", the same call with the same key. */
  async function hold(number: number): Promise<string> {
    const headers = { 'idempotency-key': randomUUID(), prefer: 'wait=30' };
    return waitFor({
      what: `request ${number} to be taken`,
      withinMs: WITHIN_MS,
      check: async () => {
        const reply = await journey.stack.request<{ id: string }>(journey.agent, askFor(number), headers);
        if (reply.status === 503) return undefined;
        expect([200, 201, 202], JSON.stringify(reply.body)).toContain(reply.status);
        return reply.body.id;
      },
    });
  }

  async function approve(id: string): Promise<void> {
    await waitFor({
      what: `the approval of ${id} to be taken`,
      check: async () => {
        const { status, body } = await journey.stack.decide(journey.olga, id);
        if (status === 503) return undefined;
        // 409: the call before, whose answer was "not now", counts after all.
        expect([200, 202, 409], JSON.stringify(body)).toContain(status);
        return true;
      },
    });
  }

  async function statuses(): Promise<Record<string, number>> {
    const { rows } = await journey.stack.keyturnDb.query<{ status: string; count: number }>(
      'select status, count(*)::int as count from keyturn.request group by status',
    );
    return Object.fromEntries(rows.map(({ status, count }) => [status, count]));
  }

  /** Every row that any request has left at the target. */
  async function effects(): Promise<readonly { item: string; count: number }[]> {
    const { rows } = await journey.stack.target.query<{ item: string; count: number }>(
      `select item, count(*)::int as count from purchase where item like 'held %' group by item order by item`,
    );
    return rows;
  }

  async function idsOf(list: string): Promise<readonly string[]> {
    const ids: string[] = [];
    const latenciesMs: number[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const path: string = `/v1/${list}${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`}`;
      const submittedAt = performance.now();
      const { status, body } = await journey.stack.http<Page>({ path, token: journey.olga });
      latenciesMs.push(performance.now() - submittedAt);
      expect(status, JSON.stringify(body)).toBe(200);
      ids.push(...body.items.map(({ id }) => id));
      cursor = body.next_cursor;
    }
    const [half, most] = [0.5, 0.99].map((share) => quantile(latenciesMs, share).toFixed(0));
    process.stdout.write(`${list}: ${latenciesMs.length} pages, p50 ${half} ms, p99 ${most} ms.\n`);
    return ids;
  }
});

interface Page {
  readonly items: readonly { readonly id: string }[];
  readonly next_cursor: string | null;
}

/** Each adds a row of its own, so that none drifts because of another. */
function askFor(number: number): object {
  const statement = `insert into purchase (account_id, placed_at, item, total, status)
    values (${1_001 + (number % ACCOUNTS)}, '2026-11-01', '${itemOf(number)}', 1, 'placed')`;
  return { action: 'postgres.execute', target: 'shop', arguments: { statement } };
}

/** Sorts as a text like the number. */
function itemOf(number: number): string {
  return `held ${String(number).padStart(5, '0')}`;
}
