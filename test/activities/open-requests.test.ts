import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { Dependencies } from '../../activities/dependencies.ts';
import { createActivities, type Activities } from '../../activities/index.ts';
import { createDataSource } from '../../database/data-source.ts';
import { lockOpenRequests } from '../../database/rehearsals.ts';
import { budgetRoot } from '../../domain/execution/budgets.ts';
import { REVIEW } from '../../domain/policy/policy.ts';
import { startStack, type Stack } from '../stack/stack.ts';
import { courseOf } from '../workflows/facts.ts';
import { openDependencies } from '../workflows/local-worker.ts';
import { ScriptedTarget } from '../workflows/scripted-target.ts';
import { Desk, type Ask } from '../workflows/signed.ts';
import { called, newCaller, type Caller } from './called.ts';

/** Requests that the API took before any worker knew of them. */

const OPEN_MAX = 2;

let stack: Stack;
let desk: Desk;
let target: ScriptedTarget;
let dependencies: Dependencies;
let activities: Activities;

beforeAll(async () => {
  stack = await startStack({ apis: 1, workers: 0 });
  desk = await Desk.open(stack);
  target = new ScriptedTarget();
  const opened = await openDependencies(stack, stack.temporal, target);
  dependencies = { ...opened, budgets: { ...opened.budgets, openRequests: OPEN_MAX } };
  activities = createActivities(dependencies);
});

// What an earlier test, or an earlier try of the same, has left open.
beforeEach(async () => {
  await stack.keyturnDb.query(`update keyturn.request set status = 'cancelled' where status = 'planning'`);
});

afterAll(async () => {
  await dependencies.source.destroy();
  await stack.stop();
});

function receive(caller: Caller, by: Pick<Activities, 'receive'> = activities): Promise<unknown> {
  const input = { request: caller.request.envelope, at: new Date().toISOString() };
  return called(caller, by.receive, input);
}

async function received(further: Omit<Ask, 'target'> = {}, on = 'shop-sandbox'): Promise<Caller> {
  const caller = await newCaller(desk, on, further);
  await receive(caller);
  return caller;
}

/** As many as the person behind the agent, Ada, may have open. */
async function fill(): Promise<void> {
  for (let open = 0; open < OPEN_MAX; open++) expect(await statusOf(await received())).toBe('planning');
}

const statusOf = async ({ id }: Caller): Promise<unknown> => (await desk.row(id))['status'];

describe('the budget of open requests', () => {
  it('holds where all of them are received at once: what is beyond ends, on record and unplanned', async () => {
    const callers = await Promise.all(Array.from({ length: 6 }, () => newCaller(desk, 'shop-sandbox')));
    await Promise.all(callers.map((caller) => receive(caller)));
    const statuses = await Promise.all(callers.map(statusOf));
    expect(statuses.filter((status) => status === 'planning')).toHaveLength(OPEN_MAX);
    const beyond = callers[statuses.indexOf('failed')];
    if (!beyond) throw new Error('none is beyond');
    // A step that is repeated changes nothing.
    await receive(beyond);
    expect(await desk.row(beyond.id)).toMatchObject({ status: 'failed', failure: { code: 'over_budget' } });
    expect(await courseOf(stack, beyond.id)).toEqual(['request.received', 'request.plan_failed']);
    const at = new Date().toISOString();
    const closed = { kind: 'closed', status: 'failed' };
    expect(await called(beyond, activities.plan, { attempt: 1, at })).toEqual(closed);
    expect(target.planned).not.toContain(beyond.id);
    const olga = await stack.issuer.humanToken('olga');
    const { stdout } = await stack.cli(['verify', beyond.id], { KEYTURN_TOKEN: olga });
    expect(stdout).toContain('All checks hold.');
  });

  it('is one for a person and their agents, and no matter of anybody else', async () => {
    await fill();
    expect(await statusOf(await received({ requester: 'ada' }))).toBe('failed');
    expect(await statusOf(await received({ requester: 'agent-dba' }))).toBe('planning');
  });

  it('keeps no review of a break-glass request away', async () => {
    await fill();
    expect(await statusOf(await received())).toBe('failed');
    const review = await received({ action: REVIEW.action }, 'keyturn');
    expect(await statusOf(review)).toBe('planning');
  });

  it('is counted one request after the other, and lets those of others pass meanwhile', async () => {
    const source = createDataSource({
      url: stack.databases.keyturn.worker,
      applicationName: 'few-connections',
      poolSize: 2,
    });
    await source.initialize();
    const budgets = { ...dependencies.budgets, openRequests: 100 };
    const few = createActivities({ ...dependencies, source, budgets });
    const callers = await Promise.all(Array.from({ length: 20 }, () => newCaller(desk, 'shop-sandbox')));
    const other = await newCaller(desk, 'shop-sandbox', { requester: 'agent-dba' });
    const { directory } = await dependencies.directories.now(dependencies.source.manager);
    const root = budgetRoot(directory, callers[0]?.request.signed.lineage ?? []);
    // Another worker is at it.
    const { waiting } = await dependencies.source.transaction(async (manager) => {
      await lockOpenRequests(manager, root);
      const all = Promise.all(callers.map((caller) => receive(caller, few)));
      await receive(other, few);
      return { waiting: all };
    });
    await waiting;
    const statuses = await Promise.all([other, ...callers].map(statusOf));
    expect(new Set(statuses)).toEqual(new Set(['planning']));
    await source.destroy();
  });
});
