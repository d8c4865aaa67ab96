import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { consumeAllKept } from '../../activities/steps/consume-all-kept.ts';
import { signEnvelope, type SignedDecision } from '../../domain/crypto/envelope.ts';
import type { WorkflowState } from '../../workflows/messages.ts';
import { startStack, type Stack } from '../stack/stack.ts';
import { waitFor } from '../stack/wait.ts';
import { courseOf, verdictsOf, waitForLeaves, waitForVerdicts } from './facts.ts';
import { startLocalWorker, type LocalWorker } from './local-worker.ts';
import { changeRequirement, withPolicy } from './policies.ts';
import { Desk, randomId } from './signed.ts';

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

/** Two people have to approve. */
function pendingOfTwo(): Promise<string> {
  return desk.ask({ target: 'shop-two-people' });
}

/** Approves, and answers the id of the decision once it is counted as the nth. */
async function approve(id: string, subject: string, nth = 1): Promise<string> {
  const approval = randomId('dec');
  await desk.decide(id, subject, { id: approval });
  await waitForVerdicts(stack, id, nth);
  return approval;
}

function takingBack(id: string, subject: string, takes_back: string): Promise<string> {
  return desk.decision(id, subject, { verdict: 'take_back', takes_back });
}

async function stateOf(id: string): Promise<WorkflowState> {
  return stack.temporal.workflow.getHandle(id).query<WorkflowState>('state');
}

/** How it reaches the workflow of what is held. */
const WAYS: Readonly<Record<string, (id: string, taken: string) => Promise<void>>> = {
  'by a signal': (id, taken) => desk.signal(id, taken),
  'kept by the API, and taken by housekeeping': async (id, taken) => {
    const message = [randomId('dec'), id, 'decide', taken];
    await stack.keyturnDb.query('select keyturn.keep_message($1, $2, $3, $4)', message);
    await consumeAllKept(worker.dependencies, stack.temporalService.namespace);
    await stack.temporal.workflow.getHandle(id).signal('reconsider');
  },
};

describe('an approval that is taken back while the approved request is held', () => {
  it.each(Object.keys(WAYS))('ends the hold, and all are asked again at once: %s', async (way) => {
    const to = new Date(Date.now() + 600_000).toISOString();
    const from = new Date(Date.now() - 60_000).toISOString();
    const freeze = { id: 'freeze', title: 'Freeze', from, to, environments: ['two-people'], actions: null };
    const id = await pendingOfTwo();
    await withPolicy(
      stack.keyturnDb,
      (policy) => ({ ...policy, freezes: [freeze] }),
      async () => {
        const approval = await approve(id, 'olga');
        await approve(id, 'dmitri', 2);
        await waitForLeaves(stack, id, { type: 'request.held' });
        await WAYS[way]?.(id, await takingBack(id, 'olga', approval));
        await waitForLeaves(stack, id, { type: 'request.pending', count: 2 });
      },
    );
    expect(await stack.waitForStatus(id, 'pending')).toMatchObject({ round: 2, held_until: null });
    await approve(id, 'dmitri', 4);
    expect((await desk.row(id))['status']).toBe('pending');
    expect(worker.target.effects).not.toContain(id);
    await approve(id, 'olga', 5);
    await stack.waitForStatus(id, 'succeeded');
    expect(worker.target.effects.filter((effect) => effect === id)).toHaveLength(1);
    expect(await courseOf(stack, id)).toContain('request.approval_taken_back');
  });
});

describe('an approval that is taken back while others are awaited', () => {
  it('is missing again in what the workflow answers', async () => {
    const id = await pendingOfTwo();
    const approval = await approve(id, 'olga');
    const filled = async () => (await stateOf(id)).tally?.rules[0]?.[0]?.filled_by;
    expect(await filled()).toEqual(['olga']);
    await desk.signal(id, await takingBack(id, 'olga', approval));
    await waitForVerdicts(stack, id, 2);
    expect(await filled()).toEqual([]);
  });

  it('lets its seat escalate, which it kept from that', async () => {
    const escalating = changeRequirement('sequential', ({ stages: [first, ...later], ...rest }) => ({
      ...rest,
      stages: first
        ? [{ ...first, escalate: [{ after_ms: 2_000, to: 'group:dba-leads' }] }, ...later]
        : later,
    }));
    await withPolicy(stack.keyturnDb, escalating, async () => {
      const id = await desk.ask({ target: 'shop-sequential' });
      const approval = await approve(id, 'olga');
      const dueMs = ((await desk.row(id))['pending_since'] as Date).getTime() + 2_000;
      const isDue = (): true | undefined => (Date.now() > dueMs ? true : undefined);
      await waitFor({ what: 'the instant of the escalation', check: () => Promise.resolve(isDue()) });
      expect(await courseOf(stack, id)).not.toContain('request.escalated');
      await desk.signal(id, await takingBack(id, 'olga', approval));
      await waitForLeaves(stack, id, { type: 'request.escalated' });
    });
  });
});

/*
 * Workers are replaced first (docs/operating.md, section 7): they must take what APIs of the release before send, until
 * these are replaced as well. In the other order a worker would take for junk what an API has acknowledged.
 */
describe('decisions of an API that does not know the form of a take-back', () => {
  it('count for workers that do, beside those of one that does', async () => {
    const id = await pendingOfTwo();
    const approval = await approve(id, 'olga');
    const old = await desk.decisionPayload(id, 'dmitri');
    expect(old).not.toHaveProperty('takes_back');
    await desk.signal(id, await takingBack(id, 'olga', approval));
    await desk.signal(id, await signEnvelope(old, desk.signer));
    await waitForVerdicts(stack, id, 3);
    await approve(id, 'olga', 4);
    await stack.waitForStatus(id, 'succeeded');
    expect(await verdictsOf(stack, id)).toEqual([
      'olga: approve',
      'olga: take_back',
      'dmitri: approve',
      'olga: approve',
    ]);
  });

  it.each<[string, Partial<SignedDecision>]>([
    ['names nothing', { verdict: 'take_back' }],
    ['names an approval and is another verdict', { takes_back: randomId('dec') }],
  ])('are not signed where the form is broken: it %s', async (_how, change) => {
    const id = await desk.ask();
    await expect(desk.decision(id, 'olga', change)).rejects.toThrow('takes_back is invalid');
  });
});
