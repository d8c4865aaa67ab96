import { Client } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker, type WorkerOptions } from '@temporalio/worker';
import { pino } from 'pino';

import { createResolutionConnector } from '../../activities/connectors/keyturn-resolution/resolution-connector.ts';
import type { Dependencies } from '../../activities/dependencies.ts';
import { createActivities } from '../../activities/index.ts';
import { budgetsOf } from '../../domain/budgets.ts';
import { readConfiguration, readKeys } from '../../apps/worker/configuration.ts';
import { createHistoryReader } from '../../apps/worker/history-reader.ts';
import { createDataSource } from '../../database/data-source.ts';
import { DirectoryReader } from '../../database/directory-reader.ts';
import { PolicyReader } from '../../database/readers.ts';
import { compiled } from '../stack/databases.ts';
import type { Stack } from '../stack/stack.ts';
import { ScriptedTarget } from './scripted-target.ts';

/** A worker inside the test process: the real activities and workflow bundle, with a target that follows a script. */
export interface LocalWorker {
  readonly target: ScriptedTarget;
  readonly dependencies: Dependencies;
  /** Stops polling and waits for what runs. */
  stop(): Promise<void>;
}

let isRuntimeInstalled = false;

/** How a worker differs from the usual one. */
export interface LocalWorkerOptions extends Pick<WorkerOptions, 'enableNonLocalActivities'> {
  /** Survives a restart when it is given again. */
  readonly target?: ScriptedTarget;
  /** False: it performs activities and leaves workflows to whoever polls for them. */
  readonly hasWorkflows?: boolean;
}

/** Starts a worker on the task queue of the stack. */
export async function startLocalWorker(stack: Stack, options: LocalWorkerOptions = {}): Promise<LocalWorker> {
  const { target = new ScriptedTarget(), hasWorkflows = true, ...workerOptions } = options;
  installRuntime();
  const { address, namespace } = stack.temporalPlace;
  const connection = await NativeConnection.connect({ address });
  const dependencies = await openDependencies(stack, new Client({ connection, namespace }), target);
  const worker = await Worker.create({
    connection,
    namespace,
    taskQueue: stack.taskQueue,
    identity: 'keyturn-worker',
    ...(hasWorkflows ? { workflowBundle: { codePath: compiled('workflow-bundle.js') } } : {}),
    dataConverter: { payloadConverterPath: compiled('workflows/payload-converter.js') },
    activities: createActivities(dependencies),
    ...workerOptions,
  });
  const running = worker.run();
  return {
    target,
    dependencies,
    stop: async () => {
      if (worker.getState() === 'RUNNING') worker.shutdown();
      await running;
      await connection.close();
      await dependencies.source.destroy();
    },
  };
}

/** What activities need, over the stack's database as the worker's role. */
export async function openDependencies(
  stack: Stack,
  client: Client,
  target: ScriptedTarget,
): Promise<Dependencies> {
  const source = createDataSource({ url: stack.databases.keyturn.worker, applicationName: 'local-worker' });
  await source.initialize();
  const log = pino({ level: 'silent' });
  const configuration = readConfiguration(stack.env);
  return {
    source,
    policies: new PolicyReader(),
    directories: new DirectoryReader(),
    ...(await readKeys(configuration)),
    connectors: {
      'postgres.execute': target,
      'keyturn.resolution': createResolutionConnector({ source, log }),
    },
    history: createHistoryReader(client, stack.temporalPlace.namespace),
    budgets: budgetsOf(configuration),
    log,
    onEmergency: () => {},
  };
}

function installRuntime(): void {
  if (isRuntimeInstalled) return;
  isRuntimeInstalled = true;
  // What these tests provoke would fill the log with warnings.
  const telemetryOptions = { logging: { filter: { core: 'ERROR', other: 'ERROR' } } } as const;
  Runtime.install({ logger: new DefaultLogger('ERROR', () => {}), telemetryOptions, shutdownSignals: [] });
}
