import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';

import type { PlanOutcome, PlanRefusal } from '../../activities/connectors/connector.ts';
import { ChecksBusy } from '../../domain/execution/fair-pool.ts';
import type { Dependencies } from '../../activities/dependencies.ts';
import { createActivities, type Activities } from '../../activities/index.ts';
import { consumeAllKept } from '../../activities/steps/consume-all-kept.ts';
import { sweepOnce } from '../../activities/steps/sweep.ts';
import { createDataSource } from '../../database/data-source.ts';
import { keepMessage } from '../../database/kept-messages.ts';
import { BUDGET_VARIABLES, budgetRoot, budgetsOf } from '../../domain/execution/budgets.ts';
import { signEnvelope } from '../../domain/crypto/envelope.ts';
import { KeyturnError } from '../../domain/errors.ts';
import { identityKey } from '../../domain/identity/identity.ts';
import { startStack, type Stack } from '../stack/stack.ts';
import { waitFor } from '../stack/wait.ts';
import { courseOf, executionsOf, leavesOf, verdictsOf } from '../workflows/facts.ts';
import { openDependencies } from '../workflows/local-worker.ts';
import { ScriptedTarget } from '../workflows/scripted-target.ts';
import { Desk, randomId, type Ask } from '../workflows/signed.ts';
import { called, newCaller, pendingCaller, type Caller } from './called.ts';

let stack: Stack;
let desk: Desk;
let target: ScriptedTarget;
let dependencies: Dependencies;
let activities: Activities;

beforeAll(async () => {
  stack = await startStack({ apis: 0, workers: 0 });
  desk = await Desk.open(stack);
  target = new ScriptedTarget();
  const opened = await openDependencies(stack, stack.temporal, target);
  dependencies = { ...opened, history: { ...opened.history, isOpen: async () => true } };
  activities = createActivities(dependencies);
});

afterEach(() => vi.restoreAllMocks());
afterAll(async () => {
  await dependencies.source.destroy();
  await stack.stop();
});

function now(): string {
  return new Date().toISOString();
}

function pending(): Promise<Caller> {
  return pendingCaller({ desk, activities });
}

async function approve(caller: Caller): Promise<void> {
  const messages = [{ kind: 'decide' as const, body: await desk.decision(caller.id, 'olga') }];
  await called(caller, activities.consume, { messages, junk: 0, step: 1, at: now() });
}

async function approved(): Promise<Caller> {
  const caller = await pending();
  await approve(caller);
  return caller;
}

async function set(id: string, assignment: string): Promise<void> {
  await stack.keyturnDb.query(`update keyturn.request set ${assignment} where id = $1`, [id]);
}

async function statusOf(id: string): Promise<unknown> {
  return (await desk.row(id))['status'];
}

function execute(caller: Caller): Promise<unknown> {
  return called(caller, activities.execute, { step: 1, at: now() });
}

function effectsOf(id: string): number {
  return target.effects.filter((effect) => effect === id).length;
}

/** This process's clock goes wrong; the database's stays as it is. */
function shiftClock(ms: number): void {
  const real = Date.now.bind(Date);
  vi.spyOn(Date, 'now').mockImplementation(() => real() + ms);
}

