import { AsyncCompletionClient } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { sweepOnce } from '../../activities/steps/sweep.ts';
import { REQUEST_STATUSES } from '../../domain/request/status.ts';
import { startStack, type Stack } from '../stack/stack.ts';
import { waitFor } from '../stack/wait.ts';
import { courseOf, waitForLeaves } from '../workflows/facts.ts';
import { startLocalWorker, type LocalWorker, type LocalWorkerOptions } from '../workflows/local-worker.ts';
import { Desk } from '../workflows/signed.ts';

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

async function restart(options: LocalWorkerOptions = {}): Promise<void> {
  await worker.stop();
  worker = await startLocalWorker(stack, { target: worker.target, ...options });
}

/** Completes an activity as anybody with access to the namespace can: by workflow and activity id. */
async function complete(workflowId: string, activity: string, result: unknown): Promise<void> {
  const handle = stack.temporal.workflow.getHandle(workflowId);
  const activityId = await waitFor({
    what: `${activity} of ${workflowId} to be scheduled`,
    check: async () => {
      const { raw } = await handle.describe();
      const pending = raw.pendingActivities?.find((found) => found.activityType?.name === activity);
      return pending?.activityId ?? undefined;
    },
  });
  const { connection, options } = stack.temporal;
  const client = new AsyncCompletionClient({ connection, namespace: options.namespace });
  await client.complete({ workflowId, activityId }, result);
}

/** Four of them are less than a server takes at once. */
const LONG = 'x'.repeat(400_000);

/** Answers that no step of ours gives. */
const GARBAGE: readonly (readonly [string, unknown])[] = [
  ['null', null],
  ['a list', [{ kind: 'closed', status: 'succeeded' }]],
  ['a text', 'succeeded'],
  ['a number', 7],
  ['an empty object', {}],
  ['another kind', { kind: 'done', status: 'succeeded' }],
  ['another status', { kind: 'closed', status: 'won', counted: [], late: [] }],
  ['a huge object', { kind: LONG, status: LONG, counted: [LONG], late: [LONG] }],
  ['other types', { kind: ['closed'], status: { status: 'succeeded' }, plan_digest: 7, until: 7 }],
  ['a digest without end', { kind: 'planned', plan_digest: LONG }],
  ['times that are none', { kind: 'held', until: 'tomorrow', status: 'pending', counted: 'all', late: null }],
  ['lists of nothing', { status: 'pending', counted: [null], late: [] }],
  ['messages that are none', { status: 'pending', counted: [], late: [null, { kind: 'decide', body: 7 }] }],
  ['decisions without seats', { status: 'pending', counted: [{ id: 'dec_1', person: 'olga' }], late: [] }],
];

describe('a regular activity that somebody else completes with garbage is called again', () => {
  it.each(['plan', 'execute'] as const)(
    '%s: and the action is executed once',
    async (activity) => {
      const requests = await Promise.all(GARBAGE.map(() => desk.signRequest()));
      const ids = requests.map(({ id }) => id);
      if (activity === 'plan') await restart({ enableNonLocalActivities: false });
      await Promise.all(requests.map((request) => desk.start(request)));
      if (activity === 'execute') {
        for (const id of ids) await stack.waitForStatus(id, 'pending');
        await restart({ enableNonLocalActivities: false });
        for (const id of ids) await desk.decide(id, 'olga');
      }
      await Promise.all(ids.map((id, index) => complete(id, activity, GARBAGE[index]?.[1])));
      await restart();
      if (activity === 'plan') {
        for (const id of ids) await stack.waitForStatus(id, 'pending');
        for (const id of ids) await desk.decide(id, 'olga');
      }
      for (const id of ids) await waitForLeaves(stack, id, { type: 'execution.succeeded', withinMs: 60_000 });
      expect(worker.target.effects.filter((id) => ids.includes(id)).sort()).toEqual([...ids].sort());
      for (const id of ids) expect(await stack.temporal.workflow.getHandle(id).result()).toBe('succeeded');
    },
    240_000,
  );

  it('consumeLate: and the ticket counts', async () => {
    const ids = await Promise.all(GARBAGE.map(() => desk.ask()));
    await restart({ enableNonLocalActivities: false });
    // Used in time, and looked at when it has run out: only history tells.
    const ticketUntil = new Date(Date.now() + 4_000);
    await worker.stop();
    for (const id of ids) await desk.decide(id, 'olga', { ticketUntil });
    await waitFor({
      what: 'the tickets to run out',
      check: async () => (Date.now() > ticketUntil.getTime() ? true : undefined),
    });
    worker = await startLocalWorker(stack, { target: worker.target, enableNonLocalActivities: false });
    await Promise.all(ids.map((id, index) => complete(id, 'consumeLate', GARBAGE[index]?.[1])));
    await restart();
    for (const id of ids) await waitForLeaves(stack, id, { type: 'execution.succeeded', withinMs: 60_000 });
    expect(worker.target.effects.filter((id) => ids.includes(id)).sort()).toEqual([...ids].sort());
  }, 240_000);
});

