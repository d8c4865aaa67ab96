import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';

import { consumeAllKept } from '../../activities/steps/consume-all-kept.ts';
import type { ExecutionOutcome } from '../../activities/connectors/connector.ts';
import type { Dependencies } from '../../activities/dependencies.ts';
import { createActivities, type Activities } from '../../activities/index.ts';
import { signEnvelope } from '../../domain/crypto/envelope.ts';
import { startStack, type Stack } from '../stack/stack.ts';
import { courseOf, executionsOf, leavesOf } from '../workflows/facts.ts';
import { openDependencies } from '../workflows/local-worker.ts';
import { ScriptedTarget } from '../workflows/scripted-target.ts';
import { Desk, randomId } from '../workflows/signed.ts';
import { called, newCaller, pendingCaller, type Caller } from './called.ts';

/** What comes late: requests that were kept back, withdrawals, and outcomes of claims that nobody waited for. */

let stack: Stack;
let desk: Desk;
let target: ScriptedTarget;
let dependencies: Dependencies;
let activities: Activities;
let olga: string;

beforeAll(async () => {
  stack = await startStack({ apis: 1, workers: 0 });
  olga = await stack.issuer.humanToken('olga');
  desk = await Desk.open(stack);
  target = new ScriptedTarget();
  dependencies = await openDependencies(stack, stack.temporal, target);
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

function pending(): Promise<Caller> {
  return pendingCaller({ desk, activities });
}

async function decide(caller: Caller, verdict: 'approve' | 'deny'): Promise<void> {
  const messages = [{ kind: 'decide' as const, body: await desk.decision(caller.id, 'olga', { verdict }) }];
  await called(caller, activities.consume, { messages, junk: 0, step: 1, at: now() });
}

async function approved(): Promise<Caller> {
  const caller = await pending();
  await decide(caller, 'approve');
  return caller;
}

function execute(caller: Caller): Promise<unknown> {
  return called(caller, activities.execute, { step: 1, at: now() });
}

async function statusOf({ id }: Caller): Promise<unknown> {
  return (await desk.row(id))['status'];
}

async function expectVerifiable({ id }: Caller): Promise<void> {
  const { code, stdout } = await stack.cli(['verify', id], { KEYTURN_TOKEN: olga });
  expect([code, stdout]).toEqual([0, expect.stringContaining('All checks hold.')]);
}

describe('a signed request that is received after more than an hour', () => {
  async function keptBack(minutes: number): Promise<Caller> {
    const caller = await newCaller(desk, 'shop-sandbox');
    const issued_at = new Date(Date.now() - minutes * 60_000).toISOString();
    const signed = { ...caller.request.signed, issued_at };
    const envelope = await signEnvelope(signed, desk.signer);
    return { ...caller, request: { ...caller.request, signed, envelope } };
  }

  it('is expired, on record, and never runs', async () => {
    const caller = await keptBack(61);
    const receive = () =>
      called(caller, activities.receive, {
        request: caller.request.envelope,
        at: now(),
      });
    expect(await receive()).toEqual({ mode: 'execute' });
    expect(await receive()).toEqual({ mode: 'execute' });
    expect(await desk.row(caller.id)).toMatchObject({
      status: 'expired',
      failure: { code: 'envelope_expired' },
    });
    expect(await called(caller, activities.plan, { attempt: 1, at: now() })).toEqual({
      kind: 'closed',
      status: 'expired',
    });
    expect(await execute(caller)).toEqual({ kind: 'closed', status: 'expired' });
    expect(await courseOf(stack, caller.id)).toEqual(['request.received', 'request.expired']);
    expect(target.planned).not.toContain(caller.id);
    await expectVerifiable(caller);
  });

  it('is taken when it is younger: an outage of that length is waited for', async () => {
    const caller = await keptBack(59);
    await called(caller, activities.receive, { request: caller.request.envelope, at: now() });
    expect(await statusOf(caller)).toBe('planning');
  });
});

describe('a withdrawal that was acknowledged and comes too late', () => {
  /** Kept by the API, and found by the workers. */
  async function withdraw(caller: Caller): Promise<void> {
    const envelope = await desk.withdrawal(caller.id, 'ada');
    const message = [randomId('wdr'), caller.id, 'withdraw', envelope];
    await stack.keyturnDb.query('select keyturn.keep_message($1, $2, $3, $4)', message);
    await consumeAllKept(dependencies, 'default');
    // The signal that was swallowed comes through after all.
    const messages = [{ kind: 'withdraw' as const, body: envelope }];
    await called(caller, activities.consume, { messages, junk: 0, step: 2, at: now() });
  }

  async function refusalsOf(caller: Caller): Promise<unknown[]> {
    const leaves = await leavesOf(stack, caller.id);
    return leaves.flatMap(({ type, facts }) =>
      type === 'request.withdrawal_refused' ? [facts['code']] : [],
    );
  }

  it('is on record once when the request has ended', async () => {
    const caller = await pending();
    await decide(caller, 'deny');
    await withdraw(caller);
    expect(await statusOf(caller)).toBe('denied');
    expect(await refusalsOf(caller)).toEqual(['request_finished']);
    await expectVerifiable(caller);
  });

  it('is on record once while the action is executed', async () => {
    const caller = await approved();
    const realExecute = target.execute.bind(target);
    vi.spyOn(target, 'execute').mockImplementation(async (call) => {
      await withdraw(caller);
      return realExecute(call);
    });
    expect(await execute(caller)).toEqual({ kind: 'closed', status: 'succeeded' });
    expect(await refusalsOf(caller)).toEqual(['request_executing']);
    await expectVerifiable(caller);
  });

  it.each(['ada', 'olga'])('leaves one trace when copies of it come in one batch: by %s', async (subject) => {
    const caller = await pending();
    const envelope = await desk.withdrawal(caller.id, subject);
    const message = [randomId('wdr'), caller.id, 'withdraw', envelope];
    await stack.keyturnDb.query('select keyturn.keep_message($1, $2, $3, $4)', message);
    const copy = { kind: 'withdraw' as const, body: envelope };
    await called(caller, activities.consume, { messages: [copy, copy], junk: 0, step: 2, at: now() });
    const traces = (await courseOf(stack, caller.id)).filter((type) => type.startsWith('request.withdraw'));
    expect(traces).toEqual([subject === 'ada' ? 'request.withdrawn' : 'request.withdrawal_refused']);
  });

  it('is no refusal when it counted the first time', async () => {
    const caller = await pending();
    await withdraw(caller);
    expect(await statusOf(caller)).toBe('cancelled');
    expect(await refusalsOf(caller)).toEqual([]);
  });
});

describe('an outcome that was called unknown while the action ran', () => {
  /** Somebody calls the outcome unknown as soon as the run has noted its transaction. */
  function calledUnknown(caller: Caller, outcome?: ExecutionOutcome): void {
    vi.spyOn(target, 'probe').mockResolvedValue('unknown');
    vi.spyOn(target, 'execute').mockImplementation(async (call) => {
      await call.beforeCommit({ transactionId: '7' });
      await expect(execute({ ...caller, attempt: 8 })).rejects.toThrow('cannot say yet');
      expect(await statusOf(caller)).toBe('executing');
      const older = `update keyturn.execution set claimed_at = claimed_at - interval '1 minute' where request = $1`;
      await stack.keyturnDb.query(older, [caller.id]);
      expect(await execute({ ...caller, attempt: 8 })).toEqual({ kind: 'closed', status: 'indeterminate' });
      const { fingerprint } = call.approvedPlan;
      return outcome ?? { kind: 'succeeded', fingerprint, result: { rows: 1 } };
    });
  }

  it('is the success that the run saw, and not before the claim is old', async () => {
    const caller = await approved();
    calledUnknown(caller);
    expect(await execute(caller)).toEqual({ kind: 'closed', status: 'succeeded' });
    expect(await desk.row(caller.id)).toMatchObject({ failure: null, result: { rows: 1 } });
    expect(await executionsOf(stack, caller.id)).toMatchObject([{ state: 'succeeded' }]);
    expect((await courseOf(stack, caller.id)).slice(-3)).toEqual([
      'execution.claimed',
      'execution.indeterminate',
      'execution.succeeded',
    ]);
    await expectVerifiable(caller);
  });

  it('is the failure that the run saw', async () => {
    const caller = await approved();
    calledUnknown(caller, { kind: 'failed', code: 'constraint', detail: 'a check failed' });
    expect(await execute(caller)).toEqual({ kind: 'closed', status: 'failed' });
    expect(await executionsOf(stack, caller.id)).toMatchObject([{ state: 'failed' }]);
    await expectVerifiable(caller);
  });
});

describe('a claim that somebody closed while the action ran', () => {
  it.each([
    { seen: 'succeeded', recorded: 'failed', isHeard: true },
    { seen: 'succeeded', recorded: 'not_done', isHeard: true },
    { seen: 'failed', recorded: 'succeeded', isHeard: true },
    { seen: 'drifted', recorded: 'succeeded', isHeard: true },
    { seen: 'succeeded', recorded: 'succeeded', isHeard: false },
    { seen: 'failed', recorded: 'failed', isHeard: false },
  ] as const)('as $recorded, and $seen by what its run saw, is heard: $isHeard', async (given) => {
    const caller = await approved();
    const heard = vi.spyOn(dependencies.log, 'error');
    vi.spyOn(target, 'execute').mockImplementation(async (call) => {
      await call.beforeCommit({ transactionId: '7' });
      const close = 'update keyturn.execution set state = $2, settled_at = now() where request = $1';
      await stack.keyturnDb.query(close, [caller.id, given.recorded]);
      await stack.keyturnDb.query(`update keyturn.request set status = 'failed' where id = $1`, [caller.id]);
      const { fingerprint } = call.approvedPlan;
      if (given.seen === 'succeeded') return { kind: 'succeeded', fingerprint, result: { rows: 1 } };
      return given.seen === 'failed'
        ? { kind: 'failed', code: 'constraint', detail: 'a check failed' }
        : { kind: 'drifted', detail: 'another plan' };
    });
    await execute(caller);
    const found = { request: caller.id, attempt: 1, recorded: given.recorded };
    if (given.isHeard)
      expect(heard).toHaveBeenCalledWith(
        expect.objectContaining(found),
        expect.stringContaining('on record'),
      );
    else expect(heard).not.toHaveBeenCalled();
  });
});

describe('counts of junk that no workflow counts', () => {
  it.each([3e9, 1.5, -1, Number.NaN, '7'])('are refused: %s', async (junk) => {
    const caller = await pending();
    const batch = { messages: [], junk: junk as number, step: 1, at: now() };
    await expect(called(caller, activities.consume, batch)).rejects.toMatchObject({ nonRetryable: true });
    await called(caller, activities.consume, { ...batch, junk: 2 });
    const counted = (await leavesOf(stack, caller.id)).filter(
      ({ type }) => type === 'decision.unauthenticated',
    );
    expect(counted.map(({ facts }) => facts['count'])).toEqual([2]);
  });

  it.each([3e9, 2.5, 1, -1, Number.NaN, '7'])('are refused as totals of two: %s', async (total) => {
    const caller = await pending();
    const batch = { messages: [], junk: 2, junk_total: total as number, step: 1, at: now() };
    await expect(called(caller, activities.consume, batch)).rejects.toMatchObject({ nonRetryable: true });
  });
});
