import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';

import { createPostgresConnector } from '../../../../activities/connectors/postgres/postgres-connector.ts';
import { checkTarget, type TargetReport } from '../../../../activities/connectors/postgres/target-check.ts';
import type { JsonValue } from '../../../../domain/crypto/canonical-json.ts';
import { startTargetDatabase, type TargetDatabase } from './target-database.ts';

let bank: TargetDatabase;

beforeAll(async () => {
  bank = await startTargetDatabase();
});

afterAll(async () => {
  await bank.stop();
});

afterEach(() => {
  delete process.env[OTHER_URL];
});

const OTHER_URL = 'KEYTURN_TARGET_BANK_TO_CHECK';

function look(connection: Readonly<Record<string, JsonValue>> = {}): Promise<TargetReport> {
  return checkTarget(bank.target(connection));
}

function findingsOf({ findings }: TargetReport, check: string): readonly string[] {
  return findings
    .filter((finding) => finding.check === check)
    .map(({ outcome, detail }) => `${outcome}: ${detail}`);
}

/** Breaks something, looks, does what the report says as the owner would, and looks again. */
async function mended(
  broken: string,
  connection: Readonly<Record<string, JsonValue>> = {},
): Promise<{ readonly before: TargetReport; readonly after: TargetReport }> {
  await bank.admin.query(broken);
  const before = await look(connection);
  for (const text of before.run) await bank.admin.query(text);
  return { before, after: await look(connection) };
}

describe('a target that was set up', () => {
  it('can be used, and nothing of it is changed', async () => {
    const checksum = await bank.checksum();
    const report = await look();
    expect([report.isOk, report.findings.filter(({ outcome }) => outcome === 'failed')]).toEqual([true, []]);
    expect(findingsOf(report, 'trial')).toEqual([
      'ok: an empty statement passed every step, and was rolled back',
    ]);
    expect(await bank.checksum()).toBe(checksum);
    const { rows } = await bank.admin.query(`select 1 from keyturn.execution where key = 'target-check'`);
    expect(rows).toEqual([]);
  });

  it('says which tables the statement role may change, and what nobody sees', async () => {
    const [rights] = findingsOf(await look(), 'statement role');
    expect(rights).toMatch(/may change \d+ of \d+ tables: .*public\.account/);
  });

  it('says that root reads more than the worker does', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'keyturn-check-'));
    writeFileSync(join(folder, 'bank'), bank.loginUrl);
    vi.stubEnv('KEYTURN_REFERENCE_FOLDERS', folder);
    const [shown] = findingsOf(await look({ url: `file:${folder}/bank` }), 'credential');
    const asRoot = /^attention: .* as root reads it: run this as the worker's user/;
    expect(shown).toMatch(process.getuid?.() === 0 ? asRoot : /^ok: /);
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  });

  it('tells nothing of its credential', async () => {
    expect(JSON.stringify(await look())).not.toContain('secret-of-the-executor');
  });
});

describe('a target that cannot be reached', () => {
  it.each([
    ['', 'credential', /has no value here: it is empty/],
    ['postgres://a:secret-9@no-such-host.invalid/b', 'connection', /host name in its URL/],
    ['postgres://a:secret-9@127.0.0.1:1/b', 'connection', /nothing listens/],
    ['secret-9', 'connection', /./],
  ])('is shown with the cause: %j', async (url, check, shown) => {
    process.env[OTHER_URL] = url;
    const report = await look({ url: `env:${OTHER_URL}` });
    const { outcome, detail } =
      report.findings.find((finding) => finding.check === check) ?? expect.unreachable();
    expect([report.isOk, outcome, detail]).toEqual([false, 'failed', expect.stringMatching(shown)]);
    expect(JSON.stringify(report)).not.toContain('secret-9');
  });

  it('is shown with the words of the server', async () => {
    const url = new URL(bank.loginUrl);
    url.password = 'not-it';
    process.env[OTHER_URL] = url.href;
    const [shown] = findingsOf(await look({ url: `env:${OTHER_URL}` }), 'connection');
    expect(shown).toMatch(/^failed: .*password authentication failed.*28P01/);
  });
});

