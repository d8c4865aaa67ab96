import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Reply } from '../../stack/http.ts';
import {
  approve,
  askPending,
  create,
  expectMadeOnce,
  freshAccount,
  limitOf,
  startJourney,
  type Submitted,
  type Journey,
  type RequestBody,
} from './journey.ts';
import { freezeAt, releaseAll } from './moments.ts';
import { isDraining, performerOf } from './workers.ts';

let journey: Journey;

beforeAll(async () => {
  journey = await startJourney({ apis: 2, workers: 2 });
});

afterAll(async () => journey?.stack.stop());

/** All at once, one half at each API. */
async function approveAtOnce(
  { id }: Submitted,
  tokens: readonly string[],
): Promise<readonly Reply<RequestBody>[]> {
  const { stack, olga } = journey;
  const shown = await stack.http<RequestBody>({ path: `/v1/requests/${id}`, token: olga });
  const body = { decision_digest: shown.body.decision_digest, verdict: 'approve' };
  const path = `/v1/requests/${id}/decisions`;
  return Promise.all(tokens.map((token, index) => stack.http<RequestBody>({ path, token, body }, index % 2)));
}

async function countedPeople(id: string): Promise<readonly string[]> {
  const sql = `select person from keyturn.decision where request = $1 and outcome = 'counted' order by person`;
  const { rows } = await journey.stack.keyturnDb.query<{ person: string }>(sql, [id]);
  return rows.map(({ person }) => person);
}

const CROWD = Array.from({ length: 16 }, (_, index) => `reviewer-${String(index + 1).padStart(2, '0')}`);

describe('two API processes', () => {
  it('take sixteen approvals at once, and each of the sixteen that are required counts', async () => {
    const request = await askPending(journey, { target: 'shop-crowd' });
    const tokens = await Promise.all(CROWD.map((name) => journey.stack.issuer.humanToken(name)));
    const withoutLast = await approveAtOnce(request, tokens.slice(0, 15));
    expect(withoutLast.map(({ status }) => status)).toEqual(withoutLast.map(() => 200));
    expect(await countedPeople(request.id)).toEqual(CROWD.slice(0, 15));
    await journey.stack.waitForStatus(request.id, 'pending');
    await approveAtOnce(request, tokens.slice(15));
    await expectMadeOnce(journey, request);
    expect(await countedPeople(request.id)).toEqual(CROWD);
  });

  it('take sixteen approvals of two people at once, and count one of each', async () => {
    const request = await askPending(journey, { target: 'shop-two-people' });
    const { olga, dmitri } = journey;
    const replies = await approveAtOnce(request, [...Array(8).fill(olga), ...Array(8).fill(dmitri)]);
    const statuses = replies.map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(2);
    expect(statuses.filter((status) => status !== 200)).toEqual(Array(14).fill(409));
    await expectMadeOnce(journey, request);
    expect(await countedPeople(request.id)).toEqual(['dmitri', 'olga']);
  });

  it('make one request of twenty calls with the same key at once', async () => {
    const submission = { account: freshAccount(), key: randomUUID() };
    const limit = await limitOf(journey.stack, submission.account);
    const calls = Array.from({ length: 20 }, (_, index) => create(journey, submission, { api: index % 2 }));
    const replies = await Promise.all(calls);
    const [first] = replies;
    expect(new Set(replies.map(({ body }) => body.id)).size).toBe(1);
    expect(replies.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
      ...Array(19).fill(200),
      201,
    ]);
    const request = { ...submission, limit, id: first?.body.id ?? '' };
    await approve(journey, request);
    await expectMadeOnce(journey, request);
  });
});

describe('two workers', () => {
  it('drain: one that is stopped while it executes finishes first and exits with zero', async () => {
    const frozen = await freezeAt(journey, ['settling']);
    const { request } = frozen.get('settling') ?? expect.unreachable();
    const worker = await performerOf(journey.stack, request.id);
    const stopped = worker.stop();
    await isDraining(worker);
    await releaseAll(frozen);
    expect(await stopped).toBe('exit code 0');
    await expectMadeOnce(journey, request);
    await worker.start();
  });

  it('take over from one that only seemed dead: when it wakes up, it changes nothing more', async () => {
    const { stack } = journey;
    const frozen = await freezeAt(journey, ['committing']);
    const { request } = frozen.get('committing') ?? expect.unreachable();
    const worker = await performerOf(journey.stack, request.id);
    process.kill(worker.pid(), 'SIGSTOP');
    await releaseAll(frozen);
    try {
      await expectMadeOnce(journey, request);
    } finally {
      process.kill(worker.pid(), 'SIGCONT');
    }
    const next = await askPending(journey);
    await stack.workers.find((other) => other !== worker)?.stop();
    await approve(journey, next);
    await expectMadeOnce(journey, next);
    await expectMadeOnce(journey, request);
  }, 240_000);
});