describe('the sweep', () => {
  it('expires what is overdue though its workflow does not get on, and only that', async () => {
    const overdue = await pending();
    const waiting = await pending();
    await set(overdue.id, `expires_at = clock_timestamp() - interval '2 minutes'`);
    const swept = await sweepOnce(dependencies, { namespace: 'default', quietMs: 60_000 });
    expect(swept.overdue).toEqual([overdue.id]);
    expect(await statusOf(overdue.id)).toBe('expired');
    expect((await leavesOf(stack, overdue.id)).at(-1)).toMatchObject({
      type: 'request.expired',
      facts: { found_by: 'sweep' },
    });
    expect(await statusOf(waiting.id)).toBe('pending');
  });

  const sweepWith = (isOpen: (id: string) => Promise<boolean>) =>
    sweepOnce(
      {
        ...dependencies,
        history: { ...dependencies.history, isOpen: ({ workflowId }) => isOpen(workflowId) },
      },
      { namespace: 'default', quietMs: 0 },
    );

  it('expires what is overdue while Temporal does not answer, and asks it a few times only', async () => {
    const overdue = await pending();
    const others = [await pending(), await pending(), await pending(), await pending()];
    await set(overdue.id, `expires_at = clock_timestamp() - interval '2 minutes'`);
    const isOpen = vi
      .fn<(id: string) => Promise<boolean>>()
      .mockRejectedValue(new KeyturnError('unavailable', 'away'));
    const logged = vi.spyOn(dependencies.log, 'error');
    expect((await sweepWith(isOpen)).overdue).toEqual([overdue.id]);
    expect(isOpen).toHaveBeenCalledTimes(3);
    expect(logged).toHaveBeenCalledWith({ skipped: expect.any(Number) }, expect.stringContaining('away'));
    for (const { id } of others) expect(await statusOf(id)).toBe('pending');
  });

  it('goes on past requests that fail, however many there are: it closes the others', async () => {
    const odd = await Promise.all(Array.from({ length: 6 }, () => pending()));
    const gone = await pending();
    const swept = await sweepWith(async (id) => {
      if (id !== gone.id) throw new Error('no run has such an id');
      return false;
    });
    expect(swept.orphaned).toEqual([gone.id]);
    for (const { id } of odd) expect(await statusOf(id)).toBe('pending');
  });

  it('reports messages for a request that nobody received, for a day', async () => {
    const [request, known] = [`req_${'z'.repeat(26)}`, `req_${'y'.repeat(26)}`];
    await stack.keyturnDb.query(
      `insert into keyturn.kept_message (id, request, kind, envelope, kept_at) values
         ($1, $2, 'withdraw', 'x', now() - interval '3 hours'), ($3, $4, 'withdraw', 'x', now() - interval '27 hours')`,
      [randomId('wdr'), request, randomId('wdr'), known],
    );
    expect((await sweepWith(async () => true)).unreceived).toEqual([request]);
  });

  it('takes what was acknowledged for others past a message that fails', async () => {
    const [broken, other] = [await pending(), await pending()];
    const source = createDataSource({
      url: stack.databases.keyturn.api,
      applicationName: 'test',
      poolSize: 1,
    });
    await source.initialize();
    for (const { id } of [broken, other]) {
      const envelope = await desk.decision(id, 'olga', { verdict: 'deny' });
      expect(await keepMessage(source.manager, id, { id: randomId('dec'), kind: 'decide', envelope })).toBe(
        true,
      );
    }
    await source.destroy();
    // As somebody can leave it who writes around the steps.
    await set(broken.id, `requirement = '{"rules": [1]}'`);
    const isFailing = vi.spyOn(dependencies.log, 'error');
    const taken = await consumeAllKept(dependencies, 'default');
    expect(taken.map(({ id }) => id)).toContain(other.id);
    expect(taken.map(({ id }) => id)).not.toContain(broken.id);
    expect(await statusOf(other.id)).toBe('denied');
    expect(isFailing).toHaveBeenCalledWith(
      expect.objectContaining({ request: broken.id }),
      'housekeeping failed for a request',
    );
  });
});

describe('a process whose clock is two hours fast', () => {
  it('does not claim an approved action', async () => {
    const caller = await approved();
    shiftClock(7_200_000);
    await expect(execute(caller)).rejects.toThrow('clock');
    vi.restoreAllMocks();
    expect(await executionsOf(stack, caller.id)).toEqual([]);
    expect(await statusOf(caller.id)).toBe('approved');
  });

  it('cannot bring in a request that is dated ahead', async () => {
    const early = await newCaller(desk, 'shop');
    const issued_at = new Date(Date.now() + 7_200_000).toISOString();
    const envelope = await signEnvelope({ ...early.request.signed, issued_at }, desk.signer);
    await expect(called(early, activities.receive, { request: envelope, at: now() })).rejects.toThrow(
      'dated in the future',
    );
  });
});

