import { afterAll, beforeAll, describe, it } from 'vitest';

import { approve, expectClosedAs, expectMadeOnce, startJourney, type Journey } from './journey.ts';
import { KILLS, type Kill } from './kills.ts';
import { freezeAt, MOMENTS, releaseAll, type Frozen, type Moment } from './moments.ts';

let journey: Journey;

beforeAll(async () => {
  journey = await startJourney({ ownTemporal: true });
});

afterAll(async () => journey?.stack.stop());

describe.each(Object.entries(KILLS))('kill -9 of %s', (_name, kill: Kill) => {
  let killed: Map<Moment, Frozen>;

  beforeAll(async () => {
    killed = await killAt(kill, MOMENTS);
  });

  it.each(MOMENTS)(
    'while %s: loses nothing and makes the change exactly once',
    async (moment) => {
      // What is tried again is tried with a request and a kill of its own.
      const { request, isUndecided } = (killed.get(moment) ??
        (await killAt(kill, [moment])).get(moment)) as Frozen;
      killed.delete(moment);
      if (isUndecided) {
        await journey.stack.waitForStatus(request.id, 'pending', 60_000);
        await approve(journey, request);
      }
      await expectMadeOnce(journey, request);
      await expectClosedAs(journey, request, 'succeeded');
    },
    240_000,
  );
});

/** One kill for requests at all of these moments. */
async function killAt(kill: Kill, moments: readonly Moment[]): Promise<Map<Moment, Frozen>> {
  const frozen = await freezeAt(journey, moments);
  await kill.strike(journey.stack);
  await releaseAll(frozen);
  await kill.recover(journey.stack);
  return new Map(frozen);
}
