import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { freePort } from '../../scripts/servers/ports.ts';
import { startTemporal } from '../../scripts/servers/temporal.ts';
import { lostPortHint, readSettings, refuseTakenPorts } from '../../scripts/start/settings.ts';

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

it('names every taken port at once, with free ones to use instead', async () => {
  const env = await freeEnvironment();
  const servers = await Promise.all(
    PORTS.map(async (name) => {
      const server = net.createServer().listen(Number(env[name]), '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  const refusal = String(await refuseTakenPorts(readSettings(env, [])).catch((error: unknown) => error));
  for (const name of PORTS) expect(refusal).toContain(`  ${env[name]}  (${name})`);
  const instead = Object.fromEntries(
    [...refusal.matchAll(/(KEYTURN_\w+)=(\d+)/g)].map(([, name = '', port = '']) => [name, port]),
  );
  expect(Object.keys(instead).sort()).toEqual([...PORTS].sort());
  await expect(refuseTakenPorts(readSettings(instead, []))).resolves.toBeUndefined();
  for (const server of servers) server.close();
});

it('says what to do when a port is lost between the check and the start', async () => {
  const port = await freePort();
  const other = net.createServer().listen(port, '127.0.0.1');
  await once(other, 'listening');
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'keyturn-port-'));
  const failure = await startTemporal({
    program: process.env['KEYTURN_TEST_TEMPORAL_PROGRAM'] ?? '',
    port,
    uiPort: null,
    logFile: path.join(folder, 'temporal.log'),
    databaseFile: null,
    namespaces: ['default'],
  }).catch(String);
  expect(lostPortHint(String(failure))).toContain('Start again');
  expect(lostPortHint('the worker ended (signal SIGKILL).')).toBe('');
  other.close();
  fs.rmSync(folder, { recursive: true });
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
