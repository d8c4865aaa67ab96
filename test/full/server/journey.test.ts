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

  it('a request is held, then performed exactly once, and its evidence holds', async () => {
    const { stack, olga } = journey;
    const asked = await askPending(journey);
    await expectUntouched(journey, asked);
    await approve(journey, asked);
    await expectMadeOnce(journey, asked);
    await expectClosedAs(journey, asked, 'succeeded');
    const verified = await stack.cli(['verify', asked.id], { KEYTURN_TOKEN: olga });
    expect([verified.code, verified.stdout]).toEqual([0, expect.stringContaining('All checks hold.')]);
  });

  it('a request is found by every search attribute, and by its new status after the decision', async () => {
    const { stack, olga } = journey;
    const asked = await askPending(journey);
    const { risk } = await stack.waitForStatus(asked.id, 'pending');
    const attributes = [
      "KeyturnAction = 'postgres.execute'",
      "KeyturnEnvironment = 'prod'",
      `KeyturnRisk = '${String(risk)}'`,
      `KeyturnExpiresAt > '${new Date().toISOString()}'`,
    ];
    for (const attribute of attributes) await isFound(asked.id, `${attribute} and KeyturnStatus = 'pending'`);
    await stack.decide(olga, asked.id, { verdict: 'deny' });
    await isFound(asked.id, "KeyturnStatus = 'denied'");
    await expectUntouched(journey, asked);
  });

  it('silence ends as a denial, not before the deadline', async () => {
    const { stack } = journey;
    const asked = await ask(journey, { target: 'shop-expiring' });
    const { expires_at } = await stack.waitForStatus(asked.id, 'expired');
    const [expired] = await waitForLeaves(stack, asked.id, { type: 'request.expired' });
    expect(Date.parse(expired?.at ?? '')).toBeGreaterThanOrEqual((expires_at as Date).getTime());
    await expectClosedAs(journey, asked, 'expired');
    await expectUntouched(journey, asked);
  });

  it('what nobody answers is escalated, and those it went to may decide', async () => {
    const { stack } = journey;
    const petra = await stack.issuer.humanToken('petra');
    const asked = await askPending(journey, { target: 'shop-escalating' });
    await waitForStep(stack, asked.id, 'request.escalated');
    await approve(journey, asked, petra);
    await expectMadeOnce(journey, asked);
    expect(await stepsOf(stack, asked.id)).toContain('request.escalated');
  });

  it('a decision made with no worker up is durable, and counts once a worker is there', async () => {
    const { stack } = journey;
    const asked = await askPending(journey);
    expect(await stack.workers[0]?.stop()).toBe('exit code 0');
    expect((await approve(journey, asked)).status).toBe(202);
    await expectUntouched(journey, asked);
    await stack.workers[0]?.start();
    await expectMadeOnce(journey, asked);
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
