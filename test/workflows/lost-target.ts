import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';

import type { ApprovedCall, ProbeOutcome } from '../../activities/connectors/connector.ts';
import { createActivities } from '../../activities/index.ts';
import type { Stack } from '../stack/stack.ts';
import { waitFor } from '../stack/wait.ts';
import { executionsOf } from './facts.ts';
import type { LocalWorker } from './local-worker.ts';
import { ScriptedTarget } from './scripted-target.ts';

/** A target that is lost sight of right before the commit, and never says how it ended. */
export class LostTarget extends ScriptedTarget {
  override async execute(call: ApprovedCall): Promise<never> {
    await call.beforeCommit({ transactionId: '7' });
    throw new Error('the connection is gone');
  }

  override async probe(): Promise<ProbeOutcome> {
    return 'unknown';
  }
}

/** Waits until the target was lost in the middle of an execution, and for what follows: an unknown outcome. */
export async function loseOutcome(stack: Stack, worker: LocalWorker, id: string): Promise<void> {
  await waitFor({
    what: 'an open claim',
    check: async () =>
      (await executionsOf(stack, id)).find(({ transaction_id: transaction }) => transaction !== null),
  });
  await lastProbe(stack, worker, id);
  await stack.waitForStatus(id, 'indeterminate');
}

/** What the worker comes to after minutes of asking the target. */
async function lastProbe(stack: Stack, worker: LocalWorker, id: string): Promise<void> {
  await stack.keyturnDb.query(
    `update keyturn.execution set claimed_at = claimed_at - interval '1 minute' where request = $1`,
    [id],
  );
  const { rows } = await stack.keyturnDb.query<{ run_id: string }>(
    'select run_id from keyturn.request where id = $1',
    [id],
  );
  const info = { workflowExecution: { workflowId: id, runId: rows[0]?.run_id ?? '' }, attempt: 8 };
  const environment = new MockActivityEnvironment(info, { logger: new DefaultLogger('ERROR') });
  await environment.run(createActivities(worker.dependencies).execute, {
    step: 1,
    at: new Date().toISOString(),
  });
}
