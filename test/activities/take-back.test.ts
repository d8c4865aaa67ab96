import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { consumeAllKept } from '../../activities/steps/consume-all-kept.ts';
import type { Dependencies } from '../../activities/dependencies.ts';
import { createActivities, type Activities } from '../../activities/index.ts';
import { startStack, type Stack } from '../stack/stack.ts';
import { courseOf, verdictsOf } from '../workflows/facts.ts';
import { openDependencies } from '../workflows/local-worker.ts';
import { ScriptedTarget } from '../workflows/scripted-target.ts';
import { Desk, randomId, type DecisionChange } from '../workflows/signed.ts';
import { called, pendingCaller, type Caller } from './called.ts';

let stack: Stack;
let desk: Desk;
let dependencies: Dependencies;
let activities: Activities;
let omar: string;
const target = new ScriptedTarget();

beforeAll(async () => {
  stack = await startStack({ apis: 1, workers: 0 });
  omar = await stack.issuer.humanToken('omar');
  desk = await Desk.open(stack);
  dependencies = await openDependencies(stack, stack.temporal, target);
  activities = createActivities(dependencies);
});
afterAll(async () => {
  await dependencies.source.destroy();
  await stack.stop();
});

function now(): string {
  return new Date().toISOString();
}

/** Two people have to approve. */
function pending(): Promise<Caller> {
  return pendingCaller({ desk, activities }, { target: 'shop-two-people' });
}

async function consume(caller: Caller, step: number, ...envelopes: string[]) {
  const messages = envelopes.map((body) => ({ kind: 'decide' as const, body }));
  return called(caller, activities.consume, { messages, junk: 0, step, at: now() });
}

async function keep({ id }: Caller, envelope: string): Promise<void> {
  const message = [randomId('dec'), id, 'decide', envelope];
  await stack.keyturnDb.query('select keyturn.keep_message($1, $2, $3, $4)', message);
}

/** What comes of asking for the execution; what is not approved is refused. */
async function execute(caller: Caller, step = 1): Promise<string> {
  const executed = await called(caller, activities.execute, { step, at: now() }).catch(() => null);
  if (executed === null) return 'refused';
  return executed.kind === 'closed' ? executed.status : executed.kind;
}

async function statusOf({ id }: Caller): Promise<unknown> {
  return (await desk.row(id))['status'];
}

async function expectVerified({ id }: Caller): Promise<void> {
  expect(await stack.cli(['verify', id], { KEYTURN_TOKEN: omar })).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('All checks hold.'),
  });
}

/** An approval of Olga's, and what takes it back. */
async function givenAndTaken({ id }: Caller, change: DecisionChange = {}) {
  const approved = randomId('dec');
  return {
    given: await desk.decision(id, 'olga', { id: approved }),
    taken: await desk.decision(id, 'olga', { verdict: 'take_back', takes_back: approved, ...change }),
  };
}

/** Approved by both, and Olga's approval not yet taken back. */
async function approved(): Promise<{ readonly caller: Caller; readonly taken: string }> {
  const caller = await pending();
  const { given, taken } = await givenAndTaken(caller);
  await consume(caller, 1, given, await desk.decision(caller.id, 'dmitri'));
  expect(await statusOf(caller)).toBe('approved');
  return { caller, taken };
}

/** The people of the round that is open now approve, in the order given. */
async function reviewAgain(caller: Caller, ...people: string[]): Promise<void> {
  const planned = await called(caller, activities.plan, { attempt: 2, at: now() });
  const plan_digest = planned.kind === 'planned' ? planned.plan_digest : '';
  await called(caller, activities.evaluate, { plan_digest, attempt: 2, at: now() });
  expect(await desk.row(caller.id)).toMatchObject({ status: 'pending', round: 2 });
  for (const [index, person] of people.entries())
    await consume(caller, 10 + index, await desk.decision(caller.id, person));
}

describe('an approval that is taken back while others are awaited', () => {
  it('opens its seat again: for the same person too, and a denial of another still ends it', async () => {
    const caller = await pending();
    const { given, taken } = await givenAndTaken(caller);
    await consume(caller, 1, given, taken);
    await consume(caller, 2, await desk.decision(caller.id, 'dmitri'));
    expect(await statusOf(caller)).toBe('pending');
    const answer = await consume(caller, 3, await desk.decision(caller.id, 'olga'));
    expect(answer).toMatchObject({ status: 'approved' });
    expect(await execute(caller)).toBe('succeeded');
    expect(await verdictsOf(stack, caller.id)).toEqual([
      'olga: approve',
      'olga: take_back',
      'dmitri: approve',
      'olga: approve',
    ]);
    await expectVerified(caller);
    const denied = await pending();
    const both = await givenAndTaken(denied);
    await consume(denied, 1, both.given, both.taken);
    await consume(denied, 2, await desk.decision(denied.id, 'dmitri', { verdict: 'deny' }));
    expect(await statusOf(denied)).toBe('denied');
    await expectVerified(denied);
  });

  it('is taken back once, by any account of its person, and by nobody else', async () => {
    const caller = await pending();
    const { given, taken } = await givenAndTaken(caller);
    const { id: takes_back } = opened(given);
    const change = { verdict: 'take_back', takes_back } as const;
    await consume(caller, 1, given);
    await consume(caller, 2, await desk.decision(caller.id, 'dmitri', change));
    await consume(
      caller,
      3,
      await desk.decision(caller.id, 'olga', { ...change, takes_back: randomId('dec') }),
    );
    await consume(caller, 4, taken);
    await consume(caller, 5, taken);
    await consume(caller, 6, await desk.decision(caller.id, 'olga', change));
    expect(await verdictsOf(stack, caller.id)).toEqual([
      'olga: approve',
      'dmitri: not_your_decision',
      'olga: unknown_decision',
      'olga: take_back',
      'olga: already_taken_back',
    ]);
    await expectVerified(caller);
  });
});

