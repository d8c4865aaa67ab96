import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';

import type { ApprovedCall } from '../../../../activities/connectors/connector.ts';
import { createPostgresConnector } from '../../../../activities/connectors/postgres/postgres-connector.ts';
import type { Plan } from '../../../../domain/request/plan.ts';
import { connected, startTargetDatabase, type TargetDatabase } from './target-database.ts';

let bank: TargetDatabase;
const connector = createPostgresConnector({ lockTimeoutMs: 5_000 });

beforeAll(async () => {
  bank = await startTargetDatabase();
  await bank.admin.query(`
    create table later (id int primary key, other int unique deferrable initially deferred);
    create table vault (id int primary key, amount int);
    create function guard_vault() returns trigger language plpgsql as $$ begin return new; end $$;
    create trigger vault_is_guarded before update on vault for each row execute function guard_vault();
    grant select, insert, update, delete on later, vault to ${bank.statementRole};
    grant select on all tables in schema public to ${bank.observerRole};`);
});

afterAll(async () => {
  await bank.stop();
});

beforeEach(async () => {
  await bank.admin.query(`
    truncate account, account_log, card, keyless, later, vault;
    insert into account (id, owner, balance) select n, 'person ' || n, n * 100 from generate_series(1, 10) n;
    insert into card select n, n, '4000-' || n from generate_series(1, 5) n;
    insert into later values (1, 1), (2, 2);
    insert into vault values (1, 10), (2, 20);`);
});

async function planned(statement: string): Promise<Plan> {
  const outcome = await connector.plan(bank.call(statement));
  if (outcome.kind === 'refused') throw new Error(`${outcome.code}: ${outcome.detail}`);
  return outcome.plan;
}

async function approved(statement: string, more?: Partial<ApprovedCall>): Promise<ApprovedCall> {
  return bank.approved(await planned(statement), more);
}

async function balanceOf(id: number): Promise<string | undefined> {
  const rows = await bank.rows<{ balance: string }>('select balance from account where id = $1', [id]);
  return rows[0]?.balance;
}

const DEPOSIT = 'update account set balance = balance + 5, updated_at = now() where id <= 3';

