import http from 'node:http';
import type { AddressInfo } from 'node:net';

import { pause } from '../../../scripts/servers/process.ts';

/** A load balancer as installations have one: it asks who is ready, keeps connections, and makes no call twice. */
export interface Balancer {
  readonly url: string;
  stop(): Promise<void>;
}

const LOOK_MS = 100;

/** Starts one before these servers. */
export async function startBalancer(urls: readonly string[]): Promise<Balancer> {
  const agent = new http.Agent({ keepAlive: true });
  let ready: readonly string[] = urls;
  let turn = 0;
  const stopping = new AbortController();
  const looking = (async () => {
    while (!stopping.signal.aborted) {
      const answers = await Promise.all(urls.map(isReady));
      ready = urls.filter((_url, index) => answers[index]);
      await pause(LOOK_MS);
    }
  })();
  const server = http.createServer((request, response) => {
    turn += 1;
    const url = ready[turn % ready.length];
    if (url === undefined) return void response.writeHead(599).end();
    const { method = 'GET', headers, url: path = '/' } = request;
    const forwarded = http.request(`${url}${path}`, { method, headers, agent }, (answer) => {
      const { connection: _hop, ...others } = answer.headers;
      response.writeHead(answer.statusCode ?? 599, others);
      answer.pipe(response);
      // What breaks off behind it breaks off before it.
      answer.once('aborted', () => response.destroy());
    });
    forwarded.once('error', () => response.destroy());
    request.pipe(forwarded);
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      stopping.abort();
      await looking;
      agent.destroy();
      server.closeAllConnections();
      server.close();
    },
  };
}

async function isReady(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(1_000) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}