const SOON = new Date(Date.now() + 3_600_000).toISOString();
const ROUND = { kind: 'review', round: 1, decision_digest: 'd', pending_since: SOON, expires_at: SOON };
const RULE = { rule: 'r', order: 'parallel', expires_ms: 1, maximum_age_ms: 1, minimum_grade: 'C' };

/** Rounds that people could not be asked for. */
const ROUNDS: readonly (readonly [string, unknown])[] = [
  ['rules of nothing', { ...ROUND, requirement: { risk: 'low', distinct_people: 0, rules: [null] } }],
  ['a rule without stages', { ...ROUND, requirement: { risk: 'low', distinct_people: 0, rules: [RULE] } }],
  [
    'an escalation after the end of time',
    {
      ...ROUND,
      requirement: {
        risk: 'low',
        distinct_people: 0,
        rules: [
          {
            ...RULE,
            stages: [{ any: ['group:dba'], quorum: 1, escalate: [{ after_ms: 1e300, to: 'owners' }] }],
          },
        ],
      },
    },
  ],
  ['a risk without end', { ...ROUND, requirement: { risk: LONG, distinct_people: 0, rules: [] } }],
];

describe('a step of the workflow that somebody else answers with garbage ends it, and nothing is approved', () => {
  async function expectEnded(id: string): Promise<void> {
    await expect(stack.temporal.workflow.getHandle(id).result()).rejects.toThrow('Workflow execution failed');
  }

  it('evaluate', async () => {
    let answer: unknown;
    await restart({ forged: { evaluate: async () => answer } });
    const ids: string[] = [];
    for (const [, garbage] of [...GARBAGE, ...ROUNDS]) {
      answer = garbage;
      const request = await desk.signRequest();
      await desk.start(request);
      await expectEnded(request.id);
      ids.push(request.id);
    }
    await expectClosed(ids);
  }, 240_000);

  it.each(['consume', 'reconsider'] as const)(
    '%s',
    async (step) => {
      // One that names a status is followed: garbage is what cannot be worked with.
      const unusable = step === 'consume' ? GARBAGE : GARBAGE.filter(([, value]) => !hasStatus(value));
      const ids = await Promise.all(unusable.map(() => desk.ask()));
      const answers = new Map(ids.map((id, index) => [id, unusable[index]?.[1]]));
      await restart({ forged: { [step]: async (_input, id) => answers.get(id) } });
      for (const id of ids)
        if (step === 'consume') await desk.decide(id, 'olga');
        else await stack.temporal.workflow.getHandle(id).signal('reconsider');
      for (const id of ids) await expectEnded(id);
      await expectClosed(ids);
    },
    240_000,
  );

  async function expectClosed(ids: readonly string[]): Promise<void> {
    await restart();
    await sweepOnce(worker.dependencies, { namespace: stack.temporalService.namespace, quietMs: 0 });
    for (const id of ids) {
      expect((await desk.row(id))['status']).toBe('cancelled');
      expect(await courseOf(stack, id)).not.toContain('execution.claimed');
    }
  }

  function hasStatus(value: unknown): boolean {
    const status = typeof value === 'object' && value !== null && 'status' in value ? value.status : null;
    return (REQUEST_STATUSES as readonly unknown[]).includes(status);
  }
});
