import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import {
  approve,
  expectClosedAs,
  expectMadeOnce,
  startJourney,
  type Journey,
} from '../../journeys/durability/journey.ts';
import { KILLS } from '../../journeys/durability/kills.ts';
import { freezeAt, MOMENTS, releaseAll } from '../../journeys/durability/moments.ts';

let journey: Journey;

beforeAll(async () => {
  journey = await startJourney({ ownTemporal: true });
});

afterAll(async () => journey?.stack.stop());

describe.each(Object.keys(KILLS))('kill -9 of %s', (name) => {
  it.each(MOMENTS)('while %s: loses nothing and makes the change exactly once', async (moment) => {
    const frozen = await freezeAt(journey, [moment]);
    const { request, isUndecided } = frozen.get(moment) ?? expect.unreachable();
    await KILLS[name]?.strike(journey.stack);
    await releaseAll(frozen);
    await KILLS[name]?.recover(journey.stack);
    if (isUndecided) {
      await journey.stack.waitForStatus(request.id, 'pending', 60_000);
      await approve(journey, request);
    }
    await expectMadeOnce(journey, request);
    await expectClosedAs(journey, request, 'succeeded');
  });
});

describe('afterwards', () => {
  it('every history replays', async () => {
    const result = await journey.stack.cli(['replay', '--all']);
    expect([result.code, result.stdout]).toEqual([0, expect.stringContaining(' 0 different.')]);
  });
});
