import { generateKeyPair } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { sweepOnce } from '../../activities/steps/sweep.ts';
import { signEnvelope } from '../../domain/crypto/envelope.ts';
import { PRIVILEGED_ACTION } from '../../workflows/messages.ts';
import { startStack, type Stack } from '../stack/stack.ts';
import { courseOf, leavesOf } from './facts.ts';
import { startLocalWorker, type LocalWorker } from './local-worker.ts';
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

/** Starts a workflow with whatever a writer of the namespace likes, and waits for its end. */
async function startForged(workflowId: string, args: unknown[]): Promise<void> {
  const handle = await stack.temporal.workflow.start(PRIVILEGED_ACTION, {
    workflowId,
    taskQueue: stack.taskQueue,
    args,
  });
  await expect(handle.result()).rejects.toThrow('Workflow execution failed');
}

async function rowsOf(id: string): Promise<number> {
  const { rowCount } = await stack.keyturnDb.query('select 1 from keyturn.request where id = $1', [id]);
  return rowCount ?? 0;
}

async function expectNothingHappened(id: string): Promise<void> {
  expect(await rowsOf(id)).toBe(0);
  expect(await leavesOf(stack, id)).toEqual([]);
  expect(worker.target.planned).not.toContain(id);
}

describe('a start that the API did not sign plans nothing and ends', () => {
  it('without any input', async () => {
    const id = randomId('req');
    await startForged(id, []);
    await expectNothingHappened(id);
  });

  it('with input of another form', async () => {
    for (const input of ['text', null, 7, { request: 7 }, { asked: null, request: {} }, []]) {
      const id = randomId('req');
      await startForged(id, [input]);
      await expectNothingHappened(id);
    }
  });

  it('with a request that is not signed', async () => {
    const { id, signed } = await desk.signRequest();
    const unsigned = [{ alg: 'none', typ: 'keyturn-request+jws', kid: desk.signer.kid }, signed]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.');
    for (const request of [JSON.stringify(signed), `${unsigned}.`, 'a.b.c']) {
      await startForged(id, [{ asked: {}, request }]);
    }
    await expectNothingHappened(id);
  });

  it('with a request that another key signed under our key id', async () => {
    const { privateKey } = await generateKeyPair('EdDSA');
    const { id, envelope, signed } = await desk.signRequest({}, { kid: desk.signer.kid, key: privateKey });
    await startForged(id, [{ asked: {}, request: envelope }]);
    const unknownKey = await signEnvelope(signed, { kid: 'another', key: privateKey });
    await startForged(id, [{ asked: {}, request: unknownKey }]);
    await expectNothingHappened(id);
  });

  it('with a signed request that was changed, or with a signed envelope of another kind', async () => {
    const { id, envelope, signed } = await desk.signRequest({ target: 'shop-sandbox' });
    const [header = '', , signature = ''] = envelope.split('.');
    const changed = Buffer.from(JSON.stringify({ ...signed, target: 'shop-two-people' })).toString(
      'base64url',
    );
    await startForged(id, [{ asked: {}, request: [header, changed, signature].join('.') }]);
    await startForged(id, [{ asked: {}, request: await desk.withdrawal(id, 'ada') }]);
    await expectNothingHappened(id);
  });

  it('with a real signed request under another workflow id', async () => {
    const real = await desk.signRequest({ target: 'shop-sandbox' });
    const id = randomId('req');
    await startForged(id, [{ asked: {}, request: real.envelope }]);
    await expectNothingHappened(id);
    await expectNothingHappened(real.id);
  });
});

describe('a request that is signed and started', () => {
  it('is not replayed by a second run after a termination, and the sweeper reports it', async () => {
    const real = await desk.signRequest();
    const handle = await desk.start(real);
    await stack.waitForStatus(real.id, 'pending');
    const before = await desk.row(real.id);
    await handle.terminate('an operator of the namespace');
    await startForged(real.id, [{ asked: {}, request: real.envelope }]);
    expect(await desk.row(real.id)).toEqual(before);
    expect(worker.target.planned.filter((planned) => planned === real.id)).toHaveLength(1);

    await sweepOnce(worker.dependencies, { namespace: stack.temporalService.namespace, quietMs: 0 });
    expect(await desk.row(real.id)).toMatchObject({
      status: 'cancelled',
      failure: { code: 'workflow_lost' },
    });
    expect((await courseOf(stack, real.id)).at(-1)).toBe('request.orphaned');
  });

  it('is not executed by a second run after it was executed once', async () => {
    const real = await desk.signRequest({ target: 'shop-sandbox' });
    const handle = await desk.start(real);
    await expect(handle.result()).resolves.toBe('succeeded');
    const before = await desk.row(real.id);
    await startForged(real.id, [{ asked: {}, request: real.envelope }]);
    expect(await desk.row(real.id)).toEqual(before);
    expect(worker.target.effects.filter((effect) => effect === real.id)).toHaveLength(1);
  });
});
