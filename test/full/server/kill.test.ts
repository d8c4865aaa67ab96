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
  type Submitted,
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
const SUBMITTING = 30;

const programs = await fullTemporalOrSkip();

describe.skipIf(programs === undefined)('kill -9 of the full Temporal server', () => {
  let journey: Journey;
  let frozen: ReadonlyMap<Moment, Frozen>;
  const pending: Submitted[] = [];
  /** Asked while the server was dying. */
  let acknowledged: readonly Submitted[];

  beforeAll(async () => {
    journey = await startJourney(programs ? { fullTemporal: programs } : {});
    while (pending.length < PENDING) pending.push(await askPending(journey));
    frozen = await freezeAt(journey);
    acknowledged = await killWhileSubmitting();
    await releaseAll(frozen);
    await journey.stack.temporalService.server?.start();
  });

  afterAll(async () => journey?.stack.stop());

  it('loses no request that waits for people', async () => {
    for (const request of pending) {
      expect((await journey.stack.waitForStatus(request.id, 'pending')).status).toBe('pending');
      await approveOnceBack(request);
    }
    for (const request of pending) await expectMadeOnce(journey, request);
  });

  it('loses no request that was acknowledged while it died', async () => {
    expect(acknowledged.length).toBeGreaterThan(0);
    for (const request of acknowledged) {
      await journey.stack.waitForStatus(request.id, 'pending');
      await approveOnceBack(request);
      await expectMadeOnce(journey, request);
    }
  });

  it.each(MOMENTS)('while %s: loses nothing and makes the change exactly once', async (moment) => {
    const { request, isUndecided } = frozen.get(moment) ?? expect.unreachable();
    if (isUndecided) {
      await journey.stack.waitForStatus(request.id, 'pending');
      await approveOnceBack(request);
    }
    await expectMadeOnce(journey, request);
    await expectClosedAs(journey, request, 'succeeded');
  });

  it('leaves histories that replay', async () => {
    const result = await journey.stack.cli(['replay', '--all']);
    expect([result.code, result.stdout]).toEqual([0, expect.stringContaining(' 0 different.')]);
  });

  /** Many callers ask at once; the server dies after the first answer. Answers what was acknowledged. */
  async function killWhileSubmitting(): Promise<readonly Submitted[]> {
    const submissions: Omit<Submitted, 'id'>[] = [];
    while (submissions.length < SUBMITTING) {
      const account = freshAccount();
      submissions.push({ account, key: randomUUID(), limit: await limitOf(journey.stack, account) });
    }
    const made: Submitted[] = [];
    const answers = submissions.map(async (submission) => {
      const { status, body } = await create(journey, submission, { wait: 0 });
      if (status < 300) made.push({ ...submission, id: body.id });
    });
    await waitFor({ what: 'a first answer', check: async () => made.length > 0 || undefined });
    await journey.stack.temporalService.server?.kill9();
    await Promise.all(answers);
    return made;
  }

  /** While the API finds its server again it says so; the same call then works. */
  async function approveOnceBack(request: Submitted): Promise<void> {
    await waitFor({
      what: `the approval of ${request.id} to be taken`,
      check: async () => {
        const { status } = await journey.stack.decide(journey.olga, request.id);
        if (status === 503) return undefined;
        // 409: the call before, whose answer was "not now", counts after all.
        expect([200, 202, 409]).toContain(status);
        return true;
      },
    });
  }
});