describe('a plan', () => {
  async function received(extra: Ask['extra'] = {}): Promise<Caller> {
    const caller = await newCaller(desk, 'shop', { extra });
    await called(caller, activities.receive, { request: caller.request.envelope, at: now() });
    return caller;
  }

  const planOf = (caller: Caller, by = activities) => called(caller, by.plan, { attempt: 1, at: now() });

  it('that there was no room to check is tried again, and refuses nobody', async () => {
    const caller = await received();
    vi.spyOn(target, 'plan').mockRejectedValueOnce(new ChecksBusy('overload'));
    await expect(planOf(caller)).rejects.toMatchObject({ type: 'checks_busy', nonRetryable: false });
    expect(await statusOf(caller.id)).toBe('planning');
    expect(await courseOf(stack, caller.id)).toEqual(['request.received']);
    expect(await planOf(caller)).toMatchObject({ kind: 'planned' });
  });

  it('takes turns with those of other owners, not of other agents of the same owner', async () => {
    const plan = vi.spyOn(target, 'plan');
    await planOf(await received());
    expect(plan).toHaveBeenCalledWith(expect.objectContaining({ root: identityKey(desk.account('ada')) }));
  });

  it('names request, target and class of a failure in the log, and no value of it', async () => {
    const caller = await received();
    const lines = [vi.spyOn(dependencies.log, 'info'), vi.spyOn(dependencies.log, 'warn')];
    const detail = 'duplicate key (iban)=(SECRET-VALUE)';
    vi.spyOn(target, 'plan').mockResolvedValueOnce({
      kind: 'refused',
      code: 'target_error',
      detail,
      sqlState: '23505',
    });
    expect(await planOf(caller)).toEqual({ kind: 'closed', status: 'failed' });
    const logged = lines.flatMap((line) => line.mock.calls);
    expect(logged).toContainEqual([
      { request: caller.id, target: 'shop', code: 'target_error', sql_state: '23505' },
      expect.any(String),
    ]);
    expect(JSON.stringify(logged)).not.toContain('SECRET-VALUE');
  });

  /** What was used of each budget of the worker. */
  const USED: readonly (readonly [string, string])[] = [
    [
      'rehearsals at once',
      `generate_series(1, 4) n, lateral (select clock_timestamp() as at, null::timestamptz as ended, false as refused) used`,
    ],
    [
      'seconds in an hour',
      `generate_series(1, 1) n, lateral (select clock_timestamp() - interval '20 min' as at, clock_timestamp() as ended, false as refused) used`,
    ],
    [
      'refused rehearsals in an hour',
      `generate_series(1, 30) n, lateral (select clock_timestamp() as at, clock_timestamp() as ended, true as refused) used`,
    ],
  ];

  it.each(USED)(
    'beyond the budget of %s waits, is not refused, and goes on when there is room',
    async (_what, rows) => {
      const budgets = budgetsOf(z.object(BUDGET_VARIABLES).parse({}));
      const limited = createActivities({ ...dependencies, budgets });
      const caller = await received();
      const { directory } = await dependencies.directories.now(dependencies.source.manager);
      const root = budgetRoot(directory, [{ role: 'requester', ...desk.account('agent-billing') }]).id;
      await stack.keyturnDb.query(
        `insert into keyturn.rehearsal (request, root, target, started_at, lease_until, ended_at, is_refused)
       select 'used-' || n, $1, 'elsewhere', at, clock_timestamp() + interval '1 min', ended, refused from ${rows}`,
        [root],
      );
      const plan = vi.spyOn(target, 'plan');
      const refusal = await planOf(caller, limited).catch((error: unknown) => error);
      expect(refusal).toMatchObject({ type: 'over_budget', nonRetryable: false });
      expect(refusal).toHaveProperty('nextRetryDelay');
      expect(plan).not.toHaveBeenCalled();
      expect(await statusOf(caller.id)).toBe('planning');
      await stack.keyturnDb.query('delete from keyturn.rehearsal');
      expect(await planOf(caller, limited)).toMatchObject({ kind: 'planned' });
    },
  );

  const refused = (refusal: Omit<PlanRefusal, 'kind' | 'detail'>) => (): Promise<PlanOutcome> =>
    Promise.resolve({ kind: 'refused', detail: 'for a reason', ...refusal });
  const failing = (error: Error) => async (): Promise<PlanOutcome> => {
    throw error;
  };
  const away = (facts: object): Error => new KeyturnError('unavailable', 'The target is away.', { ...facts });

  it.each<[string, boolean, () => Promise<PlanOutcome>]>([
    ['what data decided', true, refused({ code: 'not_previewable' })],
    ['an error of the statement', true, refused({ code: 'target_error' })],
    ['what is beyond a limit', true, refused({ code: 'planning_limit' })],
    ['a text that is no statement', false, refused({ code: 'not_one_statement' })],
    ['locks of others', false, refused({ code: 'target_busy', decidedBy: 'locks' })],
    ['a target that is not set up', false, refused({ code: 'target_error', decidedBy: 'set-up' })],
    ['a target that cannot be reached', false, failing(away({ code: 'ECONNREFUSED' }))],
    ['no room for a check', false, failing(new ChecksBusy('overload'))],
    ['a target that went away in the middle', true, failing(away({ wasReached: true }))],
    ['a failure that nobody foresaw', true, failing(new Error('unforeseen'))],
  ])('uses up the budget by %s: %s', async (_what, isCounted, answer) => {
    const caller = await received();
    vi.spyOn(target, 'plan').mockImplementationOnce(answer);
    await planOf(caller).catch(() => undefined);
    const { rows } = await stack.keyturnDb.query(
      'select is_refused, is_telling, ended_at is not null as is_over from keyturn.rehearsal where request = $1',
      [caller.id],
    );
    expect(rows).toEqual([{ is_refused: isCounted, is_telling: isCounted, is_over: true }]);
  });

  it('counts a break-glass request like everything else', async () => {
    const caller = await received({ break_glass: true });
    vi.spyOn(target, 'plan').mockImplementationOnce(refused({ code: 'not_previewable' }));
    await planOf(caller);
    const { rows } = await stack.keyturnDb.query(
      'select is_refused from keyturn.rehearsal where request = $1',
      [caller.id],
    );
    expect(rows).toEqual([{ is_refused: true }]);
  });
});

