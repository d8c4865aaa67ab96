import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { Client, type QueryResultRow } from 'pg';

import type { ApprovedCall, ConnectorCall } from '../../../../activities/connectors/connector.ts';
import { fillTargetSetup } from '../../../../activities/connectors/postgres/target-setup.ts';
import type { JsonValue } from '../../../../domain/crypto/canonical-json.ts';
import type { Plan } from '../../../../domain/request/plan.ts';
import type { Target } from '../../../../domain/policy/policy.ts';

const ROOT = resolve(import.meta.dirname, '../../../..');

/** One database of its own with a bank in it, and the three roles that Keyturn needs there. */
export interface TargetDatabase {
  readonly admin: Client;
  readonly adminUrl: string;
  /** Of the executor's login role. */
  readonly loginUrl: string;
  readonly statementRole: string;
  readonly observerRole: string;
  target(connection?: Readonly<Record<string, JsonValue>>): Target;
  call(statement: string, connection?: Readonly<Record<string, JsonValue>>): ConnectorCall;
  approved(plan: Plan, more?: Partial<ApprovedCall>): ApprovedCall;
  rows<Row extends QueryResultRow>(text: string, values?: readonly unknown[]): Promise<readonly Row[]>;
  /** A digest of everything that the bank's tables hold. */
  checksum(): Promise<string>;
  stop(): Promise<void>;
}

/** Creates the database in the server that the global setup of the tests has started. */
export async function startTargetDatabase(): Promise<TargetDatabase> {
  const serverUrl = process.env['KEYTURN_TEST_POSTGRES_URL'];
  if (serverUrl === undefined) throw new Error('KEYTURN_TEST_POSTGRES_URL is not set.');
  const name = `bank_${randomBytes(6).toString('hex')}`;
  const root = await connected(serverUrl);
  await root.query(`create database ${name}`);
  const adminUrl = withDatabase(serverUrl, name);
  const admin = await connected(adminUrl);
  const roles = { login: `${name}_login`, statement: `${name}_writer`, observer: `${name}_observer` };
  await admin.query(fillTargetSetup(readFileSync(join(ROOT, SETUP), 'utf8'), roles));
  await admin.query(`alter role ${roles.login} password 'secret-of-the-executor'`);
  await admin.query(bank(roles.statement, roles.observer));
  const login = new URL(adminUrl);
  login.username = roles.login;
  login.password = 'secret-of-the-executor';
  const variable = `KEYTURN_TARGET_${name.toUpperCase()}`;
  process.env[variable] = login.href;
  return {
    ...databaseOf({ admin, adminUrl, loginUrl: login.href, roles, variable }),
    stop: async () => {
      await admin.end();
      await root.query(`drop database ${name} with (force)`);
      for (const role of Object.values(roles)) await root.query(`drop role ${role}`);
      await root.end();
    },
  };
}

const SETUP = 'activities/connectors/postgres/target-setup.sql';

interface Parts {
  readonly admin: Client;
  readonly adminUrl: string;
  readonly loginUrl: string;
  readonly roles: { readonly login: string; readonly statement: string; readonly observer: string };
  readonly variable: string;
}

function databaseOf({ admin, adminUrl, loginUrl, roles, variable }: Parts): Omit<TargetDatabase, 'stop'> {
  const target: TargetDatabase['target'] = (connection = {}) => ({
    id: 'bank',
    title: 'The bank',
    resource_type: 'postgres',
    environment: 'production',
    owners: [],
    connection: {
      url: `env:${variable}`,
      statement_role: roles.statement,
      observer_role: roles.observer,
      allowed_functions: ['public.log_account'],
      ...connection,
    },
  });
  const call: TargetDatabase['call'] = (statement, connection) => ({
    requestId: 'req_test',
    action: 'postgres.execute',
    requester: 'agent@example.test',
    root: 'owner@example.test',
    target: target(connection),
    arguments: { statement },
  });
  const rows: TargetDatabase['rows'] = async (text, values = []) =>
    (await admin.query(text, [...values])).rows;
  return {
    admin,
    adminUrl,
    loginUrl,
    statementRole: roles.statement,
    observerRole: roles.observer,
    target,
    call,
    approved: (plan, more = {}) => ({
      ...call(plan.operation),
      approvedPlan: plan,
      idempotencyKey: randomBytes(8).toString('hex'),
      beforeCommit: async () => undefined,
      ...more,
    }),
    rows,
    checksum: async () => JSON.stringify(await rows(CHECKSUM)),
  };
}

const CHECKSUM = `
  select table_name, md5(query_to_xml(format('select * from %I.%I t order by t', table_schema, table_name),
                                      true, false, '')::text) as digest
    from information_schema.tables where table_schema in ('public', 'hidden', 'keyturn') and table_type = 'BASE TABLE'
   order by 1`;

function bank(writer: string, observer: string): string {
  return `
    create schema hidden;
    create table account (id bigint primary key, owner text not null, balance numeric not null check (balance >= 0),
                          note text, updated_at timestamptz not null default now());
    create table account_log (id bigint generated always as identity primary key, account_id bigint,
                              old_balance numeric, new_balance numeric, at timestamptz default clock_timestamp(),
                              token uuid default gen_random_uuid());
    create table card (id bigint primary key, account_id bigint references account on delete cascade, number text);
    create table hidden.salary (person text primary key, amount numeric);
    create table keyless (a text, b int);
    create sequence ticket;
    create function log_account() returns trigger language plpgsql security definer as $$
      begin
        insert into account_log (account_id, old_balance, new_balance) values (old.id, old.balance, new.balance);
        return null;
      end $$;
    create trigger account_is_logged after update of balance on account for each row execute function log_account();
    insert into account (id, owner, balance)
      select n, 'person ' || n, n * 100 from generate_series(1, 10) n;
    insert into card select n, n, '4000-' || n from generate_series(1, 5) n;
    insert into hidden.salary values ('chief', 1000000);
    grant usage on schema public, hidden to ${observer};
    grant select on all tables in schema public, hidden to ${observer};
    grant select, insert, update, delete on account, card, keyless to ${writer};
    grant select on account_log to ${writer};
    grant usage on sequence ticket to ${writer};`;
}

/** A session of the administrator. */
export async function connected(url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

function withDatabase(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = `/${name}`;
  return changed.href;
}
