import '../../configuration/supported-node.ts';

import type { AddressInfo } from 'node:net';

import { createApplication } from './application.ts';
import { serveMetrics } from './http/metrics-server.ts';
import { openContext } from './open-context.ts';
import { openReviews } from './reviews/opener.ts';
import { readSettings } from './settings.ts';

const STOP_MS_MAX = 10_000;

/** The API program: answers HTTP until it is told to stop. */
async function run(): Promise<void> {
  const settings = readSettings(process.env);
  const { context, close } = await openContext(settings);
  const app = await createApplication(context);
  const measuring = await serveMetrics(context.metrics.registry, settings.metrics);
  await app.listen(settings.port, settings.host);
  const { port } = app.getHttpServer().address() as AddressInfo;
  context.log.info({ url: `http://${settings.host}:${port}` }, 'API running');
  const stopping = new AbortController();
  const opening = openReviews(context, stopping.signal);
  const stop = (): void => {
    stopping.abort();
    measuring.close();
    // A stop that hangs must not keep a rolling upgrade waiting: nothing here holds truth.
    setTimeout(() => process.exit(1), STOP_MS_MAX).unref();
    app
      .close()
      .then(() => opening)
      .then(close)
      .then(() => process.exit(0), fail);
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}

function fail(error: unknown): void {
  process.stderr.write(
    `The Keyturn API cannot run: ${error instanceof Error ? error.message : String(error)}\n`,
  );
  process.exit(1);
}

process.on('unhandledRejection', fail);
run().catch(fail);
