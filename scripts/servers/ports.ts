import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';

/** Below what Linux, macOS and Windows take for outgoing connections: none of those gets in before the port is used. */
const LOWEST_PORT = 15_000;
const PORTS = 17_000;

/** A loopback port that was free a moment ago. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 100; tries += 1) {
    const port = randomInt(LOWEST_PORT, LOWEST_PORT + PORTS);
    if (await isPortFree(port)) return port;
  }
  throw new Error('No free port on 127.0.0.1.');
}

/** True when this process could listen there now. */
export async function isPortFree(port: number): Promise<boolean> {
  const server = net.createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
    await once(server.close(), 'close');
    return true;
  } catch {
    return false;
  }
}
