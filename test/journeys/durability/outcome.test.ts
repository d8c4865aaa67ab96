import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { takeTarget } from './database.ts';
import {
  brokenChecks,
  claimsOf,
  committedRuns,
  expectMadeOnce,
  expectUntouched,
  limitOf,
  startJourney,
  type Submitted,
  type Journey,
} from './journey.ts';
import { freezeAt, releaseAll, type Moment } from './moments.ts';
import { waitFor } from '../../stack/wait.ts';
import type { Stack } from '../../stack/stack.ts';
import { logged } from './workers.ts';

let journey: Journey;

beforeAll(async () => {
  journey = await startJourney({ env: { KEYTURN_SWEEP_INTERVAL_SECONDS: '2' } });
});

afterAll(async () => journey?.stack.stop());

/** Leaves one request of each moment behind, by the death of its worker. */
async function abandon(moments: readonly Moment[]): Promise<readonly Submitted[]> {
  const frozen = await freezeAt(journey, moments);
  await journey.stack.workers[0]?.kill9();
  await releaseAll(frozen);
  return [...frozen.values()].map(({ request }) => request);
}

/** Once a question stayed without an answer: as if the first one had, an hour ago. */
async function unansweredForAnHour({ keyturnDb }: Stack, request: string): Promise<void> {
  await waitFor({
    what: 'a question without an answer',
    check: async () => {
      const { rowCount } = await keyturnDb.query(
        `update keyturn.execution set unanswered_since = unanswered_since - interval '1 hour'
          where request = $1 and unanswered_at is not null`,
        [request],
      );
      return rowCount === 1 ? true : undefined;
    },
  });
}

describe('an execution whose worker died', () => {
  it('is not called indeterminate while the target may still know the outcome', async () => {
    const { stack } = journey;
    const request = await abandon(['settling', 'committing']);
    const away = await takeTarget(stack);
    await stack.workers[0]?.start();
    await logged(stack.workers[0] ?? expect.unreachable(), 'probe failed');
    for (const { id } of request) await stack.waitForStatus(id, 'executing');
    await away.comeBack();
    for (const one of request) await expectMadeOnce(journey, one);
  });

  it('is called indeterminate when the target is gone for good and nobody is left to ask, and is never repeated', async () => {
    const { stack } = journey;
    const [request = expect.unreachable()] = await abandon(['settling']);
    const away = await takeTarget(stack);
    await stack.temporal.workflow.getHandle(request.id).terminate();
    await stack.workers[0]?.start();
    await unansweredForAnHour(stack, request.id);
    const row = await stack.waitForStatus(request.id, ['indeterminate', 'failed', 'succeeded']);
    expect(row).toMatchObject({ status: 'indeterminate', failure: { code: 'outcome_unknown' } });
    await away.comeBack();
    expect(await claimsOf(stack, request.id, 'indeterminate')).toBe(1);
    expect((await limitOf(stack, request.account)) - request.limit).toBe(1);
    expect(await committedRuns(stack, request.id)).toBe(1);
    expect(await brokenChecks(journey, request.id)).toEqual([]);
  });

  it('is found out by the sweeper when its workflow is gone, too', async () => {
    const { stack } = journey;
    const [done = expect.unreachable(), undone = expect.unreachable()] = await abandon([
      'settling',
      'committing',
    ]);
    for (const { id } of [done, undone]) await stack.temporal.workflow.getHandle(id).terminate();
    await stack.workers[0]?.start();
    await expectMadeOnce(journey, done);
    const { failure } = await stack.waitForStatus(undone.id, 'failed');
    expect(failure).toMatchObject({ code: 'workflow_lost' });
    await expectUntouched(journey, undone);
    expect(await brokenChecks(journey, undone.id)).toEqual([]);
  });
});
