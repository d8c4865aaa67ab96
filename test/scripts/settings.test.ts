import net from 'node:net';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { freePort } from '../../scripts/servers/ports.ts';
import { readSettings, refuseTakenPorts } from '../../scripts/start/settings.ts';

const PORTS = [
  'KEYTURN_API_PORT',
  'KEYTURN_WORKER_PORT',
  'KEYTURN_IDP_PORT',
  'KEYTURN_POSTGRES_PORT',
  'KEYTURN_TEMPORAL_PORT',
  'KEYTURN_TEMPORAL_UI_PORT',
  'KEYTURN_API_METRICS_PORT',
];

async function freeEnvironment(): Promise<Record<string, string>> {
  const ports = await Promise.all(PORTS.map(freePort));
  return Object.fromEntries(PORTS.map((name, index) => [name, String(ports[index])]));
}

it.each(PORTS)('names %s when that port is taken', async (name) => {
  const env = await freeEnvironment();
  const server = net.createServer().listen(Number(env[name]), '127.0.0.1');
  await once(server, 'listening');
  await expect(refuseTakenPorts(readSettings(env, []))).rejects.toThrow(name);
  server.close();
});

it('accepts ports that are all free', async () => {
  await expect(refuseTakenPorts(readSettings(await freeEnvironment(), []))).resolves.toBeUndefined();
});

it('needs no port for servers that are somebody else’s', async () => {
  const env = await freeEnvironment();
  const server = net.createServer().listen(Number(env['KEYTURN_POSTGRES_PORT']), '127.0.0.1');
  await once(server, 'listening');
  const settings = readSettings({ ...env, DATABASE_URL: 'postgres://elsewhere/x' }, []);
  await expect(refuseTakenPorts(settings)).resolves.toBeUndefined();
  server.close();
});

it('refuses what is no port, and arguments it does not know', () => {
  expect(() => readSettings({ KEYTURN_API_PORT: 'http' }, [])).toThrow('KEYTURN_API_PORT');
  expect(() => readSettings({}, ['--dmeo'])).toThrow('--dmeo');
});
