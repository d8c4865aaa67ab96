import { afterAll, beforeAll, expect, it } from 'vitest';

import type { BusinessCalendar, BusinessHours } from '../../domain/calendar/calendar.ts';
import type { Clocks } from '../../domain/calendar/clock.ts';
import { startStack, type Stack } from '../stack/stack.ts';
import { courseOf, waitForLeaves, waitForVerdicts } from './facts.ts';
import { startLocalWorker, type LocalWorker } from './local-worker.ts';
import { changeRequirement, withPolicy, type PolicyChange } from './policies.ts';
import { Desk } from './signed.ts';

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

/** A zone in which it is about noon: hours around now never cross midnight. */
function noonZone(): string {
  const offset = 12 - new Date().getUTCHours();
  // These names count westwards.
  return `Etc/GMT${offset < 0 ? '+' : '-'}${Math.abs(offset)}`;
}

function everyDay(hours: readonly BusinessHours[]): BusinessCalendar {
  const week = { mon: hours, tue: hours, wed: hours, thu: hours, fri: hours, sat: hours, sun: hours };
  return { id: 'office', time_zone: noonZone(), week, holidays: [] };
}

const OPEN_NOW = [{ from: '09:00', to: '16:00' }];
const CLOSED_NOW = [
  { from: '06:00', to: '09:00' },
  { from: '16:00', to: '18:00' },
];

/** The rule `escalating`, which escalates after two seconds, counts the business time of this calendar. */
function countedBy(calendar: BusinessCalendar): PolicyChange {
  const clocked = changeRequirement('escalating', (requirement) => ({ ...requirement, clock: calendar.id }));
  return (policy) => clocked({ ...policy, calendars: [calendar] });
}

async function clocksOf(id: string): Promise<Clocks> {
  return (await desk.row(id))['clocks'] as Clocks;
}

it('a request escalates after business time, and who is asked then is refused before', async () => {
  await withPolicy(stack.keyturnDb, countedBy(everyDay(OPEN_NOW)), async () => {
    const id = await desk.ask({ target: 'shop-escalating' });
    const since = (await desk.row(id))['pending_since'] as Date;
    const expiresAt = (await desk.row(id))['expires_at'] as Date;
    expect(await clocksOf(id)).toEqual({ office: [[since.getTime(), expiresAt.getTime()]] });
    await desk.decide(id, 'petra', { issued_at: since.toISOString() });
    expect(await waitForVerdicts(stack, id, 1)).toEqual(['petra: not_eligible']);
    const [escalated] = await waitForLeaves(stack, id, { type: 'request.escalated' });
    expect(escalated?.facts['at']).toBe(new Date(since.getTime() + 2_000).toISOString());
    expect((await desk.row(id))['open_selectors']).toEqual(['group:dba', 'group:dba-leads']);
    await desk.decide(id, 'petra');
    await stack.waitForStatus(id, 'succeeded');
  });
});

it('outside of business hours a request does not escalate, and still expires by the clock of another rule', async () => {
  const calendar = everyDay(CLOSED_NOW);
  const clocked = countedBy(calendar);
  await withPolicy(
    stack.keyturnDb,
    (policy) => {
      const changed = clocked(policy);
      const { effect, require } = changed.defaults;
      return {
        ...changed,
        defaults: { effect, require: { ...require, expires_ms: 6_000 } },
        rules: changed.rules.map((rule) => ({ ...rule, replaces_default: false })),
      };
    },
    async () => {
      const id = await desk.ask({ target: 'shop-escalating' });
      const { pending_since: since, expires_at: expiresAt } = await desk.row(id);
      expect((expiresAt as Date).getTime() - (since as Date).getTime()).toBe(6_000);
      expect(await clocksOf(id)).toEqual({ office: [] });
      await stack.waitForStatus(id, 'expired');
      const course = await courseOf(stack, id);
      expect(course).toContain('request.expired');
      expect(course).not.toContain('request.escalated');
    },
  );
});

it('a request keeps the business time it was asked by when the calendar is closed afterwards', async () => {
  await withPolicy(stack.keyturnDb, countedBy(everyDay(OPEN_NOW)), async () => {
    const id = await desk.ask({ target: 'shop-escalating' });
    const kept = await clocksOf(id);
    await withPolicy(stack.keyturnDb, countedBy(everyDay(CLOSED_NOW)), async () => {
      await waitForLeaves(stack, id, { type: 'request.escalated' });
      expect(await clocksOf(id)).toEqual(kept);
    });
  });
});

it('a later round never moves the expiry later, though the calendar of then would', async () => {
  await withPolicy(stack.keyturnDb, countedBy(everyDay(OPEN_NOW)), async () => {
    const id = await desk.ask({ target: 'shop-escalating' });
    const { expires_at: expiresAt } = await desk.row(id);
    const harder = changeRequirement('escalating', (requirement) => ({
      ...requirement,
      is_reason_required: true,
    }));
    const closed = countedBy(everyDay(CLOSED_NOW));
    await withPolicy(
      stack.keyturnDb,
      (policy) => harder(closed(policy)),
      async () => {
        await stack.temporal.workflow.getHandle(id).signal('reconsider');
        await waitForLeaves(stack, id, { type: 'request.pending', count: 2 });
        expect(await desk.row(id)).toMatchObject({ round: 2, expires_at: expiresAt });
      },
    );
  });
});
