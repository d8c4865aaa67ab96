import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { freePort } from '../../scripts/servers/ports.ts';
import { startPostgres, type PostgresOptions } from '../../scripts/servers/postgres.ts';

let folder: string;
let options: PostgresOptions;

beforeAll(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'keyturn-postgres-'));
  fs.chmodSync(folder, 0o711);
  options = {
    folder: path.join(folder, 'postgres'),
    port: await freePort(),
    logFile: path.join(folder, 'postgres.log'),
    isDurable: true,
  };
});

afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

it('keeps what was committed over a clean stop and over kill -9', async () => {
  const first = await startPostgres(options);
  await query(first.url(), 'create table kept (n int)');
  await query(first.url(), 'insert into kept values (1)');
  await first.stop();

  const second = await startPostgres(options);
  await query(second.url(), 'insert into kept values (2)');
  await second.running.kill9();

  const third = await startPostgres(options);
  expect(await query(third.url(), 'select n from kept order by n')).toEqual([{ n: 1 }, { n: 2 }]);
  await third.stop();
});

it('starts although its lock file names a process that is somebody else by now', async () => {
  const server = await startPostgres(options);
  await server.stop();
  const stranger = spawn('sleep', ['60']);
  fs.writeFileSync(path.join(options.folder, 'data', 'postmaster.pid'), `${stranger.pid}\n/elsewhere\n0\n`);
  const again = await startPostgres(options);
  expect(stranger.exitCode).toBeNull();
  stranger.kill();
  await again.stop();
});

it('refuses one who does not know the password', async () => {
  const server = await startPostgres(options);
  const url = new URL(server.url());
  url.password = 'wrong';
  await expect(query(url.href, 'select 1')).rejects.toThrow(/password authentication failed/);
  await server.stop();
});

it('listens on loopback only', async () => {
  const server = await startPostgres(options);
  const port = options.port.toString(16).toUpperCase().padStart(4, '0');
  const tables = ['/proc/net/tcp', '/proc/net/tcp6'].map((file) => fs.readFileSync(file, 'utf8'));
  const listeners = tables.join('\n').match(new RegExp(`[0-9A-F]+:${port} 0+:0000 0A`, 'g')) ?? [];
  expect(listeners.map((line) => line.split(':')[0])).toEqual(['0100007F']);
  await server.stop();
});

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}
