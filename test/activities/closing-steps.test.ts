import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import {
  closeExpired,
  closeFailed,
  closeLost,
  closeSwitchedOff,
  denyByPolicy,
  refuseExecution,
  returnToReview,
} from '../../activities/close-request.ts';
import type { Dependencies } from '../../activities/dependencies.ts';
import { createActivities } from '../../activities/index.ts';
import { Step, type StepTransaction } from '../../activities/step.ts';
import { readRequest } from '../../database/readers.ts';
import type { RequestRow } from '../../database/tables.ts';
import { NO_LEAF } from '../../domain/audit/leaf.ts';
import { REQUEST_STATUSES, type RequestStatus } from '../../domain/request/status.ts';
import { STEPS_FROM, type MovingStep } from '../../domain/request/steps.ts';
import { startStack, type Stack } from '../stack/stack.ts';
import { openDependencies } from '../workflows/local-worker.ts';
import { ScriptedTarget } from '../workflows/scripted-target.ts';
import { Desk } from '../workflows/signed.ts';
import { called, newCaller } from './called.ts';

let stack: Stack;
let dependencies: Dependencies;
let row: RequestRow;

beforeAll(async () => {
  stack = await startStack({ apis: 0, workers: 0 });
  const desk = await Desk.open(stack);
  dependencies = await openDependencies(stack, stack.temporal, new ScriptedTarget());
  const { receive } = createActivities(dependencies);
  const caller = await newCaller(desk, 'shop');
  await called(caller, receive, { request: caller.request.envelope, at: new Date().toISOString() });
  const received = await readRequest(dependencies.source.manager, caller.id);
  if (!received) throw new Error('not received');
  row = received;
});

afterAll(async () => {
  await dependencies.source.destroy();
  await stack.stop();
});

const ENGAGED = {
  id: 'swi_1',
  scope: { kind: 'all', value: null },
  account: null,
  reason: 'incident',
  thrown_by: 'olga',
  thrown_at: '2026-01-01T00:00:00Z',
  lifted_at: null,
} as const;

const EVALUATED = {
  evaluation: {
    effect: 'forbid',
    rules: [],
    requirement: null,
    risk: { tier: 'low', score: 0, reasons: [] },
    is_degraded: false,
    is_break_glass: false,
    undecided: [],
  },
  policyDigest: `sha256:${'0'.repeat(64)}`,
  factsDigest: `sha256:${'0'.repeat(64)}`,
} as const;

/** Every function that ends a request or takes it back, with the step that it takes. */
const CLOSINGS: readonly (readonly [
  string,
  MovingStep,
  (transaction: StepTransaction) => Promise<unknown>,
])[] = [
  ['closeFailed', 'fail_planning', (step) => closeFailed(step, { code: 'x', detail: '' })],
  ['denyByPolicy', 'forbid', (step) => denyByPolicy(step, 'forbidden', EVALUATED)],
  ['refuseExecution', 'stop', (step) => refuseExecution(step, 'target_removed')],
  ['closeSwitchedOff', 'stop', (step) => closeSwitchedOff(step, ENGAGED)],
  ['returnToReview', 'reopen', (step) => returnToReview(step, 'approval_stale')],
  ['closeExpired', 'expire', (step) => closeExpired(step, 'expire')],
  ['closeExpired, unseen', 'expire_unseen', (step) => closeExpired(step, 'expire_unseen')],
  ['closeExpired, overdue', 'expire_overdue', (step) => closeExpired(step, 'expire_overdue')],
  ['closeLost', 'close_lost', (step) => closeLost(step, 'ended without finishing it')],
];

describe.each(CLOSINGS)('%s', (_, step, close) => {
  it.each(REQUEST_STATUSES)(
    'a request that is %s: is moved with an entry, or refused without',
    async (status) => {
      const transaction = standing(status);
      const isStart = (STEPS_FROM[step] as readonly RequestStatus[]).includes(status);
      const closed = close(transaction);
      if (isStart) await closed;
      else await expect(closed).rejects.toMatchObject({ code: 'illegal_move' });
      expect(transaction.row.status === status).toBe(!isStart);
      expect(transaction.appended).toHaveLength(isStart ? 1 : 0);
    },
  );
});

function standing(status: RequestStatus): Step {
  const { manager } = dependencies.source;
  const at = new Date().toISOString();
  const reference = { request: row.id, run: row.run_id, namespace: 'default', step: 'close', at };
  return new Step({ manager, reference, row: { ...row, status }, last: NO_LEAF, now: new Date() });
}
