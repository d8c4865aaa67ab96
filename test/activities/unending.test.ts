import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';

import type { ProbeOutcome } from '../../activities/connectors/connector.ts';
import type { Dependencies } from '../../activities/dependencies.ts';
import { createActivities, type Activities } from '../../activities/index.ts';
import { sweepOnce, type Swept } from '../../activities/steps/sweep.ts';
import { startStack, type Stack } from '../stack/stack.ts';
import { executionsOf, leavesOf } from '../workflows/facts.ts';
import { openDependencies } from '../workflows/local-worker.ts';
import { ScriptedTarget } from '../workflows/scripted-target.ts';
import { Desk } from '../workflows/signed.ts';
import { called, pendingCaller, type Caller } from './called.ts';

/** Requests whose workflow is open and never does anything: somebody keeps its tasks, or has it believe what they like. */

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

async function approved(): Promise<Caller> {
  const caller = await pendingCaller({ desk, activities });
  const messages = [{ kind: 'decide' as const, body: await desk.decision(caller.id, 'olga') }];
  await called(caller, activities.consume, { messages, junk: 0, step: 1, at: now() });
  return caller;
}

/** A run that noted its transaction and never said what came of it. */
async function claimed(): Promise<Caller> {
  const caller = await approved();
  vi.spyOn(target, 'execute').mockImplementationOnce(async ({ beforeCommit }) => {
    await beforeCommit({ transactionId: '7' });
    throw new Error('the connection is gone');
  });
  vi.spyOn(target, 'probe').mockResolvedValueOnce('unknown');
  await expect(called(caller, activities.execute, { step: 1, at: now() })).rejects.toThrow();
  return caller;
}

/** As only the owner of the database can write. */
async function rewrite(id: string, ...texts: readonly string[]): Promise<void> {
  await stack.keyturnDb.query('set session_replication_role = replica');
  for (const text of texts) await stack.keyturnDb.query(text, [id]);
  await stack.keyturnDb.query('reset session_replication_role');
}

function ago(interval: string): string {
  return `clock_timestamp() - interval '${interval}'`;
}

const set = (assignments: string): string => `update keyturn.request set ${assignments} where id = $1`;
const decided = (interval: string): string =>
  `update keyturn.decision set at = ${ago(interval)} where request = $1`;
const EXPIRED = set(`expires_at = ${ago('3 days')}, updated_at = ${ago('30 days')}`);
const unasked = (interval: string): string =>
  set(`requirement = null, expires_at = null, updated_at = ${ago(interval)}`);
const executing = (interval: string): string =>
  set(`status = 'executing', requirement = null, updated_at = ${ago(interval)}`);
const FOR_EVER = set(`held_until = '2099-01-01'`);
/** With the entry that says so. */
const HELD = [
  set(`held_until = date_trunc('milliseconds', now() + interval '1 h')`),
  `insert into audit.entry (leaf) select jsonb_build_object('v', 1, 'id', $1::text || '/held', 'type', 'request.held',
       'n', (select max(n) + 1 from audit.entry where request = $1),
       'stream', jsonb_build_object('request', id, 'run', run_id), 'facts', jsonb_build_object(
         'until', to_char(held_until at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')))::text
     from keyturn.request where id = $1`,
];
const fenced = (interval: string): string =>
  `insert into keyturn.execution (request, attempt, idempotency_key, decision_digest, state, claimed_at, settled_at)
   values ($1, 1, $1, 'digest', 'not_done', ${ago(interval)}, ${ago(interval)})`;

async function sweep(isOpen = true): Promise<Swept> {
  const history = { ...dependencies.history, isOpen: async () => isOpen };
  return sweepOnce({ ...dependencies, history }, { namespace: 'default', quietMs: 0 });
}

async function statusOf(id: string): Promise<unknown> {
  return (await desk.row(id))['status'];
}

