import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import {
  askPending,
  create,
  expectClosedAs,
  expectMadeOnce,
  freshAccount,
  limitOf,
  startJourney,
  type Asked,
  type Journey,
} from '../../journeys/durability/journey.ts';
import {
  freezeAt,
  MOMENTS,
  releaseAll,
  type Frozen,
  type Moment,
} from '../../journeys/durability/moments.ts';
import { fullTemporalOrSkip } from '../../stack/full-temporal-program.ts';
import { waitFor } from '../../stack/wait.ts';

const PENDING = 20;
const ASKING = 30;

const programs = await fullTemporalOrSkip();

describe.skipIf(programs === undefined)('kill -9 of the full Temporal server', () => {
  let journey: Journey;
  let frozen: ReadonlyMap<Moment, Frozen>;
  const pending: Asked[] = [];
  /** Asked while the server was dying. */
  let acknowledged: readonly Asked[];

  beforeAll(async () => {
    journey = await startJourney(programs ? { fullTemporal: programs } : {});
    while (pending.length < PENDING) pending.push(await askPending(journey));
    frozen = await freezeAt(journey);
    acknowledged = await killWhileAsking();
    await releaseAll(frozen);
    await journey.stack.temporalPlace.server?.start();
  });

  afterAll(async () => journey?.stack.stop());

  it('loses no request that waits for people', async () => {
    for (const asked of pending) {
      expect((await journey.stack.waitForStatus(asked.id, 'pending')).status).toBe('pending');
      await approveOnceBack(asked);
    }
    for (const asked of pending) await expectMadeOnce(journey, asked);
  });

  it('loses no request that was acknowledged while it died', async () => {
    expect(acknowledged.length).toBeGreaterThan(0);
    for (const asked of acknowledged) {
      await journey.stack.waitForStatus(asked.id, 'pending');
      await approveOnceBack(asked);
      await expectMadeOnce(journey, asked);
    }
  });

  it.each(MOMENTS)('while %s: loses nothing and makes the change exactly once', async (moment) => {
    const { asked, isUndecided } = frozen.get(moment) ?? expect.unreachable();
    if (isUndecided) {
      await journey.stack.waitForStatus(asked.id, 'pending');
      await approveOnceBack(asked);
    }
    await expectMadeOnce(journey, asked);
    await expectClosedAs(journey, asked, 'succeeded');
  });

  it('leaves histories that replay', async () => {
    const result = await journey.stack.cli(['replay', '--all']);
    expect([result.code, result.stdout]).toEqual([0, expect.stringContaining(' 0 different.')]);
  });

  /** Many callers ask at once; the server dies after the first answer. Answers what was acknowledged. */
  async function killWhileAsking(): Promise<readonly Asked[]> {
    const askings: Omit<Asked, 'id'>[] = [];
    while (askings.length < ASKING) {
      const account = freshAccount();
      askings.push({ account, key: randomUUID(), limit: await limitOf(journey.stack, account) });
    }
    const made: Asked[] = [];
    const answers = askings.map(async (asking) => {
      const { status, body } = await create(journey, asking, { wait: 0 });
      if (status < 300) made.push({ ...asking, id: body.id });
    });
    await waitFor({ what: 'a first answer', check: async () => made.length > 0 || undefined });
    await journey.stack.temporalPlace.server?.kill9();
    await Promise.all(answers);
    return made;
  }

  /** While the API finds its server again it says so; the same call then works. */
  async function approveOnceBack(asked: Asked): Promise<void> {
    await waitFor({
      what: `the approval of ${asked.id} to be taken`,
      check: async () => {
        const { status } = await journey.stack.decide(journey.olga, asked.id);
        if (status === 503) return undefined;
        // 409: the call before, whose answer was "not now", counts after all.
        expect([200, 202, 409]).toContain(status);
        return true;
      },
    });
  }
});
