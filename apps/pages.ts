import { createServer, type Server, type ServerResponse } from 'node:http';

import type { Registry } from 'prom-client';

/** What a page of a port for probes and Prometheus says. */
interface Page {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** Pages by their paths. */
export type Pages = ReadonlyMap<string, () => Promise<Page>>;

/** Serves pages on a port of their own: what measures a process is not for those who call it. Nothing else is there. */
export async function servePages(
  pages: Pages,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<Server> {
  const server = createServer(({ url = '' }, response) => {
    answer(pages.get(url), response).catch(() => response.writeHead(500).end());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return server;
}

async function answer(read: (() => Promise<Page>) | undefined, response: ServerResponse): Promise<void> {
  const { status, type, body } = (await read?.()) ?? { status: 404, type: 'text/plain', body: '' };
  response.writeHead(status, { 'content-type': type }).end(body);
}

/** The page of Prometheus. */
export async function metricsPage(registry: Registry): Promise<Page> {
  return { status: 200, type: registry.contentType, body: await registry.metrics() };
}

/** The page of a probe. */
export function probePage(isGood: boolean): Page {
  return { status: isGood ? 200 : 503, type: 'application/json', body: JSON.stringify({ ok: isGood }) };
}
