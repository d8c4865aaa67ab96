import { afterAll, beforeAll, expect, it } from 'vitest';

import type { Dependencies } from '../../activities/dependencies.ts';
import { createActivities, type Activities } from '../../activities/index.ts';
import { startStack, type Stack } from '../stack/stack.ts';
import { leavesOf } from '../workflows/facts.ts';
import { openDependencies } from '../workflows/local-worker.ts';
import { ScriptedTarget } from '../workflows/scripted-target.ts';
import { Desk } from '../workflows/signed.ts';
import { called, instantAfter, newCaller } from './called.ts';

let stack: Stack;
let desk: Desk;
let dependencies: Dependencies;
let activities: Activities;

beforeAll(async () => {
  stack = await startStack({ apis: 0, workers: 0 });
  desk = await Desk.open(stack);
  dependencies = await openDependencies(stack, stack.temporal, new ScriptedTarget());
  activities = createActivities(dependencies);
});

afterAll(async () => {
  await dependencies.source.destroy();
  await stack.stop();
});

const VIEW = { digest: `sha256:${'5'.repeat(64)}`, opened: ['plan'] };

it('a worker counts decisions with and without a card on one request, and records what was shown', async () => {
  const caller = await newCaller(desk, 'shop-two-people');
  const at = instantAfter(caller, 0);
  await called(caller, activities.receive, { request: caller.request.envelope, at });
  const planned = await called(caller, activities.plan, { attempt: 1, at: instantAfter(caller, 10) });
  if (planned.kind !== 'planned') throw new Error('not planned');
  const { plan_digest } = planned;
  await called(caller, activities.evaluate, { plan_digest, attempt: 1, at: instantAfter(caller, 20) });
  const messages = [
    // As APIs sign it that know of no cards.
    { kind: 'decide' as const, body: await desk.decision(caller.id, 'olga') },
    { kind: 'decide' as const, body: await desk.decision(caller.id, 'dmitri', { view: VIEW }) },
    { kind: 'decide' as const, body: await desk.decision(caller.id, 'dmitri', { view: VIEW }) },
  ];
  const consumed = await called(caller, activities.consume, {
    messages,
    junk: 0,
    step: 1,
    at: instantAfter(caller, 100),
  });
  expect(consumed).toMatchObject({ status: 'approved', counted: [{ person: 'olga' }, { person: 'dmitri' }] });
  const decided = (await leavesOf(stack, caller.id)).filter(({ type }) => type.startsWith('decision.'));
  expect(decided.map(({ type, facts }) => [type, facts['view']])).toEqual([
    ['decision.counted', undefined],
    ['decision.counted', VIEW],
    ['decision.refused', VIEW],
  ]);
});