describe('a target that refuses a session by code of its own', () => {
  it.each([
    [`perform 'row-of-a-customer'::int`, '22P02'],
    [`raise exception 'row-of-a-customer'`, 'P0001'],
  ])('is shown by the state alone, which holds no row: %s', async (code, state) => {
    await bank.admin.query(`
      create function at_login() returns event_trigger language plpgsql as
        $$ begin if session_user = '${loginRole()}' then ${code}; end if; end $$;
      create event trigger watcher on login execute function at_login()`);
    try {
      const report = await look();
      expect(findingsOf(report, 'connection').join()).toContain(`(${state})`);
      expect(JSON.stringify(report)).not.toContain('row-of-a-customer');
    } finally {
      await bank.admin.query('drop event trigger watcher; drop function at_login()');
    }
  });
});

describe('what is missing is mended by the SQL of the report', () => {
  it('the ledger', async () => {
    const { before, after } = await mended('drop table keyturn.execution');
    expect(findingsOf(before, 'ledger')).toEqual(['failed: keyturn.execution does not exist here']);
    expect([before.isOk, after.isOk]).toEqual([false, true]);
  });

  it('rights on the ledger', async () => {
    const { before, after } = await mended(`revoke insert on keyturn.execution from ${loginRole()}`);
    expect([before.isOk, after.isOk, before.run.length]).toEqual([false, true, 1]);
  });

  it('a role that the executor may not take', async () => {
    const { before, after } = await mended(`revoke ${bank.statementRole} from ${loginRole()}`);
    expect(findingsOf(before, 'roles')).toEqual([
      `failed: ${loginRole()} may not become ${bank.statementRole}`,
    ]);
    expect([before.isOk, after.isOk]).toEqual([false, true]);
  });

  it('a role that may write the ledger by way of the executor', async () => {
    const { before, after } = await mended(
      `revoke ${bank.statementRole} from ${loginRole()}; grant ${loginRole()} to ${bank.statementRole}`,
    );
    expect(findingsOf(before, 'roles').join()).toContain(`${bank.statementRole} may become ${loginRole()}`);
    expect([before.isOk, after.isOk]).toEqual([false, true]);
  });

  it('a schema that may not be used', async () => {
    const { before, after } = await mended(
      `drop schema if exists vault cascade; create schema vault; create table vault.gold (id int primary key);
       grant select, update on vault.gold to ${bank.statementRole}`,
      { search_path: ['vault'] },
    );
    expect(findingsOf(before, 'schemas').join()).toContain('may not use vault');
    expect([before.isOk, after.isOk]).toEqual([false, true]);
    expect(findingsOf(after, 'observer')).toEqual([expect.stringMatching(/^ok: /)]);
  });

  it('tables that the observer may not read', async () => {
    const { before, after } = await mended(
      'drop table if exists hidden_from_observer; create table hidden_from_observer (id int)',
    );
    expect(findingsOf(before, 'observer').join()).toContain('public.hidden_from_observer');
    expect(findingsOf(after, 'observer').join()).not.toContain('public.hidden_from_observer');
  });

  it.each([
    () => `grant insert on keyturn.execution to ${bank.statementRole}`,
    () => `grant update (request_id) on keyturn.execution to ${bank.statementRole}`,
    () => 'grant delete on keyturn.execution to public',
    () => 'grant create on schema public to public',
    () => `grant create on schema public to ${bank.statementRole}, ${bank.observerRole}`,
  ])('what makes it unsafe, with each command that the lines name: %#', async (broken) => {
    const { before, after } = await mended(broken());
    expect(findingsOf(before, 'safety').join()).toMatch(/: run REVOKE /);
    expect([before.isOk, findingsOf(after, 'safety')]).toEqual([false, [expect.stringMatching(/^ok: /)]]);
  });

  it('in names that are quoted here: what a target answers is pasted as a superuser, by somebody with a shell', async () => {
    const planted = `select E'x to public;\n\\\\! touch pasted\n' || $2 || $3`;
    await bank.admin.query(`drop table if exists "Odd one";
      create table "Odd one" (id int);
      create function pg_catalog.format(text, name, name) returns text language sql as $$ ${planted} $$`);
    try {
      const { run } = await look();
      expect(run.join()).toContain('"public"."Odd one"');
      expect(run.join()).not.toContain('touch pasted');
    } finally {
      await bank.admin.query('drop function pg_catalog.format(text, name, name); drop table "Odd one"');
    }
  });
});

