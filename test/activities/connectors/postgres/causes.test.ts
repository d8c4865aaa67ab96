import { createServer, type AddressInfo } from 'node:net';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { ConnectorCall, PlanRefusal } from '../../../../activities/connectors/connector.ts';
import { createPostgresConnector } from '../../../../activities/connectors/postgres/postgres-connector.ts';
import { troubleOf, type Trouble } from '../../../../activities/connectors/trouble.ts';
import type { JsonValue } from '../../../../domain/crypto/canonical-json.ts';
import { startTargetDatabase, type TargetDatabase } from './target-database.ts';

const connector = createPostgresConnector();
const URL_VARIABLE = 'KEYTURN_TARGET_BANK_OF_CAUSES';

let bank: TargetDatabase;

beforeAll(async () => {
  bank = await startTargetDatabase();
});

afterAll(async () => {
  await bank.stop();
});

/** Why a target whose URL is `url` gives no answer. */
async function troubleAt(url: string | undefined): Promise<Trouble> {
  process.env[URL_VARIABLE] = url ?? '';
  const call = bank.call('update account set balance = 1 where id = 1', { url: `env:${URL_VARIABLE}` });
  const error: unknown = await connector.plan(call).then(
    (outcome) => expect.unreachable(JSON.stringify(outcome)),
    (reason: unknown) => reason,
  );
  return troubleOf(error);
}

function changed(change: (url: URL) => void): string {
  const url = new URL(bank.loginUrl);
  change(url);
  return url.href;
}

async function refused(
  statement: string,
  connection: Readonly<Record<string, JsonValue>> = {},
): Promise<PlanRefusal> {
  const call: ConnectorCall = bank.call(statement, connection);
  const outcome = await connector.plan(call);
  return outcome.kind === 'refused' ? outcome : expect.unreachable('it was planned');
}

/** A port of this machine at which nobody listens. */
async function closedPort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => {
    server.once('listening', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => {
    server.close(resolve);
  });
  return String(port);
}

describe('a target without a session says why', () => {
  it('names a wrong password, with the words and the state of the server', async () => {
    const trouble = await troubleAt(changed((url) => (url.password = 'not-the-secret')));
    expect(trouble).toEqual({
      cause: expect.stringContaining('password authentication failed'),
      sql_state: '28P01',
    });
    expect(JSON.stringify(trouble)).not.toContain('not-the-secret');
  });

  it('names a database that does not exist', async () => {
    const trouble = await troubleAt(changed((url) => (url.pathname = '/no_such_bank')));
    expect(trouble).toEqual({ cause: expect.stringContaining('no_such_bank'), sql_state: '3D000' });
  });

  it('names a role that does not exist', async () => {
    const trouble = await troubleAt(changed((url) => (url.username = 'nobody_of_causes')));
    expect(trouble).toMatchObject({ cause: expect.stringContaining('nobody_of_causes') });
    expect(trouble.sql_state).toMatch(/^28/);
  });

  it('names a closed port', async () => {
    const port = await closedPort();
    const { cause } = await troubleAt(changed((url) => (url.port = port)));
    expect(cause).toBe('nothing listens at the host and port of its URL (ECONNREFUSED)');
  });

  it('names a host that is not known', async () => {
    const { cause } = await troubleAt(changed((url) => (url.hostname = 'no-such-host.invalid')));
    expect(cause).toMatch(/host name in its URL.*\((ENOTFOUND|EAI_AGAIN)\)/);
  });

  it('names TLS that the server does not offer', async () => {
    const { cause } = await troubleAt(changed((url) => url.searchParams.set('sslmode', 'verify-full')));
    expect(cause).toBe('its URL requires TLS, which the server does not offer');
  });

  it('names a password that its URL lacks', async () => {
    const { cause } = await troubleAt(changed((url) => (url.password = '')));
    expect(cause).toMatch(/password/);
  });

  it('names a reference without a value', async () => {
    expect(await troubleAt(undefined)).toEqual({
      cause: `The credential reference env:${URL_VARIABLE} has no value here: it is empty.`,
    });
  });

  it.each(['postgres://user:pass/word@host', 'not a url secret-7', 'postgres://u:secret-7@[::'])(
    'tells nothing of a credential that is no URL: %j',
    async (url) => {
      const trouble = JSON.stringify(await troubleAt(url));
      expect(trouble).not.toMatch(/secret-7|word|user/);
    },
  );
});

describe('a statement that the target refuses', () => {
  it('has a missing grant as its cause, and the table in its detail', async () => {
    await bank.admin.query('create table vault (id int primary key, amount int)');
    expect(await refused('update vault set amount = 1 where id = 1')).toMatchObject({
      code: 'target_error',
      sqlState: '42501',
      cause: 'insufficient_privilege',
      detail: '42501 insufficient_privilege: permission denied for table vault',
    });
  });

  it('has a misspelt column as its cause, and what was meant in its detail', async () => {
    expect(await refused('update account set ballance = 1 where id = 1')).toMatchObject({
      sqlState: '42703',
      cause: 'undefined_column',
      detail: expect.stringMatching(/"ballance" of relation "account" does not exist/),
    });
    const { detail } = await refused('update account set balance = 1 where account.ballance = 1');
    expect(detail).toContain('Perhaps you meant to reference the column "account.balance"');
  });

  it('has a value that it cannot read as its cause, without the value', async () => {
    const { cause, detail } = await refused(`update account set balance = 'hunter2' where id = 1`);
    expect(cause).toBe('invalid_text_representation');
    expect(detail).toContain('hunter2');
  });

  it('has a missing role as its cause', async () => {
    const { detail } = await refused('update account set balance = 1 where id = 1', {
      statement_role: 'writer_of_nobody',
    });
    expect(detail).toContain('the statement role does not exist');
  });

  it('has a role that the executor may not take as its cause', async () => {
    const { rows } = await bank.admin.query<{ role: string }>('select current_user as role');
    const { sqlState, detail } = await refused('update account set balance = 1 where id = 1', {
      observer_role: rows[0]?.role ?? '',
    });
    expect([sqlState, detail]).toEqual(['42501', expect.stringContaining('permission denied to set role')]);
  });

  it('has the limit of planning as its cause', async () => {
    const slow = 'update account set balance = 1 where id in (select 1 from generate_series(1, 100000000))';
    const outcome = await refused(slow, { planning: { statement_timeout_ms: 1_000 } });
    expect(outcome).toMatchObject({ code: 'planning_limit' });
  });
});
