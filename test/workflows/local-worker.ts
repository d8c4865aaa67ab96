import { Context } from '@temporalio/activity';
import { Client } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker, type WorkerOptions } from '@temporalio/worker';
import { pino } from 'pino';
import type { DataSource } from 'typeorm';

import { createResolutionConnector } from '../../activities/connectors/keyturn-resolution/resolution-connector.ts';
import type { Dependencies } from '../../activities/dependencies.ts';
import { createActivities } from '../../activities/index.ts';
import type { Budgets } from '../../domain/execution/budgets.ts';
import { readWorkerKeys } from '../../configuration/keys.ts';
import { readWorkerConfiguration } from '../../configuration/programs.ts';
import { createHistoryReader } from '../../apps/worker/temporal/history-reader.ts';
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

/** Most tests have a few people ask for far more than anybody would. */
const WIDE_BUDGETS: Budgets = {
  rehearsalsAtOnce: 1_000,
  secondsAnHour: 100_000,
  refusedAnHour: 100_000,
  openRequests: 100_000,
};

let isRuntimeInstalled = false;

/** How a worker differs from the usual one. */
export interface LocalWorkerOptions extends Pick<WorkerOptions, 'enableNonLocalActivities'> {
  /** Survives a restart when it is given again. */
  readonly target?: ScriptedTarget;
  /** False: it runs activities and leaves workflows to other pollers. */
  readonly hasWorkflows?: boolean;
  /** How many connections it has to Keyturn's database. */
  readonly poolSize?: number;
  /** What it answers instead of some activities: it is the worker of somebody else, with our workflow code. */
  readonly forged?: Readonly<Record<string, (input: unknown, workflowId: string) => Promise<unknown>>>;
}

/** Starts a worker on the task queue of the stack. */
export async function startLocalWorker(stack: Stack, options: LocalWorkerOptions = {}): Promise<LocalWorker> {
  const {
    target = new ScriptedTarget(),
    hasWorkflows = true,
    poolSize,
    forged = {},
    ...workerOptions
  } = options;
  installRuntime();
  const { address, namespace } = stack.temporalService;
  const connection = await NativeConnection.connect({ address });
  const client = new Client({ connection, namespace });
  const dependencies = await dependenciesOver({ stack, client, target, source: sourceOf(stack, poolSize) });
  const worker = await Worker.create({
    connection,
    namespace,
    taskQueue: stack.taskQueue,
    identity: 'keyturn-worker',
    ...(hasWorkflows ? { workflowBundle: { codePath: compiled('workflow-bundle.js') } } : {}),
    dataConverter: { payloadConverterPath: compiled('workflows/payload-converter.js') },
    activities: { ...createActivities(dependencies), ...forgedActivities(forged) },
    reuseV8Context: false,
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

function forgedActivities(forged: NonNullable<LocalWorkerOptions['forged']>) {
  return Object.fromEntries(
    Object.entries(forged).map(([name, answer]) => [
      name,
      (input: unknown) => answer(input, Context.current().info.workflowExecution?.workflowId ?? ''),
    ]),
  );
}

/** What activities need, over the stack's database as the worker's role. */
export async function openDependencies(
  stack: Stack,
  client: Client,
  target: ScriptedTarget,
): Promise<Dependencies> {
  return dependenciesOver({ stack, client, target, source: sourceOf(stack) });
}

function sourceOf(stack: Stack, poolSize?: number): DataSource {
  const url = stack.databases.keyturn.worker;
  return createDataSource({
    url,
    applicationName: 'local-worker',
    ...(poolSize === undefined ? {} : { poolSize }),
  });
}

interface DependencyParts {
  readonly stack: Stack;
  readonly client: Client;
  readonly target: ScriptedTarget;
  readonly source: DataSource;
}

async function dependenciesOver({ stack, client, target, source }: DependencyParts): Promise<Dependencies> {
  await source.initialize();
  const log = pino({ level: 'silent' });
  const configuration = readWorkerConfiguration(stack.env);
  return {
    source,
    policies: new PolicyReader(),
    directories: new DirectoryReader(),
    ...(await readWorkerKeys(configuration)),
    providers: new Map(),
    connectors: {
      'postgres.execute': target,
      'keyturn.resolution': createResolutionConnector({ source, log }),
    },
    history: createHistoryReader(client, stack.temporalService.namespace),
    budgets: WIDE_BUDGETS,
    log,
    onBreakGlass: () => {},
  };
}

function installRuntime(): void {
  if (isRuntimeInstalled) return;
  isRuntimeInstalled = true;
  // What these tests provoke would fill the log with warnings.
  const telemetryOptions = { logging: { filter: { core: 'ERROR', other: 'ERROR' } } } as const;
  Runtime.install({ logger: new DefaultLogger('ERROR', () => {}), telemetryOptions, shutdownSignals: [] });
}
