import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Dependencies } from '../../activities/dependencies.ts';
import { createActivities, type Activities, type Evaluated } from '../../activities/index.ts';
import { leafHash } from '../../domain/audit/leaf.ts';
import { startStack, type Stack } from '../stack/stack.ts';
import { waitFor } from '../stack/wait.ts';
import { courseOf, decisionsOf, leavesOf } from '../workflows/facts.ts';
import { openDependencies } from '../workflows/local-worker.ts';
import { changeRequirement, withPolicy, type PolicyChange } from '../workflows/policies.ts';
import { ScriptedTarget } from '../workflows/scripted-target.ts';
import { Desk } from '../workflows/signed.ts';
import { called, instantAfter, newCaller, type Caller } from './called.ts';

let stack: Stack;
let desk: Desk;
let dependencies: Dependencies;
let activities: Activities;

beforeAll(async () => {
  stack = await startStack({ apis: 0, workers: 0 });
  desk = await Desk.open(stack);
  dependencies = await openDependencies(stack, stack.temporal, new ScriptedTarget());
  activities = createActivities(dependencies);
});

afterAll(async () => {
  await dependencies.source.destroy();
  await stack.stop();
});

type Review = Evaluated & { kind: 'review' };

/** Plays the activities up to where people are asked. */
async function opened(target = 'shop-two-people'): Promise<Caller & { readonly review: Review }> {
  const caller = await received(target);
  const review = await evaluationOf(caller, await planOf(caller, activities));
  if (review.kind !== 'review') throw new Error('not in review');
  return { ...caller, review };
}

async function received(target = 'shop-two-people'): Promise<Caller> {
  const caller = await newCaller(desk, target);
  const { envelope } = caller.request;
  await called(caller, activities.receive, { request: envelope, at: instantAfter(caller, 0) });
  return caller;
}

async function planOf(caller: Caller, { plan }: Activities): Promise<string> {
  const planned = await called(caller, plan, { attempt: 1, at: instantAfter(caller, 10) });
  if (planned.kind !== 'planned') throw new Error('not planned');
  return planned.plan_digest;
}

function evaluationOf(caller: Caller, planDigest: string): Promise<Evaluated> {
  const input = { plan_digest: planDigest, attempt: 1, at: instantAfter(caller, 20) };
  return called(caller, activities.evaluate, input);
}

interface Sent {
  readonly envelopes?: readonly string[];
  readonly junk?: number;
  readonly junk_total?: number;
  readonly step?: number;
}

function consume(caller: Caller, { envelopes = [], junk = 0, step = 1, ...total }: Sent) {
  const messages = envelopes.map((body) => ({ kind: 'decide' as const, body }));
  const at = instantAfter(caller, 100);
  return called(caller, activities.consume, { messages, junk, step, at, ...total });
}

async function junkOf(id: string): Promise<number> {
  const leaves = await leavesOf(stack, id);
  return leaves
    .filter((leaf) => leaf.type === 'decision.unauthenticated')
    .reduce((sum, leaf) => sum + Number(leaf.facts['count']), 0);
}

/** As if the round had been opened that long ago. Answers since when it waits. */
async function openedBefore(caller: Caller, ms: number): Promise<string> {
  const { rows } = await stack.keyturnDb.query<{ pending_since: Date }>(
    `update keyturn.request set pending_since = clock_timestamp() - $2 * interval '1 millisecond'
     where id = $1 returning pending_since`,
    [caller.id, ms],
  );
  return rows[0]?.pending_since.toISOString() ?? '';
}

function escalatingAfter(stepsMs: readonly number[]): PolicyChange {
  const escalate = stepsMs.map((after) => ({ after_ms: after, to: 'group:dba-leads' as const }));
  return changeRequirement('escalating', (requirement) => ({
    ...requirement,
    stages: requirement.stages.map((stage) => ({ ...stage, escalate })),
  }));
}

describe('a plan', () => {
  it('is evaluated in the transaction that records it, and its own step answers what came of that', async () => {
    const caller = await received();
    const planned = await planOf(caller, activities);
    expect(await desk.row(caller.id)).toMatchObject({ status: 'pending', round: 1 });
    const before = await courseOf(stack, caller.id);
    expect(await evaluationOf(caller, planned)).toMatchObject({ kind: 'review', round: 1 });
    expect(await courseOf(stack, caller.id)).toEqual(before);
  });

  it('stands where it cannot be evaluated at once, and is evaluated by its own step', async () => {
    const caller = await received();
    const { directories } = dependencies;
    const ofGeneration: typeof directories.ofGeneration = async (manager, ...which) => {
      if (manager.queryRunner) throw new Error('the directory cannot be read in a transaction');
      return directories.ofGeneration(manager, ...which);
    };
    const failing = {
      ...dependencies,
      directories: { ofGeneration } as unknown as Dependencies['directories'],
    };
    const planned = await planOf(caller, createActivities(failing));
    expect(await desk.row(caller.id)).toMatchObject({ status: 'planning', round: 0 });
    expect(await evaluationOf(caller, planned)).toMatchObject({ kind: 'review', round: 1 });
    expect((await courseOf(stack, caller.id)).filter((type) => type === 'request.planned')).toHaveLength(1);
  });
});

