import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { waitFor } from '../../stack/wait.ts';
import { takeKeyturnDatabase } from './database.ts';
import {
  approve,
  askPending,
  create,
  expectMadeOnce,
  freshAccount,
  startJourney,
  type Submitted,
  type Journey,
  type RequestBody,
} from './journey.ts';
import { freezeAt, releaseAll } from './moments.ts';

let journey: Journey;
let pids: readonly number[];

beforeAll(async () => {
  journey = await startJourney();
  pids = processIds();
});

afterAll(async () => journey?.stack.stop());

function processIds(): readonly number[] {
  return [...journey.stack.apis, ...journey.stack.workers].map((program) => program.pid());
}

/** Both processes have noticed, and both are well again. */
async function outage(during: () => Promise<void>): Promise<void> {
  const { stack } = journey;
  const programs = [...stack.apis, ...stack.workers];
  const away = await takeKeyturnDatabase(stack);
  try {
    await Promise.all(programs.map(({ url }) => readiness(url, 503)));
    await during();
  } finally {
    await away.comeBack();
  }
  await Promise.all(programs.map(({ url }) => readiness(url, 200)));
}

async function readiness(url: string, status: number): Promise<void> {
  await waitFor({
    what: `${url} to answer ${status}`,
    check: async () => ((await fetch(`${url}/readyz`)).status === status ? true : undefined),
  });
}

it('an outage while people are asked loses nothing: calls are refused, and later all goes on', async () => {
  const { stack, olga } = journey;
  const pending = await askPending(journey);
  const submission = { account: freshAccount(), key: randomUUID() };
  await outage(async () => {
    const refused = [
      await stack.http<RequestBody>({ path: `/v1/requests/${pending.id}`, token: olga }),
      await stack.decide<RequestBody>(olga, pending.id),
      await create(journey, submission),
    ];
    expect(refused.map(({ status, body }) => [status, body.code])).toEqual(
      refused.map(() => [503, 'unavailable']),
    );
    expect(refused.every(({ headers }) => Number(headers.get('retry-after')) > 0)).toBe(true);
  });
  const { status } = await create(journey, submission);
  expect(status).toBe(201);
  await approve(journey, pending);
  await expectMadeOnce(journey, pending);
});

it('an outage between a decision and its count, and between the change and its record, loses neither', async () => {
  const frozen = await freezeAt(journey, ['deciding', 'settling', 'committing']);
  await outage(() => releaseAll(frozen));
  for (const { request } of frozen.values()) await expectMadeOnce(journey, request);
});

it('requests that arrive while the database comes and goes are each made once', async () => {
  const request: Submitted[] = [];
  for (let round = 0; round < 3; round += 1) {
    request.push(await askPending(journey));
    await outage(async () => undefined);
  }
  for (const one of request) await approve(journey, one);
  for (const one of request) await expectMadeOnce(journey, one);
});

it('no process had to be started again', async () => {
  expect(processIds()).toEqual(pids);
  expect([...journey.stack.apis, ...journey.stack.workers].every((program) => program.isRunning())).toBe(
    true,
  );
});
