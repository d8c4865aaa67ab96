import { createServer, type Server, type ServerResponse } from 'node:http';

import { register } from 'prom-client';

/** What the health port asks. */
export interface HealthChecks {
  readonly isAlive: () => boolean;
  readonly isReady: () => Promise<boolean>;
}

/** Serves /healthz, /readyz and /metrics for probes and Prometheus. Nothing else, and nothing that changes anything. */
export async function serveHealth(checks: HealthChecks, host: string, port: number): Promise<Server> {
  const server = createServer((request, response) => {
    answer(request.url ?? '', checks, response).catch(() => response.writeHead(500).end());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return server;
}

async function answer(url: string, checks: HealthChecks, response: ServerResponse): Promise<void> {
  if (url === '/healthz') return say(response, checks.isAlive());
  if (url === '/readyz') return say(response, await checks.isReady());
  if (url !== '/metrics') {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, { 'content-type': register.contentType }).end(await register.metrics());
}

function say(response: ServerResponse, isGood: boolean): void {
  response
    .writeHead(isGood ? 200 : 503, { 'content-type': 'application/json' })
    .end(JSON.stringify({ ok: isGood }));
}