describe('a request that its workflow leaves as it is', () => {
  it.each([
    ['approved, past its expiry and the age of its approvals', [EXPIRED, decided('30 days')], 'expired'],
    [
      'the same, its hold being over',
      [EXPIRED, decided('30 days'), set(`held_until = ${ago('1 day')}`)],
      'expired',
    ],
    ['the same, and still held', [EXPIRED, decided('30 days'), ...HELD], null],
    ['approved, past its expiry with approvals that carry', [EXPIRED], null],
    ['approved, not expired, with earlier approvals', [decided('30 days')], null],
    ['allowed a day ago', [unasked('25 hours')], 'expired'],
    ['allowed a day ago, and still held', [unasked('25 hours'), ...HELD], null],
    ['the same, with a hold that is not on record', [EXPIRED, decided('30 days'), FOR_EVER], 'expired'],
    ['allowed a day ago, with a hold that is not on record', [unasked('25 hours'), FOR_EVER], 'expired'],
    ['allowed an hour ago', [unasked('1 hour')], null],
    ['executing for a day without a claim', [executing('25 hours'), fenced('25 hours')], 'failed'],
    [
      'executing for a day, its claim fenced off an hour ago',
      [executing('25 hours'), fenced('1 hour')],
      null,
    ],
  ])('ends by itself, or not: %s', async (_what, texts, status) => {
    const { id } = await approved();
    await rewrite(id, ...texts);
    const { overdue } = await sweep();
    expect(overdue.includes(id)).toBe(status !== null);
    if (status === null) return;
    expect(await statusOf(id)).toBe(status);
    const type = status === 'failed' ? 'request.orphaned' : 'request.expired';
    expect((await leavesOf(stack, id)).at(-1)).toMatchObject({ type });
  });

  it.each([
    ['open', []],
    ['on record and in no table', ['delete from keyturn.execution where request = $1']],
  ])('is not closed while its claim is %s: nobody knows what came of it', async (_what, texts) => {
    const { id } = await claimed();
    vi.spyOn(target, 'probe').mockResolvedValue('unknown');
    await rewrite(id, ...texts, executing('25 hours'));
    const { overdue } = await sweep();
    expect(overdue).not.toContain(id);
    expect(await statusOf(id)).toBe('executing');
  });

  it.each([
    ['approved for 20 minutes', [set(`updated_at = ${ago('20 minutes')}`)], true],
    ['approved and held', [set(`updated_at = ${ago('20 minutes')}`), ...HELD], false],
    [
      'approved, with a hold that is not on record',
      [set(`updated_at = ${ago('20 minutes')}`), FOR_EVER],
      true,
    ],
    ['approved, and dated ahead', [set(`updated_at = '2099-01-01'`)], true],
    ['approved just now', [], false],
    ['executing for 20 minutes', [executing('20 minutes'), fenced('20 minutes')], true],
    ['executing, claimed anew just now', [executing('20 minutes'), fenced('1 minute')], false],
  ])('is reported when it does not move, and nothing holds it: %s', async (_what, texts, isReported) => {
    const { id } = await approved();
    await rewrite(id, ...texts);
    expect((await sweep()).wedged.includes(id)).toBe(isReported);
  });
});

describe('a claim that stays open while its workflow is open', () => {
  interface Old {
    readonly answer: ProbeOutcome;
    readonly age: string;
    readonly state: string;
    readonly status: string;
  }

  it.each<Old>([
    { answer: 'done', age: '20 minutes', state: 'succeeded', status: 'succeeded' },
    { answer: 'not_done', age: '20 minutes', state: 'not_done', status: 'executing' },
    { answer: 'unknown', age: '20 minutes', state: 'claimed', status: 'executing' },
    { answer: 'unknown', age: '2 hours', state: 'claimed', status: 'executing' },
    { answer: 'done', age: '5 minutes', state: 'claimed', status: 'executing' },
  ])('is looked after: the target says $answer after $age', async ({ answer, age, state, status }) => {
    const { id } = await claimed();
    const probe = vi.spyOn(target, 'probe').mockClear().mockResolvedValue(answer);
    await rewrite(id, `update keyturn.execution set claimed_at = ${ago(age)} where request = $1`);
    const { settled } = await sweep();
    expect(settled.includes(id)).toBe(state !== 'claimed');
    expect(probe.mock.calls.some(([call]) => call.requestId === id)).toBe(age !== '5 minutes');
    expect(await executionsOf(stack, id)).toMatchObject([{ state }]);
    expect(await statusOf(id)).toBe(status);
  });

  it.each([
    { probed: 'several times over an hour', since: '60 min', last: '1 min', state: 'indeterminate' },
    {
      probed: 'before an outage of an hour, and once after',
      since: '90 min',
      last: '60 min',
      state: 'claimed',
    },
    { probed: 'several times in a few minutes', since: '5 min', last: '1 min', state: 'claimed' },
  ])('is $state when its target could not tell: probed $probed', async ({ since, last, state }) => {
    for (const isOpen of [true, false]) {
      const { id } = await claimed();
      vi.spyOn(target, 'probe').mockResolvedValue('unknown');
      await rewrite(
        id,
        `update keyturn.execution set claimed_at = ${ago('3 hours')}, unanswered_since = ${ago(since)},
           unanswered_at = ${ago(last)} where request = $1`,
        set(`updated_at = ${ago('3 hours')}`),
      );
      await sweep(isOpen);
      expect(await executionsOf(stack, id)).toMatchObject([{ state }]);
    }
  });

  it('takes a sweep a while only: those are asked about first that waited longest', async () => {
    await stack.keyturnDb.query(`update keyturn.execution set claimed_at = clock_timestamp()`);
    const callers = [await claimed(), await claimed(), await claimed()];
    for (const { id } of callers)
      await rewrite(id, `update keyturn.execution set claimed_at = ${ago('20 minutes')} where request = $1`);
    let nowMs = performance.now();
    vi.spyOn(performance, 'now').mockImplementation(() => nowMs);
    const probe = vi.spyOn(target, 'probe').mockClear();
    probe.mockImplementation(async () => {
      nowMs += 60_000;
      return 'unknown';
    });
    for (const asked of [1, 2, 3]) {
      await sweep();
      expect(new Set(probe.mock.calls.map(([{ requestId }]) => requestId)).size).toBe(asked);
    }
    expect(probe).toHaveBeenCalledTimes(3);
  });
});