describe('a repeated step', () => {
  it('loses nothing and counts nothing twice when its batch has grown meanwhile', async () => {
    const caller = await opened();
    const first = await desk.decision(caller.id, 'olga');
    const second = await desk.decision(caller.id, 'dmitri');
    const once = await consume(caller, { envelopes: [first, 'eyJhbGciOiJub25lIn0.e30.'], junk: 3 });
    expect(once).toMatchObject({ status: 'pending', counted: [{ person: 'olga' }] });
    // The workflow task was lost: what it recorded is there, its answer is not, and more has arrived.
    const again = await consume(caller, {
      envelopes: [first, 'eyJhbGciOiJub25lIn0.e30.', second],
      junk: 5,
    });
    expect(again).toMatchObject({
      status: 'approved',
      counted: [{ person: 'olga' }, { person: 'dmitri' }],
    });
    expect(await decisionsOf(stack, caller.id)).toHaveLength(2);
    expect((await courseOf(stack, caller.id)).filter((type) => type === 'decision.counted')).toHaveLength(2);
    expect(await junkOf(caller.id)).toBe(6);
  });

  it('counts no junk twice when what it had counted is divided otherwise the second time', async () => {
    const caller = await opened();
    const lookalike = 'eyJhbGciOiJub25lIn0.e30.';
    await consume(caller, { junk: 50, junk_total: 50 });
    await consume(caller, { step: 2, envelopes: [lookalike], junk: 30, junk_total: 80 });
    expect(await junkOf(caller.id)).toBe(81);
    // The workflow task was lost, and more has arrived: one batch holds what two held.
    await consume(caller, { envelopes: [lookalike], junk: 100, junk_total: 100 });
    expect(await junkOf(caller.id)).toBe(101);
  });

  it('loses no junk when a batch holds what it held, after others that have grown', async () => {
    const caller = await opened();
    await consume(caller, { junk: 50, junk_total: 50 });
    await consume(caller, { step: 2, junk: 30, junk_total: 80 });
    await consume(caller, { junk: 70, junk_total: 70 });
    await consume(caller, { step: 2, junk: 30, junk_total: 100 });
    expect(await junkOf(caller.id)).toBe(100);
  });

  it('answers what was recorded first, whatever it is asked the second time', async () => {
    const caller = await opened();
    const planned = await called(caller, activities.plan, { attempt: 1, at: instantAfter(caller, 9_000) });
    const evaluated = await called(caller, activities.evaluate, {
      plan_digest: planned.kind === 'planned' ? planned.plan_digest : '',
      attempt: 1,
      at: instantAfter(caller, 9_000),
    });
    expect(evaluated).toEqual(caller.review);
    expect(await courseOf(stack, caller.id)).toEqual([
      'request.received',
      'request.planned',
      'request.pending',
    ]);
    const envelope = await desk.decision(caller.id, 'olga');
    const first = await consume(caller, { envelopes: [envelope] });
    expect(await consume(caller, { envelopes: [envelope] })).toEqual(first);
    expect(await courseOf(stack, caller.id)).toHaveLength(4);
  });

  it('does not skip escalations that fall due between a lost task and its repetition', async () => {
    const steps = [60_000, 61_500, 61_600];
    await withPolicy(stack.keyturnDb, escalatingAfter(steps), async () => {
      const caller = await opened('shop-escalating');
      const since = await openedBefore(caller, 61_000);
      const escalate = (step: string, from: string) =>
        called(caller, activities.escalate, { step, since: from, at: new Date().toISOString() });
      const lost = await escalate(`1/${since}`, since);
      // Repeated later: it answers until when it has looked, so that the workflow goes on from there.
      await waitFor({
        what: 'the later escalations to be due',
        check: async () => Date.now() > Date.parse(since) + 61_600 || undefined,
      });
      const repeated = await escalate(`1/${since}`, since);
      expect(repeated).toEqual(lost);
      // From whenever it is called: each is recorded once.
      await escalate(`1/${repeated.until}`, '2001-01-01T00:00:00.000Z');
      await escalate(`1/x`, '2001-01-01T00:00:00.000Z');
      const escalated = (await leavesOf(stack, caller.id)).filter(
        (leaf) => leaf.type === 'request.escalated',
      );
      const afterMs = escalated.map((leaf) => Date.parse(String(leaf.facts['at'])) - Date.parse(since));
      expect(afterMs).toEqual(steps);
    });
  });
});

