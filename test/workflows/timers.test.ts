import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startStack, type Stack } from '../stack/stack.ts';
import { waitFor } from '../stack/wait.ts';
import { courseOf, leavesOf, verdictsOf, waitForLeaves, waitForVerdicts, waitUntilIdle } from './facts.ts';
import { startLocalWorker, type LocalWorker } from './local-worker.ts';
import { changeRequirement, withPolicy } from './policies.ts';
import { Desk, type SignedAsk } from './signed.ts';

let stack: Stack;
let desk: Desk;
let worker: LocalWorker;

beforeAll(async () => {
  stack = await startStack({ apis: 0, workers: 0 });
  worker = await startLocalWorker(stack);
  desk = await Desk.open(stack);
});

afterAll(async () => {
  await worker.stop();
  await stack.stop();
});

function effectsOf(id: string): number {
  return worker.target.effects.filter((effect) => effect === id).length;
}

async function expiryOf(id: string): Promise<Date> {
  return (await desk.row(id))['expires_at'] as Date;
}

/** Resolves once the clock shows the instant: deadlines of requests are facts of the clock. */
async function waitForClock(instant: Date): Promise<void> {
  await waitFor({
    what: instant.toISOString(),
    check: async () => (Date.now() >= instant.getTime() ? true : undefined),
  });
}

/** The moment from which people were asked: the earliest that a decision can be made, however slow the machine is. */
async function atOnce(id: string): Promise<{ issued_at: string }> {
  return { issued_at: ((await desk.row(id))['pending_since'] as Date).toISOString() };
}

function inAnHour(): string {
  return new Date(Date.now() + 3_600_000).toISOString();
}

describe('silence never approves', () => {
  it('expires as a denial when nobody answers, not before its deadline', async () => {
    const id = await desk.ask({ target: 'shop-expiring' });
    await stack.waitForStatus(id, 'expired');
    const [expired] = await waitForLeaves(stack, id, { type: 'request.expired' });
    expect(Date.parse(expired?.at ?? '')).toBeGreaterThanOrEqual((await expiryOf(id)).getTime());
    expect(effectsOf(id)).toBe(0);
    await expect(stack.temporal.workflow.getHandle(id).result()).resolves.toBe('expired');
  });

  it('escalates to the next group, whose members are refused before and count after', async () => {
    const id = await desk.ask({ target: 'shop-escalating' });
    await desk.decide(id, 'petra', await atOnce(id));
    expect(await waitForVerdicts(stack, id, 1)).toEqual(['petra: not_eligible']);
    const [escalated] = await waitForLeaves(stack, id, { type: 'request.escalated' });
    expect(escalated?.facts).toMatchObject({ to: 'group:dba-leads' });
    expect((await desk.row(id))['open_selectors']).toEqual(['group:dba', 'group:dba-leads']);
    await desk.decide(id, 'petra');
    await stack.waitForStatus(id, 'succeeded');
    expect(effectsOf(id)).toBe(1);
  });

  it('escalates to members whose decision arrived first but was made before the escalation: refused', async () => {
    const id = await desk.ask({ target: 'shop-escalating' });
    const early = await desk.decision(id, 'petra', await atOnce(id));
    await waitForLeaves(stack, id, { type: 'request.escalated' });
    await desk.signal(id, early);
    expect(await waitForVerdicts(stack, id, 1)).toEqual(['petra: not_eligible']);
    expect((await desk.row(id))['status']).toBe('pending');
  });
});

describe('a deferral', () => {
  it('neither decides nor stops the escalation; the person may still answer', async () => {
    const id = await desk.ask({ target: 'shop-escalating' });
    await desk.decide(id, 'olga', { verdict: 'defer', defer: { until: inAnHour(), to: null } });
    await desk.decide(id, 'dmitri', { verdict: 'defer', defer: { until: null, to: 'group:dba-leads' } });
    expect(await waitForVerdicts(stack, id, 2)).toEqual(['olga: defer', 'dmitri: defer']);
    await waitForLeaves(stack, id, { type: 'request.escalated' });
    expect((await desk.row(id))['status']).toBe('pending');
    await desk.decide(id, 'olga');
    await stack.waitForStatus(id, 'succeeded');
    expect(effectsOf(id)).toBe(1);
  });

  it('does not stop the expiry', async () => {
    const id = await desk.ask({ target: 'shop-expiring' });
    const expiresAt = await expiryOf(id);
    const defer = { until: inAnHour(), to: null };
    await desk.decide(id, 'olga', { verdict: 'defer', defer, ...(await atOnce(id)) });
    await stack.waitForStatus(id, 'expired');
    expect(await expiryOf(id)).toEqual(expiresAt);
    expect(await courseOf(stack, id)).toContain('decision.deferred');
  });

  it('hands over only inside the groups that the request requires, and needs exactly one aim', async () => {
    const id = await desk.ask({ target: 'shop-escalating' });
    const refused = [
      { until: null, to: 'group:crowd' },
      { until: null, to: null },
      { until: inAnHour(), to: 'group:dba' },
      { until: new Date(0).toISOString(), to: null },
    ];
    for (const defer of refused) await desk.decide(id, 'olga', { verdict: 'defer', defer });
    const verdicts = await waitForVerdicts(stack, id, 4);
    expect(verdicts.sort()).toEqual([
      'olga: defer_invalid',
      'olga: defer_invalid',
      'olga: defer_invalid',
      'olga: hand_over_invalid',
    ]);
    expect(await courseOf(stack, id)).not.toContain('decision.deferred');
  });
});

