import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createResolutionConnector } from '../../activities/connectors/keyturn-resolution/resolution-connector.ts';
import { ownTarget, RESOLVE } from '../../domain/policy/policy.ts';
import type { Problem } from '../../contract/problem.ts';
import type { RequestView } from '../../contract/requests.ts';
import type { Timeline } from '../../contract/history.ts';
import type { Reply } from '../stack/http.ts';
import { startStack, type Stack } from '../stack/stack.ts';
import { executionsOf, leavesOf } from './facts.ts';
import { startLocalWorker, type LocalWorker } from './local-worker.ts';
import { LostTarget, loseOutcome } from './lost-target.ts';
import { Desk } from './signed.ts';

/** An outcome that Keyturn cannot find out is reported by two people, neither of whom was behind the action. */

let stack: Stack;
let worker: LocalWorker;
const tokens = new Map<string, string>();

beforeAll(async () => {
  stack = await startStack({ workers: 0 });
  // With one connection: a step that needed a second one while it holds the first would wait for itself.
  worker = await startLocalWorker(stack, { target: new LostTarget(), poolSize: 1 });
  for (const name of ['ada', 'olga', 'dmitri', 'omar', 'petra'])
    tokens.set(name, await stack.issuer.humanToken(name));
  tokens.set('agent', await stack.issuer.agentToken('agent-billing'));
});

afterAll(async () => {
  await worker.stop();
  await stack.stop();
});

function tokenOf(name: string): string {
  return tokens.get(name) ?? expect.unreachable(`nobody is called ${name}`);
}

/** A request whose outcome stays unknown. */
async function unknown(): Promise<string> {
  const body = { action: 'postgres.execute', target: 'shop', arguments: { statement: 'fine' } };
  const { body: request } = await stack.request<RequestView>(tokenOf('agent'), body);
  expect((await stack.decide(tokenOf('olga'), request.id)).status).toBe(200);
  await loseOutcome(stack, worker, request.id);
  return request.id;
}

function resolve<T = RequestView>(name: string, request: string, outcome = 'succeeded'): Promise<Reply<T>> {
  const body = { action: RESOLVE.action, target: 'keyturn', arguments: { request, outcome } };
  return stack.request<T>(tokenOf(name), body);
}

function approve<T = RequestView>(name: string, { id }: RequestView): Promise<Reply<T>> {
  return stack.decide<T>(tokenOf(name), id, { reason: 'I looked at the target' });
}

async function codeOf(reply: Promise<Reply<Problem>>): Promise<readonly [number, string]> {
  const { status, body } = await reply;
  return [status, body.code];
}

async function expectVerifiable(id: string): Promise<void> {
  const { code, stdout } = await stack.cli(['verify', id], { KEYTURN_TOKEN: tokenOf('olga') });
  expect([code, stdout]).toEqual([0, expect.stringContaining('All checks hold.')]);
}

