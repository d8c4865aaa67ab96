import { afterAll, beforeAll, expect, it } from 'vitest';

import { startJourney, type Journey } from '../../journeys/durability/journey.ts';
import { waitFor } from '../../stack/wait.ts';

let journey: Journey;

beforeAll(async () => {
  journey = await startJourney({ ownTemporal: true });
});

afterAll(async () => journey?.stack.stop());

it('a worker whose namespace is gone for good ends with an exit code other than zero', async () => {
  const { stack } = journey;
  const [worker] = stack.workers;
  await stack.temporal.connection.operatorService.deleteNamespace({ namespace: 'default' });
  await waitFor({
    what: 'the worker to end',
    withinMs: 300_000,
    check: async () => (worker?.isRunning() ? undefined : true),
  });
  expect(await worker?.stop()).toBe('exit code 1');
});
