import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import {
  expectMadeOnce,
  startJourney,
  type Submitted,
  type Journey,
} from '../../journeys/durability/journey.ts';
import { UNBOUNDED } from '../../stack/unbounded.ts';
import { REQUESTS, Storm } from './storm.ts';

let journey: Journey;

beforeAll(async () => {
  journey = await startJourney({ ownTemporal: true, apis: 2, workers: 2, env: UNBOUNDED });
});

afterAll(async () => journey?.stack.stop());

describe(`${REQUESTS} requests while processes die at random`, () => {
  let made: readonly Submitted[];

  it('are all taken, decided and executed', async () => {
    const storm = new Storm(journey, Date.now());
    const work = storm.requests();
    const killing = storm.kills();
    made = await Promise.race([work, killing.then(() => work)]);
    storm.end();
    await killing;
    expect(new Set(made.map(({ id }) => id)).size).toBe(REQUESTS);
  });

  it('have each changed the target exactly once, and have evidence that holds', async () => {
    for (const request of made) await expectMadeOnce(journey, request);
  });

  it('have histories that replay', async () => {
    const result = await journey.stack.cli(['replay', '--all']);
    expect([result.code, result.stdout]).toEqual([0, expect.stringContaining(' 0 different.')]);
  });
});