describe('an approved statement', () => {
  it('commits exactly the approved effect and says what changed', async () => {
    const beforeCommit = vi.fn<ApprovedCall['beforeCommit']>(async () => undefined);
    const call = await approved(DEPOSIT, { beforeCommit });
    const outcome = await connector.execute(call);
    expect(outcome).toMatchObject({
      kind: 'succeeded',
      fingerprint: call.approvedPlan.fingerprint,
      result: {
        rows: [
          { resource: 'public.account', inserted: 0, updated: 3, deleted: 0 },
          { resource: 'public.account_log', inserted: 3, updated: 0, deleted: 0 },
        ],
      },
    });
    expect(await balanceOf(3)).toBe('305');
    expect(beforeCommit).toHaveBeenCalledOnce();
    const [row] = await bank.rows('select pg_xact_status($1::xid8) as status', [
      beforeCommit.mock.calls[0]?.[0].transactionId,
    ]);
    expect(row).toEqual({ status: 'committed' });
  });

  it.each([
    ['insert', "insert into card values (50, 1, 'new')"],
    ['delete with a cascade', 'delete from account where id in (1, 2)'],
    [
      'merge',
      "merge into card using account a on card.id = a.id when matched then update set number = 'm' when not matched then insert values (a.id, a.id, 'n')",
    ],
    [
      'writable WITH',
      'with gone as (delete from card where id < 3 returning *) insert into keyless select number, 1 from gone',
    ],
    ['deferred swap', 'update later set other = 3 - other'],
    ['read', 'select * from account; -- all'],
    ['trailing comment', 'delete from card where id = 1; -- the end'],
  ])('runs as planned: %s', async (_name, statement) => {
    expect(await connector.execute(await approved(statement))).toMatchObject({ kind: 'succeeded' });
  });

  it('runs once under one key, however often and at the same time it is asked for', async () => {
    const call = await approved(DEPOSIT);
    const outcomes = await Promise.all([
      connector.execute(call),
      connector.execute(call),
      connector.execute(call),
    ]);
    expect(outcomes.map(({ kind }) => kind)).toEqual(['succeeded', 'succeeded', 'succeeded']);
    expect(await connector.execute(call)).toMatchObject({ kind: 'succeeded', result: { is_repeat: true } });
    expect(await balanceOf(1)).toBe('105');
  });

  it('runs at the same time as others for the same table, without one of them failing the other', async () => {
    const beforeCommit = vi.fn<ApprovedCall['beforeCommit']>(async () => undefined);
    const statements = Array.from(
      { length: 8 },
      (_, n) => `update account set balance = 1 where id = ${n + 1}`,
    );
    const calls = await Promise.all(statements.map((statement) => approved(statement, { beforeCommit })));
    const outcomes = await Promise.all(calls.map((call) => connector.execute(call)));
    expect(new Set(outcomes.map(({ kind }) => kind))).toEqual(new Set(['succeeded']));
    expect(beforeCommit).toHaveBeenCalledTimes(8);
  });

  it('shows request and requester in the logs of the target, and cannot be confused by them', async () => {
    const seen = vi.fn<(text: string) => void>();
    const call = await approved(DEPOSIT, {
      requestId: 'req_7',
      requester: '*/ delete from card; --',
      beforeCommit: async () => {
        const [row] = await bank.rows<{ application_name: string }>(
          `select application_name from pg_stat_activity where application_name like 'keyturn req_7' and state like 'idle in%'`,
        );
        seen(row?.application_name ?? '');
      },
    });
    await connector.execute(call);
    expect(seen).toHaveBeenCalledWith('keyturn req_7');
    expect(await bank.rows('select count(*)::int as cards from card')).toEqual([{ cards: 5 }]);
  });

  it('runs with unlisted triggers when that was approved, as long as the functions stay the same', async () => {
    const statement = 'update vault set amount = amount + 1 where id = 1';
    const first = await approved(statement);
    expect(first.approvedPlan.risk_facts.is_fully_previewed).toBe(false);
    expect(await connector.execute(first)).toMatchObject({ kind: 'succeeded' });
    const second = await approved(statement);
    await bank.admin.query(
      'create or replace function guard_vault() returns trigger language plpgsql as $$ begin new.amount = 0; return new; end $$',
    );
    expect(await connector.execute(second)).toMatchObject({ kind: 'drifted' });
    expect(await bank.rows('select amount from vault where id = 1')).toEqual([{ amount: 11 }]);
  });
});