function opened(envelope: string): { readonly id: string } {
  return JSON.parse(Buffer.from(envelope.split('.')[1] ?? '', 'base64url').toString()) as { id: string };
}

/** How it reaches an approved request before it is claimed. */
const WAYS: readonly (readonly [string, (caller: Caller, taken: string) => Promise<unknown>])[] = [
  ['as a later signal', (caller, taken) => consume(caller, 2, taken)],
  ['kept by the API, and found by the claim', keep],
  [
    'kept by the API, and found by housekeeping',
    async (caller, taken) => {
      await keep(caller, taken);
      await consumeAllKept(dependencies, 'default');
    },
  ],
  [
    'beyond the expiry',
    async (caller, taken) => {
      await stack.keyturnDb.query(
        `update keyturn.request set expires_at = clock_timestamp() - interval '1 second' where id = $1`,
        [caller.id],
      );
      await consume(caller, 2, taken);
      await stack.keyturnDb.query(
        `update keyturn.request set expires_at = clock_timestamp() + interval '1 hour' where id = $1`,
        [caller.id],
      );
    },
  ],
];

describe('an approval that is taken back once it is approved', () => {
  it.each(WAYS)('sends it back, and all are asked again: %s', async (_way, reach) => {
    const { caller, taken } = await approved();
    await reach(caller, taken);
    expect(await execute(caller)).toBe('again');
    expect(await desk.row(caller.id)).toMatchObject({ status: 'planning', decision_digest: null, round: 1 });
    expect(target.effects).not.toContain(caller.id);
    await reviewAgain(caller, 'dmitri');
    expect(await execute(caller, 2)).toBe('refused');
    expect(await statusOf(caller)).toBe('pending');
    await consume(caller, 20, await desk.decision(caller.id, 'olga'));
    expect(await execute(caller, 3)).toBe('succeeded');
    expect(target.effects.filter((effect) => effect === caller.id)).toHaveLength(1);
    expect(await courseOf(stack, caller.id)).toEqual(
      expect.arrayContaining(['decision.taken_back', 'request.approval_taken_back']),
    );
    if (_way !== 'beyond the expiry') await expectVerified(caller);
  });

  it('does not count at the claim, whatever the row says', async () => {
    const { caller, taken } = await approved();
    const row = await desk.row(caller.id);
    await consume(caller, 2, taken);
    await stack.keyturnDb.query(`begin; alter table keyturn.request disable trigger request_outcome;
      update keyturn.request set status = 'approved', decision_digest = '${String(row['decision_digest'])}'
        where id = '${caller.id}';
      alter table keyturn.request enable always trigger request_outcome; commit`);
    expect(await execute(caller)).toBe('again');
    expect(target.effects).not.toContain(caller.id);
  });

  it('is refused once it is claimed', async () => {
    const caller = await pending();
    const approval = { id: randomId('dec') };
    await consume(caller, 1, await desk.decision(caller.id, 'olga', approval));
    await consume(caller, 2, await desk.decision(caller.id, 'dmitri'));
    expect(await execute(caller)).toBe('succeeded');
    const change = { verdict: 'take_back', takes_back: approval.id } as const;
    await consume(caller, 3, await desk.decision(caller.id, 'olga', change));
    expect(await verdictsOf(stack, caller.id)).toContain('olga: request_not_pending');
    expect(await statusOf(caller)).toBe('succeeded');
    await expectVerified(caller);
  });

  it('excludes the claim, and the claim it, when they come at the same time', async () => {
    for (let round = 0; round < 12; round += 1) {
      const { caller, taken } = await approved();
      const [executed] = await Promise.all([execute(caller), consume(caller, 2, taken)]);
      const isDone = target.effects.includes(caller.id);
      const verdicts = await verdictsOf(stack, caller.id);
      expect(executed).toBe(isDone ? 'succeeded' : 'again');
      expect(verdicts).toContainEqual(
        isDone ? expect.stringMatching(/^olga: request_(executing|not_pending)$/) : 'olga: take_back',
      );
    }
  });
});

type Sent = 'given' | 'taken' | 'other';

const ORDERS: readonly (readonly Sent[])[] = [
  ['given', 'taken', 'other'],
  ['given', 'other', 'taken'],
  ['other', 'given', 'taken'],
];

/** How messages are divided into steps, with an execution asked for after each step. */
const DIVISIONS: readonly (readonly number[])[] = [[3], [1, 2], [2, 1], [1, 1, 1]];

describe('a second approval that arrives while the first is taken back', () => {
  const cases = ORDERS.flatMap((order) => DIVISIONS.map((sizes) => ({ order, sizes })));

  it.each(cases)('executes only what both stand by: $order in steps of $sizes', async ({ order, sizes }) => {
    const caller = await pending();
    const envelopes = {
      ...(await givenAndTaken(caller)),
      other: await desk.decision(caller.id, 'dmitri'),
    };
    const standing = new Set<Sent>();
    let isDone = false;
    let sent = 0;
    for (const [step, size] of sizes.entries()) {
      const batch = order.slice(sent, sent + size);
      sent += size;
      for (const one of batch)
        if (one === 'taken') standing.delete('given');
        else standing.add(one);
      await consume(caller, step + 1, ...batch.map((one) => envelopes[one]));
      await execute(caller, step + 1);
      isDone ||= standing.size === 2;
      expect(target.effects.includes(caller.id)).toBe(isDone);
    }
  });
});
