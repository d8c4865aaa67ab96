import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Dependencies } from '../../activities/dependencies.ts';
import { createActivities, type Activities } from '../../activities/index.ts';
import { createDataSource } from '../../database/data-source.ts';
import { keepMessage } from '../../database/kept-messages.ts';
import type { RequestStatus } from '../../domain/request/status.ts';
import { startStack, type Stack } from '../stack/stack.ts';
import { courseOf, executionsOf, leavesOf, waitForLeaves } from '../workflows/facts.ts';
import { openDependencies } from '../workflows/local-worker.ts';
import { ScriptedTarget } from '../workflows/scripted-target.ts';
import { Desk, randomId } from '../workflows/signed.ts';
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
  dependencies = await openDependencies(stack, stack.temporal, target);
  activities = createActivities({
    ...dependencies,
    history: { ...dependencies.history, signalsReceivedAt: async () => new Map() },
  });
});

afterAll(async () => {
  await dependencies.source.destroy();
  await stack.stop();
});

function now(): string {
  return new Date().toISOString();
}

/** What one who schedules our activities under the request's own run can ask of them: any name, any time, any order. */
const FORGED: Readonly<Record<string, (caller: Caller) => Promise<unknown>>> = {
  receive: (caller) =>
    called(caller, activities.receive, { request: caller.request.envelope, at: '2001-01-01T00:00:00Z' }),
  plan: (caller) => called(caller, activities.plan, { attempt: 1, at: now() }),
  'plan of a round to come': (caller) => called(caller, activities.plan, { attempt: 2, at: now() }),
  evaluate: async (caller) =>
    called(caller, activities.evaluate, { plan_digest: await planOf(caller.id), attempt: 1, at: now() }),
  'evaluate of a round to come': async (caller) =>
    called(caller, activities.evaluate, { plan_digest: await planOf(caller.id), attempt: 2, at: now() }),
  consume: (caller) =>
    called(caller, activities.consume, { messages: [], junk: 0, step: 1, at: '2001-01-01T00:00:00Z' }),
  consumeLate: (caller) =>
    called(caller, activities.consumeLate, { messages: [], junk: 0, step: 1, at: now() }),
  escalate: (caller) => called(caller, activities.escalate, { step: '1/x', since: '2001-01-01', at: now() }),
  expire: (caller) => called(caller, activities.expire, { step: '1', at: '2099-01-01T00:00:00Z' }),
  reconsider: (caller) => called(caller, activities.reconsider, { step: '1/1', at: now() }),
  abandonPlanning: (caller) => called(caller, activities.abandonPlanning, { step: '1', at: now() }),
};

async function planOf(id: string): Promise<string> {
  const { rows } = await stack.keyturnDb.query<{ digest: string }>(
    'select digest from keyturn.plan where request = $1',
    [id],
  );
  return rows[0]?.digest ?? `sha256:${'0'.repeat(64)}`;
}

async function decide(caller: Caller, verdict: 'approve' | 'deny', step: number): Promise<unknown> {
  const body = await desk.decision(caller.id, 'olga', { verdict });
  return called(caller, activities.consume, {
    messages: [{ kind: 'decide', body }],
    junk: 0,
    step,
    at: now(),
  });
}

type Standing = 'planning' | 'pending' | 'approved' | 'executing' | 'succeeded' | 'denied' | 'failed';

/** A request that stands where it is wanted, and how what runs is let go on. */
async function standing(
  at: Standing,
): Promise<{ readonly caller: Caller; readonly release: () => Promise<void> }> {
  const caller = await newCaller(desk, 'shop');
  const held = { caller, release: async (): Promise<void> => {} };
  await called(caller, activities.receive, { request: caller.request.envelope, at: now() });
  if (at === 'planning') return held;
  if (at === 'failed') {
    await called(caller, activities.abandonPlanning, { step: 'early', at: now() });
    return held;
  }
  await FORGED['plan']?.(caller);
  await FORGED['evaluate']?.(caller);
  if (at === 'pending') return held;
  await decide(caller, at === 'denied' ? 'deny' : 'approve', 7);
  if (at === 'approved' || at === 'denied') return held;
  const open = target.holdExecutions();
  const executed = called(caller, activities.execute, { step: 1, at: now() });
  await waitForLeaves(stack, caller.id, { type: 'execution.claimed' });
  const release = async (): Promise<void> => {
    open();
    await executed;
  };
  if (at === 'succeeded') await release();
  return { caller, release };
}

/** The moves that are due in any case, by any caller: everything else leaves the request where it stands. */
const DUE: Readonly<Record<string, RequestStatus>> = {
  'planning: plan': 'pending',
  'planning: evaluate': 'planning',
  'planning: abandonPlanning': 'failed',
};

const STANDINGS: readonly Standing[] = [
  'planning',
  'pending',
  'approved',
  'executing',
  'succeeded',
  'denied',
  'failed',
];

async function statusOf(id: string): Promise<unknown> {
  return (await desk.row(id))['status'];
}