describe('an effect that is not the approved one', () => {
  it('does not happen when a row changed after the approval', async () => {
    const call = await approved(DEPOSIT);
    await bank.admin.query('update account set balance = 7 where id = 2');
    const before = await bank.checksum();
    expect(await connector.execute(call)).toMatchObject({ kind: 'drifted' });
    expect(await bank.checksum()).toBe(before);
  });

  it('does not happen when another row has come to match, and says which table differs', async () => {
    const call = await approved('update account set balance = 0 where balance >= 900');
    await bank.admin.query("insert into account (id, owner, balance) values (11, 'late', 5000)");
    const outcome = await connector.execute(call);
    expect(outcome).toEqual({ kind: 'drifted', detail: expect.stringContaining('public.account: approved') });
    expect(await balanceOf(11)).toBe('5000');
  });

  it('does not happen when a row changes while the statement waits for it', async () => {
    const call = await approved(DEPOSIT);
    const other = await connected(bank.adminUrl);
    await other.query('begin; update account set balance = 7 where id = 2');
    const execution = connector.execute(call);
    await vi.waitFor(async () => expect(await waiters()).toBeGreaterThan(0), { timeout: 10_000 });
    await other.query('commit');
    expect(await execution).toMatchObject({ kind: 'drifted' });
    expect(await balanceOf(1)).toBe('100');
    await other.end();
  });

  it('is not made by a change between statement and commit: the row is locked, and the commit is as approved', async () => {
    const other = await connected(bank.adminUrl);
    let late: Promise<unknown> = Promise.resolve();
    const call = await approved(DEPOSIT, {
      beforeCommit: async () => {
        late = other.query('update account set balance = balance + 1 where id = 2');
        await vi.waitFor(async () => expect(await waiters()).toBeGreaterThan(0), { timeout: 10_000 });
      },
    });
    expect(await connector.execute(call)).toMatchObject({ kind: 'succeeded' });
    await late;
    expect(await balanceOf(2)).toBe('206');
    await other.end();
  });

  it('is tried again after a serialisation failure, and fails without an effect when it keeps failing', async () => {
    const other = await connected(bank.adminUrl);
    let tries = 0;
    const call = await approved("insert into keyless select 'sum', sum(b)::int from keyless", {
      beforeCommit: async () => {
        tries += 1;
        // Both read what the other writes: the one that commits last must fail.
        await other.query('begin isolation level serializable');
        await other.query("insert into keyless select 'rival', -1 where (select count(*) from keyless) >= 0");
        await other.query("delete from keyless where a = 'rival'");
        await other.query('commit');
      },
    });
    expect(await connector.execute(call)).toMatchObject({ kind: 'failed', code: 'concurrent_change' });
    expect(tries).toBe(3);
    expect(await bank.rows("select 1 from keyless where a = 'sum'")).toEqual([]);
    await other.end();
  });

  it('does not happen when the plan was tampered with', async () => {
    const plan = await planned(DEPOSIT);
    const tampered = {
      ...plan,
      effects: plan.effects.map((effect) => ({ ...effect, is_counts_only: true, rows: [] })),
    };
    expect(await connector.execute(bank.approved(tampered))).toMatchObject({ kind: 'drifted' });
    expect(await balanceOf(1)).toBe('100');
  });
});

describe('an approved statement that cannot be committed', () => {
  it('fails without an effect when a constraint stands in its way by now', async () => {
    const call = await approved("insert into card values (50, 10, 'new')");
    await bank.admin.query('delete from account where id = 10');
    const outcome = await connector.execute(call);
    expect(outcome).toMatchObject({ kind: 'failed', code: 'integrity_constraint_violation' });
    expect(await connector.probe({ ...call, transactionId: null })).toBe('not_done');
  });

  it('fails without an effect when a deferred constraint breaks in the transaction', async () => {
    const call = await approved('update later set other = 5 where id = 2');
    await bank.admin.query('insert into later values (3, 5)');
    expect(await connector.execute(call)).toMatchObject({
      kind: 'failed',
      code: 'integrity_constraint_violation',
    });
    expect(await bank.rows('select other from later where id = 2')).toEqual([{ other: 2 }]);
  });

  it('does not happen when what must be recorded before it cannot be', async () => {
    const call = await approved(DEPOSIT, {
      beforeCommit: () => Promise.reject(new Error('database is down')),
    });
    await expect(connector.execute(call)).rejects.toThrow('database is down');
    expect(await balanceOf(1)).toBe('100');
    expect(await connector.probe({ ...call, transactionId: null })).toBe('not_done');
  });

  it('is thrown as unknown when the connection is lost before the commit is answered', async () => {
    const call = await approved(DEPOSIT, {
      beforeCommit: async ({ transactionId }) => {
        await bank.rows(
          'select pg_terminate_backend(pid) from pg_stat_activity where backend_xid = ($1::xid8)::xid',
          [transactionId],
        );
      },
    });
    await expect(connector.execute(call)).rejects.toMatchObject({ code: 'unavailable' });
    expect(await balanceOf(1)).toBe('100');
    expect(await connector.probe({ ...call, transactionId: null })).toBe('not_done');
    expect(await connector.execute(call)).toMatchObject({ kind: 'failed', code: 'fenced' });
  });
});

async function waiters(): Promise<number> {
  const rows = await bank.rows(
    "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
  );
  return rows.length;
}
