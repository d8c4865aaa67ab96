import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { consumeAllKept } from '../../activities/steps/consume-all-kept.ts';
import type { Dependencies } from '../../activities/dependencies.ts';
import { createActivities, type Activities } from '../../activities/index.ts';
import type { Reply } from '../stack/http.ts';
import { startStack, type Stack } from '../stack/stack.ts';
import { waitFor } from '../stack/wait.ts';
import { courseOf, verdictsOf } from '../workflows/facts.ts';
import { openDependencies } from '../workflows/local-worker.ts';
import { ScriptedTarget } from '../workflows/scripted-target.ts';
import { Desk, randomId } from '../workflows/signed.ts';
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

function pending(): Promise<Caller> {
  return pendingCaller({ desk, activities });
}

/** What a workflow, or a writer to its namespace, hands on. */
async function consume(caller: Caller, step: number, ...envelopes: string[]): Promise<void> {
  const messages = envelopes.map((body) => ({ kind: 'decide' as const, body }));
  await called(caller, activities.consume, { messages, junk: 0, step, at: now() });
}

async function keep({ id }: Caller, envelope: string): Promise<void> {
  const message = [randomId('dec'), id, 'decide', envelope];
  await stack.keyturnDb.query('select keyturn.keep_message($1, $2, $3, $4)', message);
}

function execute(caller: Caller): Promise<unknown> {
  return called(caller, activities.execute, { step: 1, at: now() });
}

async function verify({ id }: Caller): Promise<{ readonly code: number; readonly stdout: string }> {
  return stack.cli(['verify', id], { KEYTURN_TOKEN: omar });
}

/** How a denial reaches an approved request before it is claimed. */
const WAYS: readonly (readonly [string, (caller: Caller, denial: string) => Promise<unknown>])[] = [
  ['as a later signal', (caller, denial) => consume(caller, 2, denial)],
  ['kept by the API, and found by the claim', keep],
  [
    'kept by the API, and found by housekeeping',
    async (caller, denial) => {
      await keep(caller, denial);
      await consumeAllKept(dependencies, 'default');
    },
  ],
  [
    'kept by the API, and found by a step in between',
    async (caller, denial) => {
      await keep(caller, denial);
      await consume(caller, 2);
    },
  ],
];

describe('a denial that was signed before the approval, and handed on after it', () => {
  it.each(WAYS)('ends the request: %s', async (_way, reach) => {
    const caller = await pending();
    const denial = await desk.decision(caller.id, 'olga', { verdict: 'deny' });
    await consume(caller, 1, await desk.decision(caller.id, 'dmitri'));
    expect(await desk.row(caller.id)).toMatchObject({ status: 'approved' });
    await reach(caller, denial);
    expect(await execute(caller)).toEqual({ kind: 'closed', status: 'denied' });
    expect(await desk.row(caller.id)).toMatchObject({ status: 'denied', denied_by: 'person' });
    expect(await courseOf(stack, caller.id)).not.toContain('execution.claimed');
    expect(target.effects).not.toContain(caller.id);
    expect(await verify(caller)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('All checks hold.'),
    });
  });

  it('ends it in the same batch as well', async () => {
    const caller = await pending();
    const [denial, approval] = [
      await desk.decision(caller.id, 'olga', { verdict: 'deny' }),
      await desk.decision(caller.id, 'dmitri'),
    ];
    await consume(caller, 1, approval, denial);
    expect(await desk.row(caller.id)).toMatchObject({ status: 'denied', denied_by: 'person' });
  });

  it('comes too late after the claim, and that is found by verify', async () => {
    const caller = await pending();
    const denial = await desk.decision(caller.id, 'olga', { verdict: 'deny' });
    const signedMs = Date.now();
    // Of the same millisecond nobody can say which was first.
    const isLater = (): true | undefined => (Date.now() > signedMs ? true : undefined);
    await waitFor({ what: 'the clock to go on', check: () => Promise.resolve(isLater()) });
    await consume(caller, 1, await desk.decision(caller.id, 'dmitri'));
    expect(await execute(caller)).toEqual({ kind: 'closed', status: 'succeeded' });
    await keep(caller, denial);
    await consumeAllKept(dependencies, 'default');
    const { code, stdout } = await verify(caller);
    expect([code, stdout]).toEqual([
      expect.any(Number),
      expect.stringContaining('refuses a denial that was signed before the request was approved'),
    ]);
    expect(code).not.toBe(0);
  });
});

describe('a denial through the API of what is approved', () => {
  async function deny({ id }: Caller, name: string): Promise<Reply> {
    const body = { decision_digest: (await desk.row(id))['decision_digest'], verdict: 'deny' };
    const token = await stack.issuer.humanToken(name);
    return stack.http({ path: `/v1/requests/${id}/decisions`, token, body });
  }

  async function approved(): Promise<Caller> {
    const caller = await pending();
    await consume(caller, 1, await desk.decision(caller.id, 'dmitri'));
    expect(await desk.row(caller.id)).toMatchObject({ status: 'approved' });
    return caller;
  }

  it.each([
    ['in time', 'expires_at = expires_at'],
    ['held beyond its expiry', `expires_at = clock_timestamp() - interval '1 second'`],
  ])('is taken, and stops it: %s', async (_what, assignment) => {
    const caller = await approved();
    await stack.keyturnDb.query(`update keyturn.request set ${assignment} where id = $1`, [caller.id]);
    expect(await deny(caller, 'olga')).toMatchObject({ status: 202 });
    await consumeAllKept(dependencies, 'default');
    expect(await desk.row(caller.id)).toMatchObject({ status: 'denied' });
    // The claim counts the decisions again, whatever the row says.
    await stack.keyturnDb.query(`begin; alter table keyturn.request disable trigger request_outcome;
      update keyturn.request set status = 'approved' where id = '${caller.id}';
      alter table keyturn.request enable always trigger request_outcome; commit`);
    expect(await execute(caller)).not.toMatchObject({ status: 'succeeded' });
    expect(target.effects).not.toContain(caller.id);
  });

  it('is taken from who approved it', async () => {
    const caller = await approved();
    expect(await deny(caller, 'dmitri')).toMatchObject({ status: 202 });
    expect(await execute(caller)).toEqual({ kind: 'closed', status: 'denied' });
    expect(target.effects).not.toContain(caller.id);
    expect(await verify(caller)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('All checks hold.'),
    });
  });

  it('is refused as the worker would, once it is executed', async () => {
    const caller = await approved();
    expect(await execute(caller)).toEqual({ kind: 'closed', status: 'succeeded' });
    expect(await deny(caller, 'olga')).toMatchObject({ status: 409, body: { code: 'request_not_pending' } });
  });
});

describe('what else reaches an approved request', () => {
  it.each([
    { what: 'a further approval', who: 'olga', verdict: 'approve', code: 'request_not_pending' },
    { what: 'a denial of somebody who is not asked', who: 'omar', verdict: 'deny', code: 'not_eligible' },
  ] as const)('changes nothing: $what', async ({ who, verdict, code }) => {
    const caller = await pending();
    await consume(caller, 1, await desk.decision(caller.id, 'dmitri'));
    await consume(caller, 2, await desk.decision(caller.id, who, { verdict }));
    expect(await desk.row(caller.id)).toMatchObject({ status: 'approved' });
    expect(await verdictsOf(stack, caller.id)).toEqual(['dmitri: approve', expect.stringContaining(code)]);
  });
});
