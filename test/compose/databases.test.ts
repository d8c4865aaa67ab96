import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { Client, escapeLiteral } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { freePort } from '../../scripts/servers/ports.ts';
import {
  startPostgres,
  withDatabase,
  withUser,
  type PostgresServer,
} from '../../scripts/servers/postgres.ts';
import { root } from '../../scripts/servers/root.ts';
import { TRIES } from '../database/disk-tries.ts';
import { compiled } from '../stack/databases.ts';

const TEMPORAL = 'for-temporal-only';
const ADMIN = 'for-the-admin-only';
const API = 'for-the-api-only';
const WORKER = 'for-the-worker-only';

let folder: string;
let server: PostgresServer;

describe('the databases that compose makes', () => {
  // A cluster of its own: roles belong to the whole cluster, and here they must not exist yet.
  beforeAll(async () => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'keyturn-compose-'));
    fs.chmodSync(folder, 0o711);
    server = await startPostgres({
      folder: path.join(folder, 'postgres'),
      port: await freePort(),
      logFile: path.join(folder, 'postgres.log'),
      isDurable: false,
    });
    await setUp();
    await migrate();
  });

  afterAll(async () => {
    await server.stop();
    fs.rmSync(folder, { recursive: true, force: true });
  });

  it('are migrated by an admin who is no superuser, also a second time', async () => {
    await migrate();
    const rows = await ask(admin(), 'select rolsuper from pg_roles where rolname = current_user');
    expect(rows).toEqual([{ rolsuper: false }]);
  });

  it("may be made again for Keyturn: what is there stays, and the admin's password is the one given", async () => {
    await ask(server.url(), `alter role keyturn_admin password 'another'`);
    await runScript(fs.readFileSync(path.join(root, 'compose/postgres/20-keyturn.sql'), 'utf8'));
    await migrate();
  });

  it('are limited as migrations would limit them, whose admin is notified where they are not', async () => {
    expect(await migrate()).toBe('');
    const [again, undo] = [`set temp_file_limit = '256MB'`, 'reset temp_file_limit'];
    await ask(server.url(), `alter role keyturn_api ${undo}`);
    expect(await migrate()).toContain(`alter role keyturn_api ${again};`);
    await ask(server.url(), `alter role keyturn_api ${again}`);
  });

  it.each(TRIES)('let no program write to the disk but rows: $what', async ({ sql, code }) => {
    for (const url of [urlOf('keyturn_api', API, 'keyturn'), urlOf('keyturn_worker', WORKER, 'keyturn')])
      await expect(ask(url, sql)).rejects.toMatchObject({ code });
  });

  it.each([
    ['keyturn_api', API],
    ['keyturn_worker', WORKER],
  ])('let %s read requests and connect to nothing else', async (role, password) => {
    expect(await ask(urlOf(role, password, 'keyturn'), 'select id from keyturn.request')).toEqual([]);
    for (const other of ['temporal', 'temporal_visibility', 'postgres', 'template1']) {
      await expect(ask(urlOf(role, password, other), 'select 1')).rejects.toMatchObject({ code: '42501' });
    }
  });

  it('keep Temporal out of the database of Keyturn', async () => {
    await expect(ask(urlOf('temporal', TEMPORAL, 'keyturn'), 'select 1')).rejects.toMatchObject({
      code: '42501',
    });
    await ask(urlOf('temporal', TEMPORAL, 'temporal'), 'create table proof (id int)');
  });

  it('keep the admin of Keyturn out of the databases of Temporal', async () => {
    await expect(ask(urlOf('keyturn_admin', ADMIN, 'temporal'), 'select 1')).rejects.toMatchObject({
      code: '42501',
    });
  });

  it('let the worker add audit entries and never change one', async () => {
    const worker = urlOf('keyturn_worker', WORKER, 'keyturn');
    await expect(ask(worker, 'delete from audit.entry')).rejects.toMatchObject({ code: '42501' });
    await expect(ask(worker, 'set role keyturn_owner')).rejects.toMatchObject({ code: '42501' });
  });
});

/** What the image runs with psql: here by a plain client, with psql's own commands done by hand. */
async function setUp(): Promise<void> {
  const folder = path.join(root, 'compose/postgres');
  for (const name of fs.readdirSync(folder).toSorted()) {
    await runScript(fs.readFileSync(path.join(folder, name), 'utf8'));
  }
}

async function runScript(script: string): Promise<void> {
  const passwords: Record<string, string> = { temporal_password: TEMPORAL, keyturn_admin_password: ADMIN };
  const sql = script
    .replaceAll(/^\\(set|if|else|endif)\b.*$/gm, '')
    .replaceAll(/^--.*$/gm, '')
    .replaceAll(/:'(\w+)'/g, (_match, name: string) => escapeLiteral(passwords[name] ?? ''));
  const [first = '', ...others] = sql.split(/^\\connect (?=\w+$)/m);
  await run('postgres', first);
  for (const part of others) {
    const database = /^\w+/.exec(part)?.[0] ?? '';
    await run(database, part.slice(database.length));
  }
}

async function run(database: string, sql: string): Promise<void> {
  for (const [, statement = '', end] of sql.matchAll(/([^;\\]+)(;|\\gexec)/g)) {
    const rows = await ask(server.url(database), statement);
    if (end === ';') continue;
    for (const made of (rows as Record<string, string>[]).flatMap((row) => Object.values(row)))
      await ask(server.url(database), made);
  }
}

async function migrate(): Promise<string> {
  const env = { KEYTURN_DATABASE_URL: admin(), KEYTURN_API_PASSWORD: API, KEYTURN_WORKER_PASSWORD: WORKER };
  const { stderr } = await promisify(execFile)(process.execPath, [compiled('database/migrate.js')], {
    env: { ...process.env, ...env },
  });
  return stderr;
}

function admin(): string {
  return urlOf('keyturn_admin', ADMIN, 'keyturn');
}

function urlOf(role: string, password: string, database: string): string {
  return withDatabase(withUser(server.url(), role, password), database);
}

async function ask(url: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  try {
    await client.connect();
    const { rows } = await client.query(sql);
    return rows as unknown[];
  } finally {
    await client.end();
  }
}