describe('a role that is not of the set-up is left as it is: another one has to be named', () => {
  /** Nothing in what is pasted names the role, and nobody stops being a superuser. */
  function expectUntouched({ run, isOk }: TargetReport, role: string): void {
    expect([isOk, run.join()]).toEqual([false, expect.not.stringContaining(role)]);
    expect(run.join()).not.toMatch(/\bnosuperuser;/);
  }

  it('a superuser who signs in, also where the set-up is missing', async () => {
    process.env[OTHER_URL] = bank.adminUrl;
    const { username } = new URL(bank.adminUrl);
    for (const more of [{}, { statement_role: 'writer_of_no_bank' }]) {
      const report = await look({ url: `env:${OTHER_URL}`, ...more });
      expectUntouched(report, username);
      expect(findingsOf(report, 'roles').join()).toMatch(
        /superuser.*URL of the login role.*keyturn_executor/,
      );
    }
  });

  it('an owner of the database and a role of somebody else who sign in', async () => {
    const stranger = `${bank.statementRole}_stranger`;
    const url = new URL(bank.loginUrl);
    url.username = stranger;
    process.env[OTHER_URL] = url.href;
    await bank.admin.query(`create role ${stranger} login password 'secret-of-the-executor'`);
    const owner = await bank.rows<{ owner: string }>(
      'select datdba::regrole::text as owner from pg_database where datname = current_database()',
    );
    try {
      for (const change of ['', `alter database ${url.pathname.slice(1)} owner to ${stranger}`]) {
        await bank.admin.query(change);
        const report = await look({ url: `env:${OTHER_URL}` });
        expectUntouched(report, stranger);
        expect(findingsOf(report, 'roles').join()).toContain('URL of the login role');
      }
    } finally {
      await bank.admin.query(`alter database ${url.pathname.slice(1)} owner to ${owner[0]?.owner}`);
      await bank.admin.query(`drop role ${stranger}`);
    }
  });

  it('a statement role that is a superuser, which was granted nothing', async () => {
    await bank.admin.query(`alter role ${bank.statementRole} superuser`);
    try {
      const report = await look();
      expect(report.run.join()).not.toMatch(/revoke|\bnosuperuser;/i);
      expect(findingsOf(report, 'roles')).toEqual([expect.stringMatching(/is a superuser.*name a role/)]);
    } finally {
      await bank.admin.query(`alter role ${bank.statementRole} nosuperuser`);
    }
  });
});

describe('what cannot be granted is named', () => {
  it('a role that does not exist, with the set-up to run', async () => {
    const report = await look({ statement_role: 'writer_of_no_bank' });
    expect([report.isOk, findingsOf(report, 'roles').join()]).toEqual([
      false,
      expect.stringContaining('the role writer_of_no_bank does not exist'),
    ]);
    expect(report.run.join()).toContain("'writer_of_no_bank'");
  });

  it('a function of the list, a schema of the path', async () => {
    const report = await look({
      allowed_functions: ['public.no_such_function'],
      search_path: ['no_such_schema'],
    });
    expect(findingsOf(report, 'functions').join()).toContain('public.no_such_function');
    expect(findingsOf(report, 'schemas')).toEqual([
      'failed: schema no_such_schema of search_path does not exist',
    ]);
  });

  it('functions of triggers that the list lacks, as they are written there', async () => {
    const [shown = ''] = findingsOf(await look({ allowed_functions: [] }), 'functions');
    expect(shown).toMatch(/^attention: triggers on tables .* not tried out.*: public\.log_account$/);
    expect(findingsOf(await look(), 'functions')).toEqual([]);
  });

  it('what the connector refuses as not safe', async () => {
    await bank.admin.query('grant create on schema public to public');
    try {
      const report = await look();
      expect(findingsOf(report, 'safety')).toEqual([
        expect.stringContaining('REVOKE CREATE ON SCHEMA "public"'),
      ]);
      const planned = await createPostgresConnector().plan(
        bank.call('update account set balance = 1 where id = 1'),
      );
      expect([report.isOk, planned.kind]).toEqual([false, 'refused']);
    } finally {
      await bank.admin.query('revoke create on schema public from public');
    }
  });
});

function loginRole(): string {
  return new URL(bank.loginUrl).username;
}
