import '../../configuration/supported-node.ts';

import { once } from 'node:events';
import type { Server } from 'node:http';
import { createServer, type AddressInfo, type Server as TcpServer } from 'node:net';

import type { NestExpressApplication } from '@nestjs/platform-express';

import { takenPort } from '../../configuration/environment.ts';
import { readApiConfiguration } from '../../configuration/programs.ts';
import { metricsPage, servePages } from '../pages.ts';
import { createApplication } from './application.ts';
import type { ApiContext } from './context.ts';
import { drain } from './http/draining.ts';
import { openContext } from './open-context.ts';
import { openReviews } from './reviews/opener.ts';

/** Whatever else hangs must not keep a rolling upgrade waiting: nothing here holds truth. */
const CLOSE_MS_MAX = 5_000;

/** The API program: answers HTTP until it is stopped. */
async function run(): Promise<void> {
  const settings = readApiConfiguration(process.env);
  const { close, ...opened } = await openContext(settings);
  const { context } = opened;
  const app = await createApplication(opened);
  const pages = new Map([['/metrics', () => metricsPage(context.metrics.registry)]]);
  const measuring = await servePages(pages, settings.metrics).catch(takenPort('KEYTURN_API_METRICS_PORT'));
  await app.listen(settings.port, settings.host).catch(takenPort('KEYTURN_API_PORT'));
  const { port } = app.getHttpServer().address() as AddressInfo;
  const other = settings.host === '127.0.0.1' ? await listenOnSix(app.getHttpServer() as Server, port) : null;
  context.log.info({ url: `http://${settings.host}:${port}` }, 'API running');
  const opening = openReviews(context, context.draining.signal);
  const stop = (): void => {
    other?.close();
    end(app, context)
      .then(() => opening)
      .then(close)
      .then(() => process.exit(0), fail);
    measuring.close();
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}

/**
 * Loopback has two addresses, and browsers may try ::1 first for `localhost`, where anybody else could answer. Null on a
 * machine without it.
 */
async function listenOnSix(server: Server, port: number): Promise<TcpServer | null> {
  const six = createServer((socket) => server.emit('connection', socket));
  try {
    six.listen({ port, host: '::1', ipv6Only: true });
    await once(six, 'listening');
    return six;
  } catch (error) {
    if (/EADDRNOTAVAIL|EAFNOSUPPORT/.test(String(error))) return null;
    return takenPort('KEYTURN_API_PORT')(error);
  }
}

/** Ends what is being answered, and then the application. */
async function end(app: NestExpressApplication, { draining, settings, log }: ApiContext): Promise<void> {
  log.info('draining');
  const isWhole = await drain(app.getHttpServer() as Server, draining, settings.drain);
  if (!isWhole) log.warn('some calls took too long to end and were cut off');
  setTimeout(() => process.exit(1), CLOSE_MS_MAX).unref();
  await app.close();
}

function fail(error: unknown): void {
  process.stderr.write(
    `The Keyturn API cannot run: ${error instanceof Error ? error.message : String(error)}\n`,
  );
  process.exit(1);
}

process.on('unhandledRejection', fail);
run().catch(fail);
