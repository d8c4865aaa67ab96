import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { waitFor } from '../../stack/wait.ts';
import {
  approve,
  askPending,
  create,
  expectMadeOnce,
  expectUntouched,
  freshAccount,
  limitOf,
  startJourney,
  type Submitted,
  type Journey,
  type RequestBody,
} from './journey.ts';

let journey: Journey;

beforeAll(async () => {
  journey = await startJourney({ ownTemporal: true, workers: 2 });
  await journey.stack.workers[1]?.stop();
});

afterAll(async () => journey?.stack.stop());

async function requestCount(): Promise<number> {
  const { rows } = await journey.stack.keyturnDb.query('select count(*)::int as count from keyturn.request');
  return Number(rows[0]?.count);
}

describe('with no Temporal server up', () => {
  const submission = { account: freshAccount(), key: randomUUID() };
  let pending: Submitted;
  let requestsBefore: number;
  let workerBefore: number | undefined;

  beforeAll(async () => {
    pending = await askPending(journey);
    requestsBefore = await requestCount();
    workerBefore = journey.stack.workers[0]?.pid();
    await journey.stack.temporalService.server?.kill9();
  });

  it('a request is refused with the advice to repeat it, and nothing is half done', async () => {
    const { status, body, headers } = await create(journey, submission);
    expect([status, body.code]).toEqual([503, 'unavailable']);
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await requestCount()).toBe(requestsBefore);
  });

  it.each(['decisions', 'withdraw'])('a call of %s is refused and counts nothing', async (what) => {
    const { stack, olga, agent } = journey;
    const { status, body } =
      what === 'decisions'
        ? await stack.decide<RequestBody>(olga, pending.id)
        : await stack.http<RequestBody>({
            path: `/v1/requests/${pending.id}/withdraw`,
            token: agent,
            body: {},
          });
    expect([status, body.code]).toEqual([503, 'unavailable']);
    const { rows } = await stack.keyturnDb.query('select 1 from keyturn.decision where request = $1', [
      pending.id,
    ]);
    expect(rows).toEqual([]);
    await expectUntouched(journey, pending);
  });

  it('what is known can still be read, and API and worker say that they are not ready', async () => {
    const { stack, olga } = journey;
    const shown = await stack.http<RequestBody>({ path: `/v1/requests/${pending.id}`, token: olga });
    expect([shown.status, shown.body.status]).toEqual([200, 'pending']);
    expect((await stack.http({ path: '/readyz' })).status).toBe(503);
    expect((await fetch(`${stack.workers[0]?.url}/readyz`)).status).toBe(503);
    expect((await stack.http({ path: '/healthz' })).status).toBe(200);
  });

  it('a worker that is started gives up with an exit code other than zero', async () => {
    const { stack } = journey;
    await stack.workers[1]?.start().catch(() => undefined);
    expect(await stack.workers[1]?.stop()).toBe('exit code 1');
  });

  it('the same key works once as soon as the server is back, with the same processes', async () => {
    const { stack } = journey;
    await stack.temporalService.server?.start();
    const limit = await limitOf(stack, submission.account);
    const taken = await waitFor({
      what: 'the request to be taken',
      check: async () => {
        const reply = await create(journey, submission);
        return reply.status === 503 ? undefined : reply;
      },
    });
    const repeated = await create(journey, submission);
    expect([repeated.status, repeated.body.id]).toEqual([200, taken.body.id]);
    expect(await requestCount()).toBe(requestsBefore + 1);
    const request = { ...submission, limit, id: taken.body.id };
    await stack.waitForStatus(request.id, 'pending');
    await approve(journey, request);
    await approve(journey, pending);
    await expectMadeOnce(journey, request);
    await expectMadeOnce(journey, pending);
    expect(stack.workers[0]?.pid()).toBe(workerBefore);
    expect((await fetch(`${stack.workers[0]?.url}/readyz`)).status).toBe(200);
  });
});
