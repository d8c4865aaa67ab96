import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import {
  approve,
  ask,
  askPending,
  expectClosedAs,
  expectMadeOnce,
  expectUntouched,
  startJourney,
  type Journey,
} from '../../journeys/durability/journey.ts';
import { stepsOf, waitForStep } from '../../journeys/laws/cast.ts';
import { fullTemporalOrSkip } from '../../stack/full-temporal-program.ts';
import { waitFor } from '../../stack/wait.ts';
import { waitForLeaves } from '../../workflows/facts.ts';

const programs = await fullTemporalOrSkip();

describe.skipIf(programs === undefined)('on the full Temporal server', () => {
  let journey: Journey;

  beforeAll(async () => {
    journey = await startJourney(programs ? { fullTemporal: programs } : {});
  });

  afterAll(async () => journey?.stack.stop());

  it('a request is held, then executed exactly once, and its evidence holds', async () => {
    const { stack, olga } = journey;
    const request = await askPending(journey);
    await expectUntouched(journey, request);
    await approve(journey, request);
    await expectMadeOnce(journey, request);
    await expectClosedAs(journey, request, 'succeeded');
    const verified = await stack.cli(['verify', request.id], { KEYTURN_TOKEN: olga });
    expect([verified.code, verified.stdout]).toEqual([0, expect.stringContaining('All checks hold.')]);
  });

  it('a request is found by every search attribute, and by its new status after the decision', async () => {
    const { stack, olga } = journey;
    const request = await askPending(journey);
    const { risk } = await stack.waitForStatus(request.id, 'pending');
    const attributes = [
      "KeyturnAction = 'postgres.execute'",
      "KeyturnEnvironment = 'prod'",
      `KeyturnRisk = '${String(risk)}'`,
      `KeyturnExpiresAt > '${new Date().toISOString()}'`,
    ];
    for (const attribute of attributes)
      await isFound(request.id, `${attribute} and KeyturnStatus = 'pending'`);
    await stack.decide(olga, request.id, { verdict: 'deny' });
    await isFound(request.id, "KeyturnStatus = 'denied'");
    await expectUntouched(journey, request);
  });

  it('silence ends as a denial, not before the deadline', async () => {
    const { stack } = journey;
    const request = await ask(journey, { target: 'shop-expiring' });
    const { expires_at } = await stack.waitForStatus(request.id, 'expired');
    const [expired] = await waitForLeaves(stack, request.id, { type: 'request.expired' });
    expect(Date.parse(expired?.at ?? '')).toBeGreaterThanOrEqual((expires_at as Date).getTime());
    await expectClosedAs(journey, request, 'expired');
    await expectUntouched(journey, request);
  });

  it('what nobody answers is escalated, and those it went to may decide', async () => {
    const { stack } = journey;
    const petra = await stack.issuer.humanToken('petra');
    const request = await askPending(journey, { target: 'shop-escalating' });
    await waitForStep(stack, request.id, 'request.escalated');
    await approve(journey, request, petra);
    await expectMadeOnce(journey, request);
    expect(await stepsOf(stack, request.id)).toContain('request.escalated');
  });

  it('a decision made with no worker up is durable, and counts once a worker is there', async () => {
    const { stack } = journey;
    const request = await askPending(journey);
    expect(await stack.workers[0]?.stop()).toBe('exit code 0');
    expect((await approve(journey, request)).status).toBe(202);
    await expectUntouched(journey, request);
    await stack.workers[0]?.start();
    await expectMadeOnce(journey, request);
  });

  it('every history replays', async () => {
    const result = await journey.stack.cli(['replay', '--all']);
    expect([result.code, result.stdout]).toEqual([0, expect.stringContaining(' 0 different.')]);
  });

  /** Visibility follows the workflow after a while. */
  async function isFound(id: string, query: string): Promise<void> {
    await waitFor({
      what: `${id} to be found by ${query}`,
      check: async () => {
        const { count } = await journey.stack.temporal.workflow.count(`WorkflowId = '${id}' and ${query}`);
        return count === 1 || undefined;
      },
    });
  }
});
