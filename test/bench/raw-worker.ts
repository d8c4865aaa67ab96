import { fileURLToPath } from 'node:url';

import { NativeConnection, Runtime, Worker, DefaultLogger, bundleWorkflowCode } from '@temporalio/worker';

/** The worker of the floor, as a process of its own, so that its CPU is counted like that of the product's worker. */
Runtime.install({ logger: new DefaultLogger('WARN') });
const connection = await NativeConnection.connect({ address: process.env['TEMPORAL_ADDRESS'] ?? '' });
const workflowBundle = await bundleWorkflowCode({
  workflowsPath: fileURLToPath(new URL('./raw-workflows.ts', import.meta.url)),
  logger: new DefaultLogger('WARN'),
});
const worker = await Worker.create({
  connection,
  namespace: process.env['TEMPORAL_NAMESPACE'] ?? 'default',
  taskQueue: 'raw',
  workflowBundle,
  maxCachedWorkflows: 200,
  activities: {
    mark: async (id: string) => notify('waiting', id),
    act: async (id: string) => notify('done', id),
  },
});
process.once('disconnect', () => worker.shutdown());
notify('ready', '');
await worker.run();
await connection.close();

function notify(kind: 'ready' | 'waiting' | 'done', id: string): void {
  process.send?.({ kind, id });
}
