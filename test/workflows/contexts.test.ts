import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { msToTs } from '@temporalio/common/lib/time.js';
import { coresdk } from '@temporalio/proto';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { parseWorkflowCode } from '@temporalio/worker/lib/worker.js';
import { ReusableVMWorkflowCreator } from '@temporalio/worker/lib/workflow/reusable-vm.js';
import { VMWorkflowCreator } from '@temporalio/worker/lib/workflow/vm.js';
import type { WorkflowInfo } from '@temporalio/workflow';
import { describe, expect, it } from 'vitest';

import { root } from '../../scripts/servers/root.ts';

/** Workers give a task 5 s; what happens then does not depend on how long it was. */
const LIMIT_MS = 200;

type Bundle = ReturnType<typeof parseWorkflowCode>;
type Open = (bundle: Bundle) => Promise<VMWorkflowCreator | ReusableVMWorkflowCreator>;

const openOwn: Open = (bundle) => VMWorkflowCreator.create(bundle, LIMIT_MS, new Set());
const openShared: Open = (bundle) => ReusableVMWorkflowCreator.create(bundle, LIMIT_MS, new Set());

function infoOf(workflowType: string): WorkflowInfo {
  const id = `${workflowType}-1`;
  return {
    workflowId: id,
    runId: id,
    firstExecutionRunId: id,
    workflowType,
    namespace: 'default',
    taskQueue: 'keyturn',
    attempt: 1,
    taskTimeoutMs: 10_000,
    startTime: new Date(0),
    runStartTime: new Date(0),
    searchAttributes: {},
    typedSearchAttributes: {},
    historyLength: 3,
    historySize: 0,
    continueAsNewSuggested: false,
    unsafe: { now: Date.now, isReplaying: false },
  } as unknown as WorkflowInfo;
}

/** Starts workflows one after the other on one worker thread. Answers how the first task of each ended. */
async function firstTasks(open: Open, types: readonly string[]): Promise<string[]> {
  const { code } = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('./stuck-workflow.ts', import.meta.url)),
    logger: new DefaultLogger('ERROR'),
  });
  const bundle = parseWorkflowCode(code);
  const creator = await open(bundle);
  const ends: string[] = [];
  for (const type of types) {
    const info = infoOf(type);
    const seed = { randomnessSeed: [1], now: 0, showStackTraceSources: false };
    const workflow = await creator.createWorkflow({ info, ...seed } as never);
    const initializeWorkflow = {
      workflowType: type,
      workflowId: info.workflowId,
      headers: {},
      arguments: [],
    };
    const activation = { runId: info.runId, timestamp: msToTs(1_000), jobs: [{ initializeWorkflow }] };
    const { failed, successful } = await workflow.activate(
      coresdk.workflow_activation.WorkflowActivation.fromObject(activation),
    );
    ends.push(failed?.failure?.message ?? `${successful?.commands?.length ?? 0} commands`);
  }
  return ends;
}

const TIMED_OUT = `Script execution timed out after ${LIMIT_MS}ms`;

describe('what is left of a task that ran out of time', () => {
  it('goes on in no other workflow: each has a context of its own', async () => {
    expect(await firstTasks(openOwn, ['stuck', 'bystander'])).toEqual([TIMED_OUT, '0 commands']);
  });

  it('would go on in the next one, were contexts shared: so long as this is so they must not be', async () => {
    expect(await firstTasks(openShared, ['stuck', 'bystander'])).toEqual([TIMED_OUT, '1 commands']);
  });

  it.each(['apps/worker/main.ts', 'test/workflows/local-worker.ts'])('%s shares none', (file) => {
    expect(readFileSync(path.join(root, file), 'utf8')).toContain('reuseV8Context: false');
  });
});
