import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';

import type { Dependencies } from '../../activities/dependencies.ts';
import { createActivities, type Activities } from '../../activities/index.ts';
import { sweepOnce } from '../../activities/sweep.ts';
import { signEnvelope } from '../../domain/envelope.ts';
import { startStack, type Stack } from '../stack/stack.ts';
import { waitFor } from '../stack/wait.ts';
import { courseOf, executionsOf, leavesOf } from '../workflows/facts.ts';
import { openDependencies } from '../workflows/local-worker.ts';
import { ScriptedTarget } from '../workflows/scripted-target.ts';
import { Desk } from '../workflows/signed.ts';
import { called, newCaller, type Caller } from './called.ts';

let stack: Stack;
let desk: Desk;
let target: ScriptedTarget;
let dependencies: Dependencies;
let activities: Activities;

beforeAll(async () => {
  stack = await startStack({ apis: 0, workers: 0 });
  desk = await Desk.open(stack);
  target = new ScriptedTarget();
  const opened = await openDependencies(stack, stack.temporal, target);
  dependencies = { ...opened, history: { ...opened.history, isOpen: async () => true } };
  activities = createActivities(dependencies);
});

afterEach(() => vi.restoreAllMocks());

afterAll(async () => {
  await dependencies.source.destroy();
  await stack.stop();
});

function now(): string {
  return new Date().toISOString();
}

async function pending(): Promise<Caller> {
  const caller = await newCaller(desk, 'shop');
  await called(caller, activities.receive, { request: caller.request.envelope, at: now() });
  const planned = await called(caller, activities.plan, { attempt: 1, at: now() });
  if (planned.kind !== 'planned') throw new Error('not planned');
  await called(caller, activities.evaluate, { plan_digest: planned.plan_digest, attempt: 1, at: now() });
  return caller;
}

async function approve(caller: Caller): Promise<void> {
  const messages = [{ kind: 'decide' as const, body: await desk.decision(caller.id, 'olga') }];
  await called(caller, activities.consume, { messages, junk: 0, step: 1, at: now() });
}

async function approved(): Promise<Caller> {
  const caller = await pending();
  await approve(caller);
  return caller;
}

async function set(id: string, assignment: string): Promise<void> {
  await stack.keyturnDb.query(`update keyturn.request set ${assignment} where id = $1`, [id]);
}

async function statusOf(id: string): Promise<unknown> {
  return (await desk.row(id))['status'];
}

function execute(caller: Caller): Promise<unknown> {
  return called(caller, activities.execute, { step: 1, at: now() });
}

function effectsOf(id: string): number {
  return target.effects.filter((effect) => effect === id).length;
}

/** This process's clock goes wrong; the database's stays as it is. */
function shiftClock(ms: number): void {
  const real = Date.now.bind(Date);
  vi.spyOn(Date, 'now').mockImplementation(() => real() + ms);
}

describe('the sweep', () => {
  it('expires what is overdue though its workflow does not get on, and only that', async () => {
    const overdue = await pending();
    const waiting = await pending();
    await set(overdue.id, `expires_at = clock_timestamp() - interval '2 minutes'`);
    const swept = await sweepOnce(dependencies, { namespace: 'default', quietMs: 60_000 });
    expect(swept.overdue).toEqual([overdue.id]);
    expect(await statusOf(overdue.id)).toBe('expired');
    expect((await leavesOf(stack, overdue.id)).at(-1)).toMatchObject({
      type: 'request.expired',
      facts: { found_by: 'sweep' },
    });
    expect(await statusOf(waiting.id)).toBe('pending');
  });
});

describe('a process whose clock is two hours fast', () => {
  it('does not claim an approved action', async () => {
    const caller = await approved();
    shiftClock(7_200_000);
    await expect(execute(caller)).rejects.toThrow('clock');
    vi.restoreAllMocks();
    expect(await executionsOf(stack, caller.id)).toEqual([]);
    expect(await statusOf(caller.id)).toBe('approved');
  });

  it('cannot bring in a request that is dated ahead', async () => {
    const early = await newCaller(desk, 'shop');
    const issued_at = new Date(Date.now() + 7_200_000).toISOString();
    const envelope = await signEnvelope({ ...early.request.signed, issued_at }, desk.signer);
    await expect(called(early, activities.receive, { request: envelope, at: now() })).rejects.toThrow(
      'dated in the future',
    );
  });
});

describe('an approved action', () => {
  it.each([
    ['since when it waits', `pending_since = pending_since - interval '1 hour'`],
    ['until when it waits', `expires_at = expires_at + interval '1 hour'`],
    ['its clocks', `clocks = '{"office":[[0,9999999999999]]}'`],
    ['that it is an emergency', 'is_break_glass = true'],
  ])('is not performed when its row was rewritten: %s', async (_what, assignment) => {
    const caller = await approved();
    await set(caller.id, assignment);
    expect(await execute(caller)).toEqual({ kind: 'again' });
    expect(await executionsOf(stack, caller.id)).toEqual([]);
    expect(effectsOf(caller.id)).toBe(0);
  });

  it('is claimed at the time when all locks are held, however long it waited for them', async () => {
    const caller = await approved();
    const { keyturnDb } = stack;
    await keyturnDb.query('begin');
    await keyturnDb.query('select 1 from keyturn.policy_active for update');
    const executed = execute(caller);
    await waitFor({
      what: 'the claim to wait',
      check: async () => {
        const sql = `select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`;
        return (await keyturnDb.query(sql)).rowCount ? true : undefined;
      },
    });
    const { rows } = await keyturnDb.query<{ now: Date }>('select clock_timestamp() as now');
    await keyturnDb.query('commit');
    expect(await executed).toEqual({ kind: 'closed', status: 'succeeded' });
    const released = rows[0]?.now.getTime() ?? Number.NaN;
    const [claim] = await executionsOf(stack, caller.id);
    expect(claim?.claimed_at.getTime()).toBeGreaterThanOrEqual(released);
    const claimed = (await leavesOf(stack, caller.id)).find(({ type }) => type === 'execution.claimed');
    expect(Date.parse(claimed?.at ?? '')).toBe(claim?.claimed_at.getTime());
  });

  it('is tried again when the target was away and nothing was sent: that is no unknown outcome', async () => {
    const caller = await approved();
    vi.spyOn(target, 'execute').mockRejectedValueOnce(new Error('connection refused'));
    vi.spyOn(target, 'probe').mockRejectedValue(new Error('connection refused'));
    await expect(execute(caller)).rejects.toThrow('could not be reached');
    expect(await executionsOf(stack, caller.id)).toMatchObject([{ state: 'not_done' }]);
    expect(await execute(caller)).toEqual({ kind: 'closed', status: 'succeeded' });
    expect(await courseOf(stack, caller.id)).not.toContain('execution.indeterminate');
    expect(effectsOf(caller.id)).toBe(1);
  });

  it('is not looked for over and over when its claim is missing', async () => {
    const caller = await approved();
    vi.spyOn(target, 'execute').mockRejectedValueOnce(new Error('connection lost'));
    await expect(execute(caller)).rejects.toThrow('could not be reached');
    await stack.keyturnDb.query('delete from keyturn.execution where request = $1', [caller.id]);
    await expect(execute(caller)).rejects.toThrow('claim of this request is missing');
    expect(effectsOf(caller.id)).toBe(0);
  });
});
