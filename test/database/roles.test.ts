import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { prepareRoles, type Query } from '../../database/roles.ts';
import { scramVerifier } from '../../database/scram.ts';
import { withDatabase, withUser } from '../../scripts/servers/postgres.ts';
import { createDatabases, testPostgresUrl } from '../stack/databases.ts';
import { takeNumber } from '../stack/temporal.ts';
import { TRIES } from './disk-tries.ts';

/** That of all other tests: roles belong to the whole server. */
const PASSWORD = 'for-tests-only';

const number = takeNumber();
const statements: string[] = [];
let url: string;
let admin: Client;
let missing: readonly string[];

beforeAll(async () => {
  const { keyturn } = await createDatabases(`roles_${number}`);
  url = keyturn.admin;
  admin = await connect(url);
  missing = await prepareRoles(ask, { worker: PASSWORD, api: PASSWORD });
});

afterAll(async () => {
  await admin.end();
});

const ask: Query = async (sql) => {
  statements.push(sql);
  return (await admin.query(sql)).rows;
};

async function connect(connectionString: string): Promise<Client> {
  const client = new Client({ connectionString });
  await client.connect();
  return client;
}

describe.each(['keyturn_api', 'keyturn_worker'])('the role %s', (role) => {
  it.each(TRIES)('does not fill the disk by $what', async ({ sql, code }) => {
    const client = await connect(withUser(url, role, PASSWORD));
    try {
      await expect(client.query(sql)).rejects.toMatchObject({ code });
    } finally {
      await client.end();
    }
  });
});

describe('preparing roles', () => {
  it('leaves nothing to do when a superuser does it', () => {
    expect(missing).toEqual([]);
  });

  it('has no password in any statement', () => {
    expect(statements.filter((sql) => sql.includes('login password'))).toHaveLength(2);
    expect(statements.filter((sql) => sql.includes(PASSWORD))).toEqual([]);
  });

  it.each(['plain', `quotes ' " \\ $$ %`, ' ~'.repeat(60)])(
    'lets a role sign in by its password, and by no other: %j',
    async (password) => {
      const role = `scram_${number}`;
      await admin.query(`drop role if exists ${role}`);
      await admin.query(`create role ${role} login password '${scramVerifier(password)}'`);
      const server = new URL(withDatabase(testPostgresUrl(), 'postgres'));
      const signIn = async (word: string): Promise<void> => {
        const client = new Client({
          host: server.hostname,
          port: Number(server.port),
          database: 'postgres',
          user: role,
          password: word,
        });
        await client.connect();
        await client.end();
      };
      await signIn(password);
      await expect(signIn(`${password}x`)).rejects.toMatchObject({ code: '28P01' });
      await admin.query(`drop role ${role}`);
    },
  );

  it.each(['', 'grün', 'line\nbreak', '\0'])('refuses %j, which clients may send otherwise', (password) => {
    expect(() => scramVerifier(password)).toThrow(/printable ASCII/);
  });
});
