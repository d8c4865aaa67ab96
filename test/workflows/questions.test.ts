import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { QuestionView } from '../../contract/questions.ts';
import { startStack, type Stack } from '../stack/stack.ts';
import { courseOf, waitForLeaves } from './facts.ts';
import { startLocalWorker, type LocalWorker } from './local-worker.ts';
import { Desk } from './signed.ts';

let stack: Stack;
let desk: Desk;
let worker: LocalWorker;

beforeAll(async () => {
  stack = await startStack({ apis: 1, workers: 0 });
  worker = await startLocalWorker(stack);
  desk = await Desk.open(stack);
});

afterAll(async () => {
  await worker.stop();
  await stack.stop();
});

async function keyturn(token: Promise<string>, ...args: string[]) {
  return stack.cli(args, { KEYTURN_TOKEN: await token });
}

async function ask(id: string, name: string): Promise<void> {
  const path = `/v1/requests/${id}/questions`;
  const token = await stack.issuer.humanToken(name);
  const { status } = await stack.http<QuestionView>({ path, token, body: { question: 'Why now?' } });
  expect(status).toBe(201);
}

async function approve(id: string, name: string): Promise<void> {
  const { decision_digest } = await desk.row(id);
  const token = await stack.issuer.humanToken(name);
  const body = { decision_digest, verdict: 'approve' };
  expect((await stack.http({ path: `/v1/requests/${id}/decisions`, token, body })).status).toBe(200);
}

describe('a question', () => {
  it('is answered in the terminal while the clock goes on, and the whole verifies', async () => {
    const id = await desk.ask();
    const before = await desk.row(id);
    await ask(id, 'olga');
    expect(await keyturn(stack.issuer.agentToken('agent-billing'), 'answer', id, '4711')).toMatchObject({
      code: 0,
    });
    const after = await desk.row(id);
    for (const field of ['expires_at', 'decision_digest', 'updated_at', 'status'])
      expect(after[field]).toEqual(before[field]);
    await approve(id, 'olga');
    await stack.waitForStatus(id, 'succeeded');
    expect(await courseOf(stack, id)).toEqual([
      'request.received',
      'request.planned',
      'request.pending',
      'question.asked',
      'question.answered',
      'decision.counted',
      'request.approved',
      'execution.claimed',
      'execution.succeeded',
    ]);
    expect(await keyturn(stack.issuer.humanToken('olga'), 'verify', id)).toMatchObject({ code: 0 });
  });

  it('and the steps of a worker at the same moment make one chain, which verifies', async () => {
    const id = await desk.ask({ target: 'shop-two-people' });
    await Promise.all([
      ask(id, 'olga'),
      approve(id, 'olga'),
      ask(id, 'dmitri'),
      ask(id, 'olga'),
      ask(id, 'dmitri'),
    ]);
    await approve(id, 'dmitri');
    await stack.waitForStatus(id, 'succeeded');
    expect((await courseOf(stack, id)).filter((type) => type === 'question.asked')).toHaveLength(4);
    expect(await keyturn(stack.issuer.humanToken('olga'), 'verify', id)).toMatchObject({ code: 0 });
  });

  it('is asked about what is approved and held', async () => {
    const not_before = new Date(Date.now() + 3_600_000).toISOString();
    const id = await desk.ask({ extra: { start: { not_before, not_after: null } } });
    await approve(id, 'olga');
    await waitForLeaves(stack, id, { type: 'request.held' });
    await ask(id, 'olga');
    expect(await keyturn(stack.issuer.humanToken('olga'), 'verify', id)).toMatchObject({ code: 0 });
  });
});