describe('with no worker up', () => {
  it('goes by when a decision was made, not by when a worker comes to it', async () => {
    // Time enough to send what is in time, also on a busy machine.
    const slower = changeRequirement('expiring', (requirement) => ({ ...requirement, expires_ms: 8_000 }));
    await withPolicy(stack.keyturnDb, slower, usesTheTimeOfDecision);
  });

  async function usesTheTimeOfDecision(): Promise<void> {
    const made = await askWithNoWorker();
    // Used before the expiry, seen after it.
    await desk.decide(made.ticketInTime, 'olga', { ticketUntil: new Date(Date.now() + 60_000) });
    const shortTicket = new Date(Date.now() + 3_000);
    await desk.signal(made.ticketJustInTime, {
      ticket: await desk.decision(made.ticketJustInTime, 'olga', { ticketUntil: shortTicket }),
    });
    const lateTicket = await desk.decision(made.ticketLate, 'olga', { ticketUntil: shortTicket });
    const afterExpiry = await desk.decision(made.ticketAfterExpiry, 'olga', {
      ticketUntil: new Date(Date.now() + 60_000),
    });
    await desk.decide(made.inTime, 'olga', await atOnce(made.inTime));
    const inTimeSentLate = await desk.decision(
      made.inTimeSentLate,
      'olga',
      await atOnce(made.inTimeSentLate),
    );
    const expiries: number[] = [];
    for (const id of made.expiring) expiries.push((await expiryOf(id)).getTime());
    const lastExpiry = Math.max(...expiries);
    await waitForClock(new Date(lastExpiry));
    await desk.decide(made.lateAnswer, 'olga');
    await desk.signal(made.ticketLate, lateTicket);
    await desk.signal(made.ticketAfterExpiry, afterExpiry);
    await desk.signal(made.inTimeSentLate, inTimeSentLate);
    // Past the grace, too: the worker finds the timer and the signals together.
    await waitForClock(new Date(lastExpiry + 2_500));

    worker = await startLocalWorker(stack, { target: worker.target });
    for (const id of [made.inTime, made.ticketInTime, made.ticketJustInTime, made.inTimeSentLate]) {
      await stack.waitForStatus(id, 'succeeded');
      expect(effectsOf(id)).toBe(1);
    }
    for (const id of [made.lateAnswer, made.ticketAfterExpiry]) {
      await stack.waitForStatus(id, 'expired');
      expect(await verdictsOf(stack, id)).toEqual(['olga: request_expired']);
    }
    expect(await waitForVerdicts(stack, made.ticketLate, 1)).toEqual(['olga: envelope_expired']);
    expect((await desk.row(made.ticketLate))['status']).toBe('pending');
  }

  it('records a ticket by the time of its use as the server saw it', async () => {
    const id = await desk.ask();
    await worker.stop();
    const until = new Date(Date.now() + 2_000);
    await desk.decide(id, 'olga', { ticketUntil: until });
    await waitForClock(until);
    worker = await startLocalWorker(stack, { target: worker.target });
    await stack.waitForStatus(id, 'succeeded');
    const counted = (await leavesOf(stack, id)).find((leaf) => leaf.type === 'decision.counted');
    expect(String(counted?.facts['at']) < until.toISOString()).toBe(true);
    expect((counted?.at ?? '') >= until.toISOString()).toBe(true);
  });
});

/** Requests that wait while no worker is up; those with a deadline are made last and together, so that it lies ahead. */
async function askWithNoWorker() {
  const ticketLate = await desk.ask();
  const ticketJustInTime = await desk.ask();
  const expiring: string[] = [];
  const signed: SignedAsk[] = [];
  for (let count = 0; count < 5; count += 1) {
    signed.push(await desk.signRequest({ target: 'shop-expiring' }));
  }
  await Promise.all(signed.map((request) => desk.start(request)));
  for (const { id } of signed) {
    await stack.waitForStatus(id, 'pending');
    await waitUntilIdle(stack, id);
    expiring.push(id);
  }
  await worker.stop();
  const [inTime = '', inTimeSentLate = '', ticketInTime = '', lateAnswer = '', ticketAfterExpiry = ''] =
    expiring;
  return {
    expiring,
    inTime,
    inTimeSentLate,
    ticketInTime,
    lateAnswer,
    ticketAfterExpiry,
    ticketLate,
    ticketJustInTime,
  };
}
