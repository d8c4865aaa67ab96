import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type {
  ApprovedCall,
  ExecutionOutcome,
  ProbeCall,
  ProbeOutcome,
} from '../../activities/connectors/connector.ts';
import type { Dependencies } from '../../activities/dependencies.ts';
import { createActivities, type Activities } from '../../activities/index.ts';
import { installPolicy } from '../../activities/policy-install.ts';
import { sweepOnce } from '../../activities/steps/sweep.ts';
import { PolicyReader } from '../../database/readers.ts';
import { policyDigest, type PolicySet } from '../../domain/policy/policy.ts';
import { called, instantAfter, newCaller, type Caller } from '../activities/called.ts';
import { startStack, type Stack } from '../stack/stack.ts';
import { waitFor } from '../stack/wait.ts';
import { courseOf, executionsOf } from '../workflows/facts.ts';
import { openDependencies } from '../workflows/local-worker.ts';
import { ScriptedTarget } from '../workflows/scripted-target.ts';
import { Desk } from '../workflows/signed.ts';

/** A target without a fence: only the claim can keep a paused run from committing late. */
class UnfencedTarget extends ScriptedTarget {
  readonly probed: ProbeCall[] = [];
  probeAnswer: ProbeOutcome = 'unknown';
  #gate: Promise<void> = Promise.resolve();

  hold(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#gate = promise;
    return resolve;
  }

  override async execute(call: ApprovedCall): Promise<ExecutionOutcome> {
    await this.#gate;
    await call.beforeCommit({ transactionId: '7' });
    this.effects.push(call.requestId);
    return { kind: 'succeeded', fingerprint: call.approvedPlan.fingerprint, result: null };
  }

  override async probe(call: ProbeCall): Promise<ProbeOutcome> {
    this.probed.push(call);
    return this.probeAnswer;
  }
}

let stack: Stack;
let desk: Desk;
let target: UnfencedTarget;
let dependencies: Dependencies;
let activities: Activities;

beforeAll(async () => {
  stack = await startStack({ apis: 0, workers: 0 });
  desk = await Desk.open(stack);
  target = new UnfencedTarget();
  dependencies = await openDependencies(stack, stack.temporal, target);
  activities = createActivities(dependencies);
});

afterAll(async () => {
  await dependencies.source.destroy();
  await stack.stop();
});

/** Plays the activities until the request is approved by one person. */
async function approved(): Promise<Caller> {
  const caller = await newCaller(desk, 'shop');
  const at = (ms: number): string => instantAfter(caller, ms);
  await called(caller, activities.receive, { request: caller.request.envelope, at: at(0) });
  const planned = await called(caller, activities.plan, { attempt: 1, at: at(10) });
  if (planned.kind !== 'planned') throw new Error('not planned');
  await called(caller, activities.evaluate, { plan_digest: planned.plan_digest, attempt: 1, at: at(20) });
  const body = await desk.decision(caller.id, 'olga');
  const batch = { messages: [{ kind: 'decide' as const, body }], junk: 0, step: 1, at: at(30) };
  expect((await called(caller, activities.consume, batch)).status).toBe('approved');
  return caller;
}

/** Runs `execute` as the given attempt of the activity. */
async function executeAs(caller: Caller, attempt: number) {
  const info = { workflowExecution: { workflowId: caller.id, runId: caller.run }, attempt };
  const environment = new MockActivityEnvironment(info, { logger: new DefaultLogger('ERROR') });
  return environment.run(activities.execute, { step: 1, at: instantAfter(caller, 100) });
}

/** Waits for the claim, and notes a transaction as the run does before it commits: from then on only the target knows. */
async function untilSent(caller: Caller): Promise<void> {
  await waitFor({
    what: 'an open claim',
    check: async () => (await executionsOf(stack, caller.id)).find((row) => row.state === 'claimed'),
  });
  await stack.keyturnDb.query(`update keyturn.execution set transaction_id = '6' where request = $1`, [
    caller.id,
  ]);
}

