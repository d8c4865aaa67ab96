import { afterAll, beforeAll, expect, it } from 'vitest';

import type { Rotation } from '../../domain/calendar/rotation.ts';
import { startStack, type Stack } from '../stack/stack.ts';
import { waitFor } from '../stack/wait.ts';
import { courseOf, executionsOf } from './facts.ts';
import { withHeldClaims } from './held-claims.ts';
import { startLocalWorker, type LocalWorker } from './local-worker.ts';
import { activate, activePolicy, changeRequirement, type PolicyChange } from './policies.ts';
import { Desk } from './signed.ts';

let stack: Stack;
let desk: Desk;
let worker: LocalWorker;

beforeAll(async () => {
  stack = await startStack({ apis: 0, workers: 0 });
  worker = await startLocalWorker(stack);
  desk = await Desk.open(stack);
  const whoIsOnCall = changeRequirement('usual', (requirement) => ({
    ...requirement,
    stages: [{ any: ['oncall:sre'], quorum: 1, escalate: [] }],
  }));
  const policy = withRotation(DMITRI)(whoIsOnCall(await activePolicy(stack.keyturnDb)));
  await activate(stack.keyturnDb, policy);
});

afterAll(async () => {
  await worker.stop();
  await stack.stop();
});

/** It is always Dmitri's turn; Olga is in the rotation because she stands in some day. */
const DMITRI: Rotation = {
  id: 'sre',
  time_zone: 'Europe/Berlin',
  hand_over: { day: 'mon', time: '09:00' },
  starts_on: '2026-01-05',
  people: ['dmitri'],
  overrides: [{ from: '2100-01-01T00:00:00.000Z', to: '2100-01-02T00:00:00.000Z', person: 'olga' }],
};

function withRotation(rotation: Rotation): PolicyChange {
  return (policy) => ({ ...policy, rotations: [rotation] });
}

/** Olga stands in until this instant. */
function olgaUntil(endMs: number): Rotation {
  const override = { from: '2026-06-01T00:00:00.000Z', to: new Date(endMs).toISOString(), person: 'olga' };
  return { ...DMITRI, overrides: [override] };
}

it('a decision counts only from the person on call', async () => {
  const id = await desk.ask();
  expect((await desk.row(id))['open_selectors']).toEqual(['oncall:sre']);
  await desk.decide(id, 'olga');
  await waitFor({
    what: 'the refusal',
    check: async () => ((await courseOf(stack, id)).includes('decision.refused') ? true : undefined),
  });
  expect((await desk.row(id))['status']).toBe('pending');
  await desk.decide(id, 'dmitri');
  await stack.waitForStatus(id, 'succeeded');
});

it('going off call after the decision does not void it', async () => {
  const id = await desk.ask();
  const endMs = Date.now() + 4_000;
  await activate(stack.keyturnDb, withRotation(olgaUntil(endMs))(await activePolicy(stack.keyturnDb)));
  await withHeldClaims(
    stack,
    async () => {
      await desk.decide(id, 'olga');
      await stack.waitForStatus(id, 'approved');
      await waitFor({
        what: 'the end of her time on call',
        check: () => Promise.resolve(Date.now() > endMs ? true : undefined),
      });
    },
    async () => {
      await stack.waitForStatus(id, 'succeeded');
    },
  );
  expect(worker.target.effects.filter((effect) => effect === id)).toHaveLength(1);
});

it('leaving the rotation between approval and execution voids the decision: nothing is executed', async () => {
  const id = await desk.ask();
  const forLong = withRotation(olgaUntil(Date.now() + 3_600_000));
  await activate(stack.keyturnDb, forLong(await activePolicy(stack.keyturnDb)));
  await withHeldClaims(
    stack,
    async (held) => {
      await desk.decide(id, 'olga');
      await stack.waitForStatus(id, 'approved');
      await held.changePolicy(withRotation({ ...DMITRI, overrides: [] }));
    },
    async () => {
      await stack.waitForStatus(id, 'pending');
    },
  );
  expect(await desk.row(id)).toMatchObject({ round: 2 });
  expect(worker.target.effects).not.toContain(id);
  expect(await executionsOf(stack, id)).toEqual([]);
});