describe('a request that goes back to planning', () => {
  it.each(['a drift', 'a claim that is not entitled any more'])(
    'has no digest to decide on after %s',
    async (why) => {
      const caller = await approved();
      const { decision_digest: before } = await desk.row(caller.id);
      const late = await desk.decision(caller.id, 'dmitri');
      if (why === 'a drift')
        vi.spyOn(target, 'execute').mockResolvedValueOnce({ kind: 'drifted', detail: 'SECRET-VALUE' });
      else await set(caller.id, `pending_since = pending_since - interval '1 hour'`);
      expect(await execute(caller)).toEqual({ kind: 'again' });
      expect(before).toMatch(/^sha256:/);
      expect(await desk.row(caller.id)).toMatchObject({ status: 'planning', decision_digest: null });
      const messages = [{ kind: 'decide' as const, body: late }];
      await called(caller, activities.consume, { messages, junk: 0, step: 2, at: now() });
      expect(await verdictsOf(stack, caller.id)).toContain('dmitri: request_not_pending');
    },
  );
});

describe('an approved action', () => {
  it.each([
    ['since when it waits', `pending_since = pending_since - interval '1 hour'`],
    ['until when it waits', `expires_at = expires_at + interval '1 hour'`],
    ['its clocks', `clocks = '{"office":[[0,9999999999999]]}'`],
    ['that it is break-glass', 'is_break_glass = true'],
  ])('is not executed when its row was rewritten: %s', async (_what, assignment) => {
    const caller = await approved();
    await set(caller.id, assignment);
    expect(await execute(caller)).toEqual({ kind: 'again' });
    expect(await executionsOf(stack, caller.id)).toEqual([]);
    expect(effectsOf(caller.id)).toBe(0);
  });

  it('is claimed at the time when all locks are held, however long it waited for them', async () => {
    const caller = await approved();
    const { keyturnDb } = stack;
    await keyturnDb.query('begin');
    await keyturnDb.query('select 1 from keyturn.policy_active for update');
    const executed = execute(caller);
    await waitFor({
      what: 'the claim to wait',
      check: async () => {
        const sql = `select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`;
        return (await keyturnDb.query(sql)).rowCount ? true : undefined;
      },
    });
    const { rows } = await keyturnDb.query<{ now: Date }>('select clock_timestamp() as now');
    await keyturnDb.query('commit');
    expect(await executed).toEqual({ kind: 'closed', status: 'succeeded' });
    const released = rows[0]?.now.getTime() ?? Number.NaN;
    const [claim] = await executionsOf(stack, caller.id);
    expect(claim?.claimed_at.getTime()).toBeGreaterThanOrEqual(released);
    const claimed = (await leavesOf(stack, caller.id)).find(({ type }) => type === 'execution.claimed');
    expect(Date.parse(claimed?.at ?? '')).toBe(claim?.claimed_at.getTime());
  });

  it('is tried again when the target was away and nothing was sent: that is no unknown outcome', async () => {
    const caller = await approved();
    vi.spyOn(target, 'execute').mockRejectedValueOnce(new Error('connection refused'));
    vi.spyOn(target, 'probe').mockRejectedValue(new Error('connection refused'));
    await expect(execute(caller)).rejects.toThrow('could not be reached');
    expect(await executionsOf(stack, caller.id)).toMatchObject([{ state: 'not_done' }]);
    expect(await execute(caller)).toEqual({ kind: 'closed', status: 'succeeded' });
    expect(await courseOf(stack, caller.id)).not.toContain('execution.indeterminate');
    expect(effectsOf(caller.id)).toBe(1);
  });

  it('is not looked for over and over when its claim is missing', async () => {
    const caller = await approved();
    vi.spyOn(target, 'execute').mockRejectedValueOnce(new Error('connection lost'));
    await expect(execute(caller)).rejects.toThrow('could not be reached');
    await stack.keyturnDb.query('delete from keyturn.execution where request = $1', [caller.id]);
    await expect(execute(caller)).rejects.toThrow('claim of this request is missing');
    expect(effectsOf(caller.id)).toBe(0);
  });
});
