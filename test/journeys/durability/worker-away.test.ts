import { randomUUID } from 'node:crypto';

import { WorkflowNotFoundError } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { waitFor } from '../../stack/wait.ts';
import {
  approve,
  ask,
  askPending,
  create,
  expectMadeOnce,
  expectUntouched,
  freshAccount,
  limitOf,
  oneMore,
  startJourney,
  type Submitted,
  type Journey,
  type RequestBody,
} from './journey.ts';

let journey: Journey;

beforeAll(async () => {
  journey = await startJourney();
});

afterAll(async () => journey?.stack.stop());

async function workflowIsThere(id: string): Promise<boolean> {
  try {
    await journey.stack.temporal.workflow.getHandle(id).describe();
    return true;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}

/** What happens by itself once the retention time of the namespace is over. The server takes its time. */
async function forgetWorkflow(id: string): Promise<void> {
  const { temporal, temporalService } = journey.stack;
  const { namespace } = temporalService;
  await temporal.workflow.getHandle(id).result();
  await temporal.workflowService.deleteWorkflowExecution({
    namespace,
    workflowExecution: { workflowId: id },
  });
  await waitFor({
    what: `Temporal to forget ${id}`,
    withinMs: 100_000,
    check: async () => ((await workflowIsThere(id)) ? undefined : true),
  });
}

describe('with no worker up', () => {
  let pending: Submitted;
  let unplanned: Submitted;

  beforeAll(async () => {
    pending = await askPending(journey);
    expect(await journey.stack.workers[0]?.stop()).toBe('exit code 0');
  });

  it('a request is accepted and durable: the same key finds it, and its requester can look at it', async () => {
    unplanned = await ask(journey, { wait: 0 });
    const { stack, agent } = journey;
    const repeated = await create(journey, unplanned, { wait: 0 });
    expect([repeated.status, repeated.body.id, repeated.body.status]).toEqual([
      202,
      unplanned.id,
      'planning',
    ]);
    const shown = await stack.http<RequestBody>({ path: `/v1/requests/${unplanned.id}`, token: agent });
    expect([shown.status, shown.body.status]).toEqual([200, 'planning']);
  });

  it('a decision is acknowledged as queued, and says that it does not count yet', async () => {
    const reply = await approve(journey, pending);
    expect(reply.status).toBe(202);
    expect(reply.body).toMatchObject({ state: 'queued, not counted yet' });
    await expectUntouched(journey, pending);
  });

  it('an API that dies before it can answer has lost nothing: the same key finds the request', async () => {
    const { stack } = journey;
    const submission = { account: freshAccount(), key: randomUUID() };
    const limit = await limitOf(stack, submission.account);
    const startedBefore = await startedCount();
    const unanswered = create(journey, submission, { wait: 60 }).catch((error: unknown) => error);
    await waitFor({
      what: 'the workflow to be started',
      check: async () => ((await startedCount()) > startedBefore ? true : undefined),
    });
    await stack.apis[0]?.kill9();
    expect(await unanswered).toBeInstanceOf(Error);
    await stack.apis[0]?.start();
    const { status, body } = await create(journey, submission, { wait: 0 });
    expect(status).toBe(202);
    expect(await startedCount()).toBe(startedBefore + 1);
    orphaned = { ...submission, limit, id: body.id };
  });
  let orphaned: Submitted;

  it('everything is done once a worker is up', async () => {
    const { stack } = journey;
    await stack.workers[0]?.start();
    await expectMadeOnce(journey, pending);
    for (const request of [unplanned, orphaned]) {
      await stack.waitForStatus(request.id, 'pending');
      await approve(journey, request);
      await expectMadeOnce(journey, request);
    }
  });

  async function startedCount(): Promise<number> {
    const { workflowService } = journey.stack.temporal.connection;
    const { namespace } = journey.stack.temporalService;
    const query = "WorkflowType = 'privilegedAction'";
    return Number((await workflowService.countWorkflowExecutions({ namespace, query })).count);
  }
});

describe('long after a request is over', () => {
  let request: Submitted;

  beforeAll(async () => {
    request = await askPending(journey);
    await approve(journey, request);
    await expectMadeOnce(journey, request);
    await forgetWorkflow(request.id);
  }, 180_000);

  it('its key gives the same request, and the action is not executed again', async () => {
    const repeated = await create(journey, request);
    expect(repeated.status).toBe(200);
    expect(repeated.body).toMatchObject({ id: request.id, status: 'succeeded' });
    expect(await workflowIsThere(request.id)).toBe(false);
    await expectMadeOnce(journey, request);
  });

  it('its key cannot be used for something else', async () => {
    const { stack, agent } = journey;
    const reply = await stack.request<RequestBody>(agent, oneMore(freshAccount()), {
      'idempotency-key': request.key,
    });
    expect([reply.status, reply.body.code]).toEqual([422, 'idempotency_key_reused']);
    expect(await workflowIsThere(request.id)).toBe(false);
  });

  it('it can still be read and verified', async () => {
    const { stack, olga } = journey;
    const result = await stack.cli(['verify', request.id], { KEYTURN_TOKEN: olga });
    expect([result.code, result.stdout]).toEqual([0, expect.stringContaining('All checks hold.')]);
  });
});

describe('a rolling upgrade', () => {
  it('keeps requests that wait for people, and every history replays with the new code', async () => {
    const { stack, olga } = journey;
    const [pending, denied] = await Promise.all([askPending(journey), askPending(journey)]);
    await stack.decide(olga, denied.id, { verdict: 'deny' });
    await stack.waitForStatus(denied.id, 'denied');
    const before = stack.workers[0]?.pid();
    expect(await stack.workers[0]?.stop()).toBe('exit code 0');
    await stack.workers[0]?.start();
    expect(stack.workers[0]?.pid()).not.toBe(before);
    expect((await replayAll()).different).toEqual([]);
    await approve(journey, pending);
    await expectMadeOnce(journey, pending);
    await expectUntouched(journey, denied);
    const { replayed, different } = await replayAll();
    expect(different).toEqual([]);
    expect(replayed).toBeGreaterThanOrEqual(5);
  });

  async function replayAll(): Promise<{ replayed: number; different: readonly unknown[] }> {
    const { stdout } = await journey.stack.cli(['replay', '--all', '--json']);
    return JSON.parse(stdout) as { replayed: number; different: readonly unknown[] };
  }
});
