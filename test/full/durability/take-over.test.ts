import { afterAll, beforeAll, expect, it } from 'vitest';

import { takeTarget } from '../../journeys/durability/database.ts';
import {
  brokenChecks,
  committedRuns,
  expectMadeOnce,
  limitOf,
  startJourney,
  type Journey,
} from '../../journeys/durability/journey.ts';
import { freezeAt, releaseAll, type Moment } from '../../journeys/durability/moments.ts';
import { isDraining, performerOf } from '../../journeys/durability/workers.ts';
import { waitFor } from '../../stack/wait.ts';

let journey: Journey;

beforeAll(async () => {
  journey = await startJourney({ workers: 2 });
});

afterAll(async () => journey?.stack.stop());

it.each<Moment>(['claiming', 'committing', 'settling'])(
  'another worker finishes what one left behind that was killed while %s',
  async (moment) => {
    const frozen = await freezeAt(journey, [moment]);
    const { request } = frozen.get(moment) ?? expect.unreachable();
    const worker = await performerOf(journey.stack, request.id);
    await worker.kill9();
    await releaseAll(frozen);
    await expectMadeOnce(journey, request);
    await worker.start();
  },
);

it('a worker that is stopped while its database stands still hands over what it cannot finish', async () => {
  const { stack } = journey;
  const frozen = await freezeAt(journey, ['settling']);
  const { request } = frozen.get('settling') ?? expect.unreachable();
  const worker = await performerOf(stack, request.id);
  const stopped = worker.stop();
  await isDraining(worker);
  // Nothing is let go before the first worker is gone: its attempt fails by its own time-out.
  expect(await stopped).toBe('exit code 0');
  await waitFor({
    what: 'the other worker to take over',
    check: async () => ((await performerOf(stack, request.id)) === worker ? undefined : true),
  });
  await releaseAll(frozen);
  await expectMadeOnce(journey, request);
  await worker.start();
});

it('a target that never comes back leaves the outcome unknown, and its workflow says so', async () => {
  const { stack } = journey;
  const frozen = await freezeAt(journey, ['settling']);
  const { request } = frozen.get('settling') ?? expect.unreachable();
  await Promise.all(stack.workers.map((worker) => worker.kill9()));
  await releaseAll(frozen);
  const away = await takeTarget(stack);
  await Promise.all(stack.workers.map((worker) => worker.start()));
  const { status } = await stack.waitForStatus(request.id, ['indeterminate', 'succeeded', 'failed'], 180_000);
  expect(status).toBe('indeterminate');
  await away.comeBack();
  expect(await stack.temporal.workflow.getHandle(request.id).result()).toBe('indeterminate');
  expect((await limitOf(stack, request.account)) - request.limit).toBe(1);
  expect(await committedRuns(stack, request.id)).toBe(1);
  expect(await brokenChecks(journey, request.id)).toEqual([]);
});