describe('an outcome that is unknown', () => {
  it('is reported by a person and agreed to by an operator, who sees what to look for', async () => {
    const request = await unknown();
    const { body: resolution } = await resolve('dmitri', request);
    expect(resolution.status).toBe('pending');
    const [claim] = await executionsOf(stack, request);
    const shown = await stack.http<RequestView>({
      path: `/v1/requests/${resolution.id}`,
      token: tokenOf('omar'),
    });
    expect(shown.body.plan?.operation).toContain(claim?.idempotency_key);
    expect(await codeOf(approve('dmitri', resolution))).toEqual([403, 'self_approval']);
    expect(await codeOf(approve('ada', resolution))).toEqual([403, 'self_approval']);
    expect((await stack.waitForStatus(request, 'indeterminate'))['version']).toBeDefined();
    expect((await approve('omar', resolution)).status).toBe(200);
    const row = await stack.waitForStatus(request, 'succeeded');
    expect(row).toMatchObject({ failure: null, result: { resolution: resolution.id } });
    expect((await executionsOf(stack, request)).map(({ state }) => state)).toEqual(['succeeded']);
    expect((await leavesOf(stack, request)).at(-1)).toMatchObject({
      type: 'execution.succeeded',
      facts: { found_by: 'people', resolution: resolution.id },
    });
    const { body: timeline } = await stack.http<Timeline>({
      path: `/v1/requests/${request}/timeline`,
      token: tokenOf('omar'),
    });
    expect(timeline.items.at(-1)?.text).toBe(
      `People checked the target and reported that the action was executed (${resolution.id}).`,
    );
    await stack.waitForStatus(resolution.id, 'succeeded');
    await Promise.all([request, resolution.id].map(expectVerifiable));
  });

  it('is reported by nobody who was behind the action, and by no machine', async () => {
    const request = await unknown();
    expect(await codeOf(resolve('ada', request))).toEqual([403, 'self_approval']);
    expect(await codeOf(resolve('agent', request))).toEqual([403, 'machine_cannot_decide']);
    expect(await codeOf(resolve('dmitri', 'req_aaaaaaaaaaaaaaaaaaaaaaaaaa'))).toEqual([404, 'not_found']);
    expect(await codeOf(resolve('dmitri', request, 'perhaps'))).toEqual([422, 'arguments_invalid']);
    const line = ['resolve', request, '--as', 'failed', '--justification', 'the ledger lacks it', '--json'];
    const { code, stdout } = await stack.cli(line, { KEYTURN_TOKEN: tokenOf('olga') });
    expect(code).toBe(0);
    expect((await approve('petra', JSON.parse(stdout) as RequestView)).status).toBe(200);
    expect(await stack.waitForStatus(request, 'failed')).toMatchObject({
      failure: { code: 'resolved_as_failed' },
    });
    await expectVerifiable(request);
  });

  it('is not kept unknown by those who were behind the action: only who reports it takes that back', async () => {
    const request = await unknown();
    const { body: resolution } = await resolve('dmitri', request, 'failed');
    const withdraw = (name: string): Promise<Reply<Problem>> =>
      stack.http({ path: `/v1/requests/${resolution.id}/withdraw`, token: tokenOf(name), body: {} });
    expect(await codeOf(withdraw('ada'))).toEqual([403, 'forbidden']);
    expect(await codeOf(withdraw('agent'))).toEqual([403, 'forbidden']);
    // Also where the API was made to sign it.
    const desk = await Desk.open(stack);
    await desk.signal(resolution.id, await desk.withdrawal(resolution.id, 'ada'), 'withdraw');
    expect((await withdraw('dmitri')).status).toBe(200);
    await stack.waitForStatus(resolution.id, 'cancelled');
    const actors = (await leavesOf(stack, resolution.id)).map(({ actor }) => actor.pseudonym);
    expect(actors.at(-1)).toBe(actors[0]);
  });

  it('is reported once, whatever is agreed to at the same time', async () => {
    const request = await unknown();
    const [yes, no] = await Promise.all([resolve('dmitri', request), resolve('dmitri', request, 'failed')]);
    await Promise.all([approve('omar', yes.body), approve('petra', no.body)]);
    const ends = await Promise.all(
      [yes, no].map(async ({ body }) => await stack.waitForStatus(body.id, ['succeeded', 'failed'])),
    );
    expect(new Set(ends.map(({ status }) => status))).toEqual(new Set(['failed', 'succeeded']));
    expect(ends.find(({ status }) => status === 'failed')).toMatchObject({
      failure: { code: 'not_indeterminate' },
    });
    const settled = (await leavesOf(stack, request)).filter(({ facts }) => facts['found_by'] === 'people');
    expect(settled).toHaveLength(1);
  });

  it('that is not unknown cannot be reported', async () => {
    const { body: request } = await stack.request<RequestView>(tokenOf('agent'), {
      action: 'postgres.execute',
      target: 'shop',
      arguments: { statement: 'fine' },
    });
    const { body: resolution } = await resolve('dmitri', request.id, 'failed');
    expect(resolution).toMatchObject({ status: 'failed', failure: { code: 'not_indeterminate' } });
    await stack.waitForStatus(request.id, 'pending');
  });
});

describe('telling', () => {
  it('that was given up after a crash never happens later', async () => {
    const request = await unknown();
    const connector = createResolutionConnector(worker.dependencies);
    const { policy } = (await worker.dependencies.policies.active(worker.dependencies.source.manager)) ?? {};
    const call = {
      requestId: 'req_bbbbbbbbbbbbbbbbbbbbbbbbbb',
      action: RESOLVE.action,
      requester: 'dmitri',
      root: 'dmitri',
      target: ownTarget(policy ?? expect.unreachable('There is no policy.')),
      arguments: { request, outcome: 'succeeded' },
      idempotencyKey: 'key',
    };
    const planned = await connector.plan(call);
    const approvedPlan = planned.kind === 'planned' ? planned.plan : expect.unreachable(planned.detail);
    const inActivity = <T>(work: () => Promise<T>): Promise<T> =>
      new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR') }).run(work);
    const probed = await inActivity(() => connector.probe({ ...call, transactionId: null }));
    expect(probed).toBe('not_done');
    const late = inActivity(() => connector.execute({ ...call, approvedPlan, beforeCommit: async () => {} }));
    await expect(late).rejects.toMatchObject({ code: 'illegal_move' });
    await stack.waitForStatus(request, 'indeterminate');
    const dying = { ...call, idempotencyKey: 'other key', approvedPlan };
    const beforeCommit = async (): Promise<never> => Promise.reject(new Error('the worker dies here'));
    await expect(inActivity(() => connector.execute({ ...dying, beforeCommit }))).rejects.toThrow(
      'dies here',
    );
    await stack.waitForStatus(request, 'indeterminate');
  });
});
