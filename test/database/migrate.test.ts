import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';

import { Client } from 'pg';
import { expect, it } from 'vitest';

import { withDatabase } from '../../scripts/servers/postgres.ts';
import { compiled, testPostgresUrl } from '../stack/databases.ts';

const PASSWORD = 'for-tests-only';

async function migrate(url: string): Promise<string> {
  const env = {
    KEYTURN_DATABASE_URL: url,
    KEYTURN_API_PASSWORD: PASSWORD,
    KEYTURN_WORKER_PASSWORD: PASSWORD,
  };
  const { stdout } = await promisify(execFile)(process.execPath, [compiled('database/migrate.js')], {
    env: { ...process.env, ...env },
  });
  return stdout;
}

it('migrate says what it did, and that nothing was left to do', async () => {
  const name = `migrated_${randomBytes(6).toString('hex')}`;
  const root = new Client({ connectionString: testPostgresUrl() });
  await root.connect();
  try {
    await root.query(`create database ${name}`);
    const url = withDatabase(testPostgresUrl(), name);
    const first = await migrate(url);
    expect(first).toMatch(/^\d+ migrations ran: Spine, .*\. The database is up to date \(\d+ migrations\)/);
    expect(first).not.toContain(PASSWORD);
    expect(await migrate(url)).toMatch(/^No migration had to run\. The database is up to date/);
  } finally {
    await root.query(`drop database if exists ${name} with (force)`);
    await root.end();
  }
});
