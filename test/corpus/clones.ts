import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { Client, type QueryResultRow } from 'pg';

import { fillTargetSetup } from '../../activities/connectors/postgres/target-setup.ts';
import { withDatabase, withUser } from '../../scripts/servers/postgres.ts';
import { testPostgresUrl } from '../stack/databases.ts';

const SETUP = 'activities/connectors/postgres/target-setup.sql';
const ROOT = resolve(import.meta.dirname, '../..');

/** The three roles that Keyturn needs at a target. They belong to the server, so all clones share them. */
export interface Roles {
  readonly login: string;
  readonly statement: string;
  readonly observer: string;
}

/** A database of its own that nobody else uses. */
export interface Clone {
  readonly name: string;
  readonly adminUrl: string;
  readonly loginUrl: string;
  /** Reference of `loginUrl`, as a target's connection names it. */
  readonly reference: string;
}

/** Databases made from templates, with roles of their own. */
export interface Clones {
  readonly roles: Roles;
  /** A new database, prepared as a target and filled by this SQL. WRITER, OBSERVER, LOGIN and DATABASE are names in it. */
  create(setUp: string): Promise<Clone>;
  copy(template: Clone): Promise<Clone>;
  drop(clone: Clone): Promise<void>;
  /** Runs SQL with the names filled in, as the administrator, in a session of its own. */
  run<Row extends QueryResultRow>(clone: Clone, sql: string): Promise<readonly Row[]>;
  stop(): Promise<void>;
}

const PASSWORD = 'of-the-corpus';

/** Starts with no database. `stop` drops whatever is left. */
export async function startClones(): Promise<Clones> {
  const server = testPostgresUrl();
  const prefix = `corpus_${randomBytes(4).toString('hex')}`;
  const roles = { login: `${prefix}_login`, statement: `${prefix}_writer`, observer: `${prefix}_observer` };
  const root = new Client({ connectionString: server });
  await root.connect();
  const parts = { root, server, prefix, roles, left: new Map<string, Clone>(), number: 0 };
  return {
    roles,
    create: (setUp) => create(parts, setUp),
    copy: (template) => copy(parts, template),
    drop: (clone) => drop(parts, clone),
    run: (clone, sql) => inSession(clone.adminUrl, (client) => rowsOf(client, filled(sql, clone, roles))),
    stop: async () => {
      for (const clone of [...parts.left.values()].reverse()) await drop(parts, clone);
      for (const role of Object.values(roles)) await root.query(`drop role if exists ${role}`);
      await root.end();
    },
  };
}

interface Parts {
  readonly root: Client;
  readonly server: string;
  readonly prefix: string;
  readonly roles: Roles;
  readonly left: Map<string, Clone>;
  number: number;
}

function next({ server, prefix, roles, left }: Parts, number: number): Clone {
  const name = `${prefix}_${number}`;
  const adminUrl = withDatabase(server, name);
  const loginUrl = withUser(adminUrl, roles.login, PASSWORD);
  const variable = `KEYTURN_TARGET_${name.toUpperCase()}`;
  process.env[variable] = loginUrl;
  const clone = { name, adminUrl, loginUrl, reference: `env:${variable}` };
  left.set(name, clone);
  return clone;
}

async function create(parts: Parts, setUp: string): Promise<Clone> {
  const { root, roles } = parts;
  parts.number += 1;
  const clone = next(parts, parts.number);
  await root.query(`create database ${clone.name}`);
  await inSession(clone.adminUrl, async (client) => {
    await client.query(fillTargetSetup(readFileSync(join(ROOT, SETUP), 'utf8'), roles));
    await client.query(`alter role ${roles.login} password '${PASSWORD}'`);
    await client.query(`alter role ${roles.observer} bypassrls`);
    await client.query(filled(setUp, clone, roles));
    await client.query(filled(GRANTS, clone, roles));
  });
  return clone;
}

async function copy(parts: Parts, template: Clone): Promise<Clone> {
  parts.number += 1;
  const clone = next(parts, parts.number);
  await parts.root.query(`create database ${clone.name} template ${template.name}`);
  return clone;
}

async function drop({ root, left }: Parts, clone: Clone): Promise<void> {
  left.delete(clone.name);
  delete process.env[clone.reference.slice('env:'.length)];
  await root.query(`drop database if exists ${clone.name} with (force)`);
}

/** What the roles may do at every clone: all that rows can be subject to. Where everybody may create, no plan is made. */
export const GRANTS = `
  do $$
  declare found record;
  begin
    for found in select nspname as name from pg_namespace
                  where nspname !~ '^pg_' and nspname not in ('information_schema', 'keyturn') loop
      execute format('revoke create on schema %I from public', found.name);
      execute format('grant usage on schema %I to WRITER, OBSERVER', found.name);
      execute format('grant select, insert, update, delete on all tables in schema %I to WRITER', found.name);
      execute format('grant usage, select, update on all sequences in schema %I to WRITER', found.name);
      execute format('grant select on all tables in schema %I to OBSERVER', found.name);
    end loop;
  end $$`;

/** Puts the names of the roles and of the database into SQL. */
export function filled(sql: string, clone: Clone, roles: Roles): string {
  return sql
    .replaceAll(/\bWRITER\b/g, roles.statement)
    .replaceAll(/\bOBSERVER\b/g, roles.observer)
    .replaceAll(/\bLOGIN\b/g, roles.login)
    .replaceAll(/\bDATABASE_NAME\b/g, clone.name);
}

/** Work in a session that ends with it. */
export async function inSession<Answer>(
  url: string,
  work: (client: Client) => Promise<Answer>,
): Promise<Answer> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

async function rowsOf<Row extends QueryResultRow>(client: Client, sql: string): Promise<readonly Row[]> {
  const result: unknown = await client.query<Row>(sql);
  const last = Array.isArray(result) ? (result as { rows: Row[] }[]).at(-1) : (result as { rows: Row[] });
  return last?.rows ?? [];
}
