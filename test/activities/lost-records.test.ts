import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';

import { createPostgresConnector } from '../../activities/connectors/postgres/postgres-connector.ts';
import type { Dependencies } from '../../activities/dependencies.ts';
import { createActivities, type Activities } from '../../activities/index.ts';
import { startStack, type Stack } from '../stack/stack.ts';
import { courseOf, executionsOf } from '../workflows/facts.ts';
import { openDependencies } from '../workflows/local-worker.ts';
import { ScriptedTarget } from '../workflows/scripted-target.ts';
import { Desk } from '../workflows/signed.ts';
import { called, newCaller, type Caller } from './called.ts';

let stack: Stack;
let desk: Desk;
let dependencies: Dependencies;
let activities: Activities;

beforeAll(async () => {
  stack = await startStack({ apis: 0, workers: 0 });
  vi.stubEnv('KEYTURN_TARGET_SHOP_URL', stack.databases.target);
  desk = await Desk.open(stack);
  const opened = await openDependencies(stack, stack.temporal, new ScriptedTarget());
  dependencies = { ...opened, connectors: { 'postgres.execute': createPostgresConnector() } };
  activities = createActivities(dependencies);
});

afterEach(() => vi.restoreAllMocks());

afterAll(async () => {
  vi.unstubAllEnvs();
  await dependencies.source.destroy();
  await stack.stop();
});

function now(): string {
  return new Date().toISOString();
}

let statements = 0;

/** An approved insert, which nothing at the target keeps from being made twice. */
async function approved(): Promise<Caller & { readonly item: string }> {
  statements += 1;
  const item = `item ${statements}`;
  const statement = `insert into purchase (account_id, placed_at, item, total, status)
    values (1001, '2026-11-01', '${item}', 1, 'placed')`;
  const caller = await newCaller(desk, 'shop', { statement });
  await called(caller, activities.receive, { request: caller.request.envelope, at: now() });
  const planned = await called(caller, activities.plan, { attempt: 1, at: now() });
  if (planned.kind !== 'planned') throw new Error('not planned');
  await called(caller, activities.evaluate, { plan_digest: planned.plan_digest, attempt: 1, at: now() });
  const messages = [{ kind: 'decide' as const, body: await desk.decision(caller.id, 'olga') }];
  await called(caller, activities.consume, { messages, junk: 0, step: 1, at: now() });
  return { ...caller, item };
}

function execute(caller: Caller): Promise<unknown> {
  return called(caller, activities.execute, { step: 1, at: now() });
}

async function made(item: string): Promise<number> {
  const { rowCount } = await stack.target.query('select 1 from purchase where item = $1', [item]);
  return rowCount ?? 0;
}

const CLAIMS = 'delete from keyturn.execution where request = $1';
const STEPS = 'delete from keyturn.step where request = $1';
const STATUS = `update keyturn.request set status = 'approved', result = null where id = $1`;
const PARTS = `delete from audit.payload where event_id in (
  select event_id from audit.entry where request = $1 and type like 'execution.%')`;
const ENTRIES = `delete from audit.entry where request = $1 and type like 'execution.%'`;

const GUARDED = ['keyturn.execution', 'keyturn.step', 'keyturn.request', 'audit.entry'];

/** What only the owner of the database can do: no trigger keeps them from it. */
async function rewrite(id: string, texts: readonly string[]): Promise<void> {
  const { keyturnDb } = stack;
  for (const table of GUARDED) await keyturnDb.query(`alter table ${table} disable trigger user`);
  // Nor any reference from one table to another.
  await keyturnDb.query('set session_replication_role = replica');
  for (const text of texts) await keyturnDb.query(text, [id]);
  await keyturnDb.query('reset session_replication_role');
  for (const table of GUARDED) await keyturnDb.query(`alter table ${table} enable trigger user`);
}

describe('an action that was executed is not executed again when the owner of the database takes away', () => {
  it.each([
    ['its claims', [CLAIMS, STATUS]],
    ['its claims and its steps', [CLAIMS, STEPS, STATUS]],
  ])('%s: the log has a claim that is in no table', async (_what, texts) => {
    const caller = await approved();
    expect(await execute(caller)).toEqual({ kind: 'closed', status: 'succeeded' });
    await rewrite(caller.id, texts);
    await expect(execute(caller)).rejects.toThrow('claim of this request is missing');
    expect(await made(caller.item)).toBe(1);
    expect(await executionsOf(stack, caller.id)).toEqual([]);
  });

  it('also the entries of the log: then the ledger of the target knows its key', async () => {
    const caller = await approved();
    expect(await execute(caller)).toEqual({ kind: 'closed', status: 'succeeded' });
    await rewrite(caller.id, [CLAIMS, STEPS, PARTS, ENTRIES, STATUS]);
    expect(await execute(caller)).toEqual({ kind: 'closed', status: 'succeeded' });
    expect(await made(caller.item)).toBe(1);
  });
});

describe('an action that was sent is never taken for unsent', () => {
  it('although the note of its transaction was lost: the target is asked, and knows it', async () => {
    const caller = await approved();
    await losingOutcome(() => execute(caller));
    await stack.keyturnDb.query(`update keyturn.execution set transaction_id = null where request = $1`, [
      caller.id,
    ]);
    expect(await execute(caller)).toEqual({ kind: 'closed', status: 'succeeded' });
    expect(await made(caller.item)).toBe(1);
    expect(await executionsOf(stack, caller.id)).toMatchObject([{ attempt: 1, state: 'succeeded' }]);
  });

  it('and one that was not is claimed anew, once its key can not be used any more', async () => {
    const caller = await approved();
    const { promise: isOver, resolve: stop } = Promise.withResolvers<void>();
    const connector = dependencies.connectors['postgres.execute'] ?? expect.unreachable();
    const real = connector.execute.bind(connector);
    const { promise: isClaimed, resolve: claimed } = Promise.withResolvers<void>();
    vi.spyOn(connector, 'execute').mockImplementationOnce(async (call) => {
      claimed();
      await isOver;
      return real(call);
    });
    const paused = execute(caller);
    await isClaimed;
    // Another worker finds the claim without a note: it asks the target, which closes its key.
    expect(await execute(caller)).toEqual({ kind: 'closed', status: 'succeeded' });
    stop();
    expect(await paused).toEqual({ kind: 'closed', status: 'succeeded' });
    expect(await made(caller.item)).toBe(1);
    expect(await executionsOf(stack, caller.id)).toMatchObject([
      { attempt: 1, state: 'not_done', transaction_id: null },
      { attempt: 2, state: 'succeeded' },
    ]);
    expect((await courseOf(stack, caller.id)).filter((type) => type === 'execution.succeeded')).toHaveLength(
      1,
    );
  });

  /** The worker dies between the commit of the target and its own record of it. */
  async function losingOutcome(work: () => Promise<unknown>): Promise<void> {
    const connector = dependencies.connectors['postgres.execute'] ?? expect.unreachable();
    const real = connector.execute.bind(connector);
    const { promise: isCommitted, resolve: committed } = Promise.withResolvers<void>();
    vi.spyOn(connector, 'execute').mockImplementationOnce(async (call) => {
      await real(call);
      committed();
      return new Promise<never>(() => undefined);
    });
    void work();
    await isCommitted;
  }
});
