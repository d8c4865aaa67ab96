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
  let frozen: ReadonlyMap<Moment, Frozen>;

  beforeAll(async () => {
    frozen = await freezeAt(journey);
    await kill.strike(journey.stack);
    await releaseAll(frozen);
    await kill.recover(journey.stack);
  });

  it.each(MOMENTS)(
    'while %s: loses nothing and makes the change exactly once',
    async (moment) => {
      const { asked, isUndecided } = frozen.get(moment) as Frozen;
      if (isUndecided) {
        await journey.stack.waitForStatus(asked.id, 'pending', 60_000);
        await approve(journey, asked);
      }
      await expectMadeOnce(journey, asked);
      await expectClosedAs(journey, asked, 'succeeded');
    },
    240_000,
  );
});