describe('a step that somebody else schedules', () => {
  it.each(STANDINGS.flatMap((at) => Object.keys(FORGED).map((name) => [at, name] as const)))(
    'does not move a request that is %s: %s',
    async (at, name) => {
      const { caller, release } = await standing(at);
      const before = await desk.row(caller.id);
      await FORGED[name]?.(caller).catch(() => {});
      const after = await desk.row(caller.id);
      const due = DUE[`${at}: ${name}`] ?? at;
      expect(after['status']).toBe(due);
      const opened = due === 'pending' && at !== 'pending' ? ['round', 'decision_digest'] : [];
      for (const column of ['round', 'decision_digest'])
        if (!opened.includes(column)) expect(after[column]).toBe(before[column]);
      await release();
      if (at === 'executing') expect(await statusOf(caller.id)).toBe('succeeded');
    },
  );

  it('hides no outcome: nothing ends a request that is being executed, in whatever order it is tried', async () => {
    const { caller, release } = await standing('executing');
    for (const name of [...Object.keys(FORGED), ...Object.keys(FORGED).toReversed()])
      await FORGED[name]?.(caller).catch(() => {});
    await decide(caller, 'deny', 99);
    expect(await statusOf(caller.id)).toBe('executing');
    await release();
    expect(await statusOf(caller.id)).toBe('succeeded');
    expect(await executionsOf(stack, caller.id)).toMatchObject([{ state: 'succeeded' }]);
    expect((await courseOf(stack, caller.id)).at(-1)).toBe('execution.succeeded');
    expect(target.effects.filter((id) => id === caller.id)).toHaveLength(1);
  });

  it('fixes nothing early: what has nothing to do when it is called too soon is done when it is due', async () => {
    const { caller } = await standing('planning');
    for (const name of Object.keys(FORGED).filter((known) => known !== 'abandonPlanning'))
      await FORGED[name]?.(caller).catch(() => {});
    await FORGED['evaluate']?.(caller);
    expect(await statusOf(caller.id)).toBe('pending');
    await stack.keyturnDb.query(
      `update keyturn.request set expires_at = clock_timestamp() - interval '1 second' where id = $1`,
      [caller.id],
    );
    expect(await FORGED['expire']?.(caller)).toEqual({ status: 'expired' });
  });

  it('is dated neither before the last step of the request nor after now', async () => {
    const { caller } = await standing('approved');
    for (const at of ['2001-01-01T00:00:00.000Z', '2099-01-01T00:00:00.000Z', 'no instant'])
      await called(caller, activities.consume, { messages: [], junk: 1, step: 50, at }).catch(() => {});
    const times = (await leavesOf(stack, caller.id)).map((leaf) => leaf.at);
    expect(times).toEqual(times.toSorted());
    expect(times.every((at) => Date.parse(at) <= Date.now())).toBe(true);
    expect(times.every((at) => Date.parse(at) >= Date.parse(caller.request.signed.issued_at))).toBe(true);
  });
});

/** As the API keeps what it has acknowledged: with its role, which alone may. */
async function keep(id: string, kind: 'decide' | 'withdraw', envelope: string): Promise<void> {
  const source = createDataSource({
    url: stack.databases.keyturn.api,
    applicationName: 'test',
    poolSize: 1,
  });
  await source.initialize();
  expect(await keepMessage(source.manager, id, { id: randomId('dec'), kind, envelope })).toBe(true);
  await source.destroy();
}

describe('what was acknowledged and is not consumed yet', () => {
  const TAKING = ['consume', 'consumeLate', 'escalate', 'reconsider'];

  it.each(TAKING)('a denial goes before anything that %s comes to', async (name) => {
    const { caller } = await standing('pending');
    await keep(caller.id, 'decide', await desk.decision(caller.id, 'olga', { verdict: 'deny' }));
    await FORGED[name]?.(caller);
    expect(await statusOf(caller.id)).toBe('denied');
    expect(await courseOf(stack, caller.id)).toContain('decision.counted');
  });

  it.each(TAKING)('a withdrawal goes before anything that %s comes to', async (name) => {
    const { caller } = await standing('pending');
    await keep(caller.id, 'withdraw', await desk.withdrawal(caller.id, 'ada'));
    await FORGED[name]?.(caller);
    expect(await statusOf(caller.id)).toBe('cancelled');
  });
});

describe('the database itself', () => {
  it('refuses that a request leaves executing while a claim is open, that what is over moves, and stray claims', async () => {
    const { caller, release } = await standing('executing');
    const move = (status: string, id = caller.id) =>
      dependencies.source.query('update keyturn.request set status = $2 where id = $1', [id, status]);
    for (const status of ['failed', 'planning', 'cancelled', 'succeeded'])
      await expect(move(status)).rejects.toThrow('does not leave executing');
    await release();
    await expect(move('failed')).rejects.toThrow('does not move');
    const { caller: waiting } = await standing('pending');
    const claim = `insert into keyturn.execution
      (request, attempt, idempotency_key, decision_digest, state, claimed_at)
      values ($1, 1, $1, 'x', 'claimed', now())`;
    await expect(dependencies.source.query(claim, [waiting.id])).rejects.toThrow('executing requests only');
  });
});