describe('an execution that was paused', () => {
  it('does not commit once its claim was settled as unknown', async () => {
    const caller = await approved();
    target.probeAnswer = 'unknown';
    const release = target.hold();
    const paused = executeAs(caller, 1);
    await untilSent(caller);
    await stack.keyturnDb.query(
      `update keyturn.execution set claimed_at = claimed_at - interval '1 minute' where request = $1`,
      [caller.id],
    );
    expect(await executeAs(caller, 8)).toEqual({ kind: 'closed', status: 'indeterminate' });
    release();
    expect(await paused).toEqual({ kind: 'closed', status: 'indeterminate' });
    expect(target.effects).not.toContain(caller.id);
  });
});

describe('the probe of a claim', () => {
  it('asks the place that was claimed, also when a new policy names another one', async () => {
    const caller = await approved();
    target.probeAnswer = 'done';
    const release = target.hold();
    const paused = executeAs(caller, 1);
    await untilSent(caller);
    const { policy } = (await dependencies.policies.active(dependencies.source.manager)) ?? {};
    if (!policy) throw new Error('There is no policy.');
    await install(movedElsewhere(policy));
    try {
      expect(await executeAs(caller, 2)).toEqual({ kind: 'closed', status: 'succeeded' });
      expect(target.probed.at(-1)?.target.connection).toEqual(connectionOf(policy));
    } finally {
      await install(policy);
      release();
      await paused;
    }
  });
});

function connectionOf(policy: PolicySet) {
  return policy.targets.find(({ id }) => id === 'shop')?.connection;
}

function movedElsewhere(policy: PolicySet): PolicySet {
  const targets = policy.targets.map((target) => ({
    ...target,
    connection: { ...target.connection, url: 'env:KEYTURN_TARGET_MOVED' },
  }));
  return { ...policy, targets };
}

async function install(policy: PolicySet): Promise<void> {
  const at = new Date().toISOString();
  await installPolicy(dependencies.source, {
    sources: { files: {}, environment: {} },
    policy,
    digest: policyDigest(policy),
    installedBy: 'test',
    at,
  });
}

describe('the sweeper', () => {
  it('leaves a request alone that is claimed between its look and its closing', async () => {
    const caller = await approved();
    const history = {
      ...dependencies.history,
      isOpen: async ({ workflowId }: { workflowId: string }) => workflowId !== caller.id,
    };
    const locker = stack.keyturnDb;
    await locker.query('begin');
    await locker.query('select 1 from keyturn.request where id = $1 for update', [caller.id]);
    const { namespace } = stack.temporalService;
    const swept = sweepOnce({ ...dependencies, history }, { namespace, quietMs: -60_000 });
    await untilBlocked();
    await locker.query(
      `insert into keyturn.execution (request, attempt, idempotency_key, decision_digest, state, claimed_at)
       values ($1, 1, $1, 'digest', 'claimed', now())`,
      [caller.id],
    );
    await locker.query(`update keyturn.request set status = 'executing' where id = $1`, [caller.id]);
    await locker.query('commit');
    expect((await swept).orphaned).not.toContain(caller.id);
    expect((await desk.row(caller.id))['status']).toBe('executing');
    expect(await courseOf(stack, caller.id)).not.toContain('request.orphaned');
  });
});

async function untilBlocked(): Promise<void> {
  await waitFor({
    what: 'the sweeper waiting for the lock',
    check: async () => {
      const rows: unknown[] = await dependencies.source.query(
        `select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`,
      );
      return rows.length > 0 ? true : undefined;
    },
  });
}

describe('a stored policy', () => {
  it('is refused when it is not the one that its digest names', async () => {
    const digest = `sha256:${'e'.repeat(64)}`;
    await stack.keyturnDb.query(
      `insert into keyturn.policy_set (digest, body, installed_by)
       select $1, body || '{"rules": []}', 'somebody' from keyturn.policy_set limit 1`,
      [digest],
    );
    await expect(new PolicyReader().byDigest(dependencies.source.manager, digest)).rejects.toMatchObject({
      code: 'policy_invalid',
    });
  });
});