describe('what steps answer to Temporal, whose history others read', () => {
  it('names who decided by their id in the directory, and no account', async () => {
    const caller = await opened();
    const consumed = await consume(caller, { envelopes: [await desk.decision(caller.id, 'olga')] });
    const at = new Date().toISOString();
    const looked = await called(caller, activities.reconsider, { step: '1/1', at });
    expect(looked.counted).toEqual(consumed.counted);
    expect(Object.keys(looked.counted?.[0] ?? {}).sort()).toEqual([
      'at',
      'grade',
      'id',
      'person',
      'seats',
      'verdict',
    ]);
  });
});

describe('the audit stream of a request', () => {
  it('has no gap and an unbroken chain under sixteen writers at once', async () => {
    const caller = await opened('shop-crowd');
    const other = await openDependencies(stack, stack.temporal, new ScriptedTarget());
    const replica = createActivities(other);
    const batches: { step: number; body: string }[] = [];
    for (let step = 1; step <= 16; step += 1) {
      batches.push({
        step,
        body: await desk.decision(caller.id, `reviewer-${String(step).padStart(2, '0')}`),
      });
    }
    await Promise.all(
      batches.map(({ step, body }) =>
        called(caller, (step % 2 === 0 ? activities : replica).consume, {
          messages: [{ kind: 'decide', body }],
          junk: 1,
          step,
          at: instantAfter(caller, 100 + step),
        }),
      ),
    );
    await other.source.destroy();
    expect((await desk.row(caller.id))['status']).toBe('approved');
    await expectUnbroken(caller.id, 3 + 16 + 16 + 1);
  });

  async function expectUnbroken(id: string, count: number): Promise<void> {
    const { rows } = await stack.keyturnDb.query<{ leaf: string; n: number }>(
      'select leaf, n from audit.entry where request = $1 order by n',
      [id],
    );
    const leaves = await leavesOf(stack, id);
    expect(rows.map((row) => row.n)).toEqual(Array.from({ length: count }, (_, n) => n));
    expect(leaves.map((leaf) => leaf.prev)).toEqual([
      null,
      ...rows.slice(0, -1).map((row) => leafHash(row.leaf)),
    ]);
  }
});

describe('a step and its audit entry', () => {
  /** Makes one kind of insert fail, as a full disk or a lost server would, for the time of `work`. */
  async function withFailing(table: string, when: string, work: () => Promise<void>): Promise<void> {
    await stack.keyturnDb.query(`
      create or replace function public.fail_for_test() returns trigger language plpgsql as
        $$ begin raise exception 'disk full'; end $$;
      create trigger fail_for_test before insert on ${table} for each row when (${when})
        execute function public.fail_for_test()`);
    try {
      await work();
    } finally {
      await stack.keyturnDb.query(`drop trigger fail_for_test on ${table}`);
    }
  }

  async function everythingOf(id: string): Promise<unknown> {
    const { rows } = await stack.keyturnDb.query('select * from keyturn.step where request = $1', [id]);
    return {
      steps: rows,
      row: await desk.row(id),
      decisions: await decisionsOf(stack, id),
      leaves: await leavesOf(stack, id),
    };
  }

  it('are committed together or not at all: the entry fails', async () => {
    const caller = await opened();
    const before = await everythingOf(caller.id);
    const envelope = await desk.decision(caller.id, 'olga');
    await withFailing('audit.entry', "new.leaf like '%decision.counted%'", async () => {
      await expect(consume(caller, { envelopes: [envelope] })).rejects.toMatchObject({ nonRetryable: false });
    });
    expect(await everythingOf(caller.id)).toEqual(before);
    expect(await consume(caller, { envelopes: [envelope] })).toMatchObject({ counted: [{ person: 'olga' }] });
  });

  it('are committed together or not at all: the step fails', async () => {
    const caller = await opened();
    const before = await everythingOf(caller.id);
    const envelope = await desk.decision(caller.id, 'olga', { verdict: 'deny' });
    await withFailing('keyturn.step', "new.step like 'consume/%'", async () => {
      await expect(consume(caller, { envelopes: [envelope] })).rejects.toMatchObject({
        message: 'The step failed and will be tried again.',
      });
    });
    expect(await everythingOf(caller.id)).toEqual(before);
    expect(await consume(caller, { envelopes: [envelope] })).toMatchObject({ status: 'denied' });
  });

  it('are refused for a run that is not the one of the request', async () => {
    const caller = await opened();
    const before = await everythingOf(caller.id);
    const foreign = { ...caller, run: 'another-run' };
    const envelope = await desk.decision(caller.id, 'olga');
    await expect(consume(foreign, { envelopes: [envelope] })).rejects.toMatchObject({
      type: 'foreign_run',
      nonRetryable: true,
    });
    await expect(
      called(foreign, activities.plan, { attempt: 2, at: instantAfter(caller, 200) }),
    ).rejects.toMatchObject({ type: 'foreign_run' });
    await expect(
      called(foreign, activities.execute, { step: 1, at: instantAfter(caller, 200) }),
    ).rejects.toMatchObject({ type: 'foreign_run' });
    expect(await everythingOf(caller.id)).toEqual(before);
  });
});
