import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';

import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { withDatabase, withUser } from '../../scripts/servers/postgres.ts';
import { filesBelow, read } from '../docs/documents.ts';
import { compiled, createDatabases, testPostgresUrl, type StackDatabases } from '../stack/databases.ts';
import { takeNumber } from '../stack/temporal.ts';

const PASSWORD = 'for-tests-only';

async function migrate(url: string, more: NodeJS.ProcessEnv = {}): Promise<string> {
  const env = {
    KEYTURN_DATABASE_URL: url,
    KEYTURN_API_PASSWORD: PASSWORD,
    KEYTURN_WORKER_PASSWORD: PASSWORD,
  };
  const { stdout } = await promisify(execFile)(process.execPath, [compiled('database/migrate.js')], {
    env: { ...process.env, ...env, ...more },
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
    expect(first).toMatch(
      /^\d+ migrations? ran: Baseline\b.*\. The database is up to date, with the functions of this/,
    );
    expect(first).not.toContain(PASSWORD);
    expect(await migrate(url)).toMatch(/^No migration had to run\. The database is up to date/);
  } finally {
    await root.query(`drop database if exists ${name} with (force)`);
    await root.end();
  }
});

it('a migration imports nothing of the product, so that it does in years what it does today', () => {
  const own = [`'typeorm'`, `'../functions.ts'`, `'../sql-files.ts'`];
  for (const file of filesBelow('database/migrations').filter((name) => name.endsWith('.ts')))
    for (const [, module = ''] of read(file).matchAll(/(?:\bfrom|\bimport) ?\(?('[^']+')/g))
      expect(own, file).toContain(module);
});

describe('migrate', () => {
  let databases: StackDatabases;
  let owner: Client;

  beforeAll(async () => {
    databases = await createDatabases(`migrate_${takeNumber()}`);
    owner = new Client({ connectionString: databases.keyturn.admin });
    await owner.connect();
    await owner.query('set role keyturn_owner');
  });
  afterAll(() => owner.end());

  /** The functions as they are, and who may call them. */
  async function functions(): Promise<readonly unknown[]> {
    const { rows } = await owner.query(
      `select oid::regprocedure::text as name, pg_get_functiondef(oid) as text, proacl::text as rights from pg_proc
       where pronamespace in ('keyturn'::regnamespace, 'audit'::regnamespace) order by 1`,
    );
    return rows;
  }

  async function refusal(url: string, more?: NodeJS.ProcessEnv): Promise<string> {
    const refused = expect.objectContaining({ stderr: expect.stringMatching(/^keyturn-migrate: [^\n]+\n$/) });
    const error: unknown = await migrate(url, more).catch((reason: unknown) => reason);
    expect(error).toEqual(refused);
    const { stderr } = error as { readonly stderr: string };
    for (const secret of ['hunter2', PASSWORD, 'schlüssel', 'SCRAM']) expect(stderr).not.toContain(secret);
    return stderr.slice('keyturn-migrate: '.length);
  }

  it('gives a database the functions of this version, and the rights on them that their files grant', async () => {
    const asReleased = await functions();
    await owner.query(`create or replace function keyturn.is_operator(wanted text) returns boolean
      language sql stable as 'select true'`);
    await owner.query('grant execute on function keyturn.activate_policy to public, keyturn_api');
    await owner.query('revoke execute on function keyturn.keep_message from keyturn_api');
    await owner.query('create function keyturn.of_earlier() returns int language sql as $$ select 1 $$');
    await owner.query('grant execute on function keyturn.of_earlier to keyturn_api');
    expect(await migrate(databases.keyturn.admin)).toMatch(/^No migration had to run\. /);
    const { rows } = await owner.query(
      `select has_function_privilege('keyturn_api', 'keyturn.of_earlier()', 'execute') as is_callable`,
    );
    expect(rows).toEqual([{ is_callable: false }]);
    await owner.query('drop function keyturn.of_earlier');
    expect(await functions()).toEqual(asReleased);
  });

  it('changes nothing where a step fails', async () => {
    await owner.query('drop function keyturn.keep_message');
    await owner.query(`create function keyturn.keep_message(message text, of_request text, of_kind text, signed text)
      returns int language sql as 'select 1'`);
    await owner.query('grant execute on function keyturn.activate_policy to keyturn_api');
    const before = await functions();
    expect(await refusal(databases.keyturn.admin)).toMatch(/cannot change return type .* \(42P13\)/);
    expect(await functions()).toEqual(before);
    await owner.query('drop function keyturn.keep_message');
    await migrate(databases.keyturn.admin);
  });

  it.each(['Spine1764000000000', 'Later1999999999999'])(
    'refuses a database with a migration that this version does not know, and changes nothing: %s',
    async (name) => {
      await owner.query('insert into keyturn.keyturn_migration (timestamp, name) values (1, $1)', [name]);
      await owner.query('grant execute on function keyturn.activate_policy to keyturn_api');
      const before = await functions();
      expect(await refusal(databases.keyturn.admin)).toMatch(
        /does not know \((Spine|Later)\), so nothing was changed\. Run the program migrate of the newer version .* empty database/,
      );
      expect(await functions()).toEqual(before);
      await owner.query('delete from keyturn.keyturn_migration where name = $1', [name]);
      await migrate(databases.keyturn.admin);
    },
  );

  it('says in one line that its database is away or refuses it', async () => {
    expect(await refusal('postgres://keyturn_admin:hunter2@127.0.0.1:1/keyturn')).toMatch(
      /^KEYTURN_DATABASE_URL: nothing listens at the host and port/,
    );
    expect(await refusal(withUser(databases.keyturn.admin, 'keyturn_admin', 'hunter2'))).toMatch(
      /^KEYTURN_DATABASE_URL: the server refuses the session: /,
    );
  });

  it('says in one line that its URL is none, also where a password has a percent sign', async () => {
    for (const url of [
      'postgres://keyturn_admin:hunter2%zz@127.0.0.1:1/keyturn',
      'postgres://a:hunter2/@b:1/c',
    ])
      expect(await refusal(url)).toMatch(/^KEYTURN_DATABASE_URL: its credential is not a URL /);
  });

  it('says in one line which role it wants instead of one that may not prepare the database', async () => {
    expect(await refusal(databases.keyturn.api)).toMatch(
      /^KEYTURN_DATABASE_URL: its role may not prepare this database \(.*\)\. Name keyturn_admin, /,
    );
  });

  it('says in one line which variables are missing or wrong', async () => {
    const more = { KEYTURN_API_PASSWORD: '', KEYTURN_WORKER_PASSWORD: 'schlüssel' };
    expect(await refusal('', more)).toBe(
      'Bad environment. KEYTURN_DATABASE_URL: is missing; KEYTURN_API_PASSWORD: is missing; ' +
        'KEYTURN_WORKER_PASSWORD: takes printable ASCII characters only\n',
    );
  });
});
