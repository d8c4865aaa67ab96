import { afterAll, beforeAll, expect, it } from 'vitest';

import type { Dependencies } from '../../activities/dependencies.ts';
import { createActivities, type Activities } from '../../activities/index.ts';
import { startStack, type Stack } from '../stack/stack.ts';
import { executionsOf } from '../workflows/facts.ts';
import { openDependencies } from '../workflows/local-worker.ts';
import { ScriptedTarget } from '../workflows/scripted-target.ts';
import { Desk, type Ask } from '../workflows/signed.ts';
import { called, pendingCaller, type Caller } from './called.ts';

let stack: Stack;
let desk: Desk;
let target: ScriptedTarget;
let dependencies: Dependencies;
let activities: Activities;

beforeAll(async () => {
  stack = await startStack({ apis: 0, workers: 0 });
  desk = await Desk.open(stack);
  target = new ScriptedTarget();
  dependencies = await openDependencies(stack, stack.temporal, target);
  activities = createActivities(dependencies);
});

afterAll(async () => {
  await dependencies.source.destroy();
  await stack.stop();
});

const at = (): string => new Date().toISOString();

async function approved(further: Omit<Ask, 'target'> = {}): Promise<Caller> {
  const caller = await pendingCaller({ desk, activities }, further);
  const messages = [{ kind: 'decide' as const, body: await desk.decision(caller.id, 'dmitri') }];
  await called(caller, activities.consume, { messages, junk: 0, step: 1, at: at() });
  return caller;
}

function execute(caller: Caller): Promise<unknown> {
  return called(caller, activities.execute, { step: 1, at: at() });
}

const DONE = { kind: 'closed', status: 'succeeded' };

it('an approved action waits for a turn at its target, and is not claimed meanwhile; a break-glass request does not wait', async () => {
  const others = await Promise.all([
    ...Array.from({ length: 7 }, () => approved()),
    approved({ requester: 'agent-dba' }),
  ]);
  const [waiting, breakGlass] = [await approved(), await approved()];
  await stack.keyturnDb.query('update keyturn.request set is_break_glass = true where id = $1', [
    breakGlass.id,
  ]);
  const letGo = target.holdExecutions();
  try {
    const held = others.map(execute);
    const claims = 'select from keyturn.execution where request = any($1)';
    const claimed = async () => (await stack.keyturnDb.query(claims, [others.map(({ id }) => id)])).rowCount;
    await expect.poll(claimed, { timeout: 20_000 }).toBe(8);
    const waited = execute(waiting);
    // It gets as far as to find that its row says something else than its entries.
    expect(await execute(breakGlass)).toEqual({ kind: 'again' });
    expect(await executionsOf(stack, waiting.id)).toEqual([]);
    letGo();
    expect(await Promise.all([...held, waited])).toEqual([...held, waited].map(() => DONE));
  } finally {
    letGo();
  }
});

it('an execution that met another effect than was approved leads to another plan, also when its answer was lost', async () => {
  const caller = await approved({ statement: 'drift' });
  expect(await execute(caller)).toEqual({ kind: 'again' });
  expect(await execute(caller)).toEqual({ kind: 'again' });
  expect(await executionsOf(stack, caller.id)).toMatchObject([{ attempt: 1, state: 'released' }]);
});
