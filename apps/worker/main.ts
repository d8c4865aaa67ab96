import '../../configuration/supported-node.ts';

import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { Client } from '@temporalio/client';
import { Worker } from '@temporalio/worker';
import { collectDefaultMetrics, register } from 'prom-client';
import { pino, type Logger } from 'pino';

import { createConnectors } from '../../activities/connectors/index.ts';
import type { Dependencies } from '../../activities/dependencies.ts';
import { createActivities } from '../../activities/index.ts';
import { takenPort } from '../../configuration/environment.ts';
import { readIssuers, signInTermsOf, type Issuer } from '../../configuration/issuers.ts';
import { readWorkerKeys } from '../../configuration/keys.ts';
import { readWorkerConfiguration, type WorkerConfiguration } from '../../configuration/programs.ts';
import { refuseMissingNamespace } from '../../configuration/temporal.ts';
import { refuseSuperuser } from '../../database/inspection.ts';
import { DirectoryReader } from '../../database/directory-reader.ts';
import { PolicyReader } from '../../database/readers.ts';
import { openDataSource } from '../open-database.ts';
import { metricsPage, probePage, servePages } from '../pages.ts';
import { isReady, Readiness } from '../readiness.ts';
import { createHistoryReader } from './temporal/history-reader.ts';
import { keepHouse } from './loops/housekeeping.ts';
import { keepIssuerKeys } from './loops/issuer-keys.ts';
import { countBreakGlass, measureActivities } from './metrics.ts';
import { pollOnCall } from './on-call/poller.ts';
import { readOnCallSources } from './on-call/sources.ts';
import { reconsiderOnChange } from './loops/reconsiderer.ts';
import { installRuntime } from './temporal/sdk-log.ts';
import { connectTemporal } from './temporal/connection.ts';

/** Time for running activities to end after the signal to stop; the force time must fit into the stop grace of the host. */
const SHUTDOWN_GRACE = '20 seconds';
const SHUTDOWN_FORCE = '25 seconds';
const FAILURE_CHECK_MS = 2_000;

async function main(): Promise<void> {
  const configuration = readWorkerConfiguration(process.env);
  const log = pino({ level: configuration.logLevel, name: 'keyturn-worker' });
  installRuntime(log);
  const sources = await readOnCallSources(configuration.onCallFile);
  const issuers = await readIssuers(configuration.issuers);
  const { source, policies, worker, connection, ...rest } = await assemble(configuration, { issuers, log });
  const readiness = new Readiness({ source, policies, temporal: rest.client, log });
  const isRunning = (): boolean => worker.getState() === 'RUNNING';
  const health = await servePages(
    new Map([
      ['/healthz', async () => probePage(isRunning())],
      ['/readyz', async () => probePage(isRunning() && isReady(await readiness.checks()))],
      ['/metrics', () => metricsPage(register)],
    ]),
    configuration,
  ).catch(takenPort('KEYTURN_WORKER_PORT'));
  const { namespace, taskQueue } = configuration.temporal;
  log.info({ queue: taskQueue, port: configuration.port }, 'worker running');
  const stopping = new AbortController();
  const background = { source, policies, ...rest, log, signal: stopping.signal };
  const reconsidering = reconsiderOnChange(background);
  const keeping = keepHouse({
    ...rest,
    namespace,
    sweepEveryMs: configuration.sweepEveryMs,
    signal: stopping.signal,
  });
  const keepingKeys = keepIssuerKeys({ ...background, issuers });
  const polling = sources && pollOnCall({ ...background, sources });
  const ended = Promise.race([worker.run(), failure(worker)]);
  await Promise.race([ended, once(process, 'SIGTERM'), once(process, 'SIGINT')]);
  log.info('draining');
  stopping.abort();
  if (isRunning()) worker.shutdown();
  // Activities use the database to the end: it closes after them.
  await ended;
  await Promise.all([reconsidering, keeping, keepingKeys, polling]);
  health.close();
  await connection.close();
  await source.destroy();
  log.info('stopped');
}

/** Rejects once the worker has failed: its own `run` may then wait without end for polls that nobody answers any more. */
async function failure(worker: Worker): Promise<never> {
  for (;;) {
    await pause(FAILURE_CHECK_MS, undefined, { ref: false });
    if (worker.getState() === 'FAILED') throw new Error('The worker has failed; the reason is in its log.');
  }
}

async function assemble(
  configuration: WorkerConfiguration,
  { issuers, log }: { readonly issuers: ReadonlyMap<string, Issuer>; readonly log: Logger },
) {
  const keys = await readWorkerKeys(configuration);
  const source = await openDataSource({
    url: configuration.databaseUrl,
    applicationName: 'keyturn-worker',
  });
  await refuseSuperuser(source);
  const { namespace, taskQueue } = configuration.temporal;
  const connection = await connectTemporal(configuration.temporal);
  const client = new Client({ connection, namespace });
  await refuseMissingNamespace(client);
  const policies = new PolicyReader();
  const directories = new DirectoryReader();
  const dependencies: Dependencies = {
    source,
    policies,
    directories,
    ...keys,
    providers: signInTermsOf(issuers),
    connectors: createConnectors({ source, policies, log }),
    history: createHistoryReader(client, namespace),
    budgets: configuration.budgets,
    log,
    onBreakGlass: (request) => countBreakGlass(log, request),
  };
  collectDefaultMetrics();
  const worker = await Worker.create({
    connection,
    namespace,
    taskQueue,
    workflowBundle: { codePath: fileURLToPath(new URL('../../workflow-bundle.js', import.meta.url)) },
    dataConverter: {
      payloadConverterPath: fileURLToPath(new URL('../../workflows/payload-converter.js', import.meta.url)),
    },
    activities: measureActivities(createActivities(dependencies)),
    // In a shared context, what is left of a task that ran out of time would go on inside the next workflow.
    reuseV8Context: false,
    workflowThreadPoolSize: 1,
    maxCachedWorkflows: configuration.cachedWorkflowsMax,
    shutdownGraceTime: SHUTDOWN_GRACE,
    shutdownForceTime: SHUTDOWN_FORCE,
  });
  return { source, connection, worker, policies, directories, client, dependencies };
}

try {
  await main();
} catch (error) {
  // A worker that cannot work must end visibly, so that whatever supervises it starts another.
  process.stderr.write(`keyturn-worker: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
  setTimeout(() => process.exit(1), 1_000).unref();
}
