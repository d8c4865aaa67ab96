import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { prepareTarget } from '../../scripts/demo/target.ts';
import { withDatabase, withUser } from '../../scripts/servers/postgres.ts';
import { root } from '../../scripts/servers/root.ts';
import { testFolder } from './temporal.ts';

/** Connection strings of one stack. Roles belong to the server, so their passwords are the same for every stack. */
export interface StackDatabases {
  readonly keyturn: DatabaseUrls;
  readonly target: string;
  readonly targetAdmin: string;
}

/** One database for each who uses it. */
export interface DatabaseUrls {
  readonly admin: string;
  readonly api: string;
  readonly worker: string;
}

const PASSWORD = 'for-tests-only';
const KEYTURN_TEMPLATE = 'keyturn_template';
const TARGET_TEMPLATE = 'target_template';
/** Any number: it only has to be the same in every test process. */
const TEMPLATE_LOCK = 715_517;

/** A fresh database of Keyturn, migrated, and a fresh target with the demo's data. */
export async function createDatabases(name: string): Promise<StackDatabases> {
  const admin = testPostgresUrl();
  await withClient(admin, async (client) => {
    await client.query('select pg_advisory_lock($1)', [TEMPLATE_LOCK]);
    await ensureTemplate(client, KEYTURN_TEMPLATE, migrate);
    await ensureTemplate(client, TARGET_TEMPLATE, (url) => prepareTarget(url, PASSWORD));
    // While the lock is held: PostgreSQL copies a template only when nobody else is connected to it.
    await client.query(`create database ${name}_keyturn template ${KEYTURN_TEMPLATE}`);
    await client.query(`create database ${name}_target template ${TARGET_TEMPLATE}`);
  });
  const keyturn = withDatabase(admin, `${name}_keyturn`);
  const target = withDatabase(admin, `${name}_target`);
  return {
    keyturn: {
      admin: keyturn,
      api: withUser(keyturn, 'keyturn_api', PASSWORD),
      worker: withUser(keyturn, 'keyturn_worker', PASSWORD),
    },
    target: withUser(target, 'keyturn_target', PASSWORD),
    targetAdmin: target,
  };
}

/** Superuser of the PostgreSQL that the global setup started. */
export function testPostgresUrl(): string {
  const url = process.env['KEYTURN_TEST_POSTGRES_URL'];
  if (!url) throw new Error('KEYTURN_TEST_POSTGRES_URL is not set: run this test in the project "system".');
  return url;
}

/** The main process of that PostgreSQL. */
export function testPostgresPid(): number {
  const file = path.join(testFolder(), 'postgres', 'data', 'postmaster.pid');
  return Number(fs.readFileSync(file, 'utf8').split('\n')[0]);
}

/** Absolute path of a compiled program. */
export function compiled(file: string): string {
  const program = path.join(root, 'dist', file);
  if (!fs.existsSync(program)) throw new Error(`${program} is missing: run \`npm run build\` first.`);
  return program;
}

async function ensureTemplate(
  client: Client,
  name: string,
  fill: (url: string) => Promise<void>,
): Promise<void> {
  const found = await client.query('select 1 from pg_database where datname = $1', [name]);
  if (found.rowCount !== 0) return;
  // Under another name until it is complete, so that a failed attempt is not taken for a template.
  await client.query(`drop database if exists ${name}_draft with (force)`);
  await client.query(`create database ${name}_draft`);
  await fill(withDatabase(testPostgresUrl(), `${name}_draft`));
  await client.query(`alter database ${name}_draft rename to ${name}`);
}

async function migrate(url: string): Promise<void> {
  await promisify(execFile)(process.execPath, [compiled('database/migrate.js')], {
    env: {
      ...process.env,
      KEYTURN_DATABASE_URL: url,
      KEYTURN_API_PASSWORD: PASSWORD,
      KEYTURN_WORKER_PASSWORD: PASSWORD,
    },
  });
}

async function withClient(url: string, work: (client: Client) => Promise<void>): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}
