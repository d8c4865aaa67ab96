import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { DecisionAnswer } from '../../contract/decisions.ts';
import type { RequestView } from '../../contract/requests.ts';
import { startStack, type Stack } from '../stack/stack.ts';
import type { Reply } from '../stack/http.ts';
import { waitForLeaves } from '../workflows/facts.ts';
import { startLocalWorker, type LocalWorker } from '../workflows/local-worker.ts';
import { Desk, randomId } from '../workflows/signed.ts';

let stack: Stack;
let desk: Desk;
let worker: LocalWorker;

beforeAll(async () => {
  stack = await startStack({ apis: 1, workers: 0 });
  worker = await startLocalWorker(stack);
  desk = await Desk.open(stack);
});

afterAll(async () => {
  await worker.stop();
  await stack.stop();
});

interface Said {
  readonly verdict?: string;
  readonly takes_back?: string;
  readonly key?: string;
  readonly defer?: object;
}

async function decide<T = DecisionAnswer>(
  id: string,
  name: string,
  { key = randomUUID(), ...said }: Said = {},
): Promise<Reply<T>> {
  const { decision_digest } = await desk.row(id);
  return stack.http<T>({
    path: `/v1/requests/${id}/decisions`,
    token: await stack.issuer.humanToken(name),
    headers: { 'idempotency-key': key },
    body: { decision_digest, verdict: 'approve', ...said },
  });
}

async function approve(id: string, name: string): Promise<string> {
  const { status, body } = await decide(id, name);
  expect(status).toBe(200);
  return body.decision.id;
}

async function inboxOf(name: string): Promise<readonly string[]> {
  const token = await stack.issuer.humanToken(name);
  const { body } = await stack.http<{ items: { id: string }[] }>({ path: '/v1/inbox', token });
  return body.items.map(({ id }) => id);
}

function pendingOfTwo(): Promise<string> {
  return desk.ask({ target: 'shop-two-people' });
}

/** Approved by Olga, and not to start for a long time. */
async function held(): Promise<{ readonly id: string; readonly approval: string }> {
  const not_before = new Date(Date.now() + 3_600_000).toISOString();
  const id = await desk.ask({ extra: { start: { not_before, not_after: null } } });
  const approval = await approve(id, 'olga');
  await waitForLeaves(stack, id, { type: 'request.held' });
  return { id, approval };
}

async function keyturn(name: string, ...args: string[]) {
  return stack.cli(args, { KEYTURN_TOKEN: await stack.issuer.humanToken(name) });
}

describe('an approval that is taken back', () => {
  it('is asked for again, of the same person as well', async () => {
    const id = await pendingOfTwo();
    const approval = await approve(id, 'olga');
    expect(await inboxOf('olga')).not.toContain(id);
    const taken = await decide(id, 'olga', { verdict: 'take_back', takes_back: approval });
    expect([taken.status, taken.body.request.status]).toEqual([200, 'pending']);
    expect(taken.body.decision).toMatchObject({
      verdict: 'take_back',
      takes_back: approval,
      outcome: 'counted',
    });
    const [first, second] = taken.body.request.decisions ?? [];
    expect(first).toMatchObject({ id: approval, taken_back_by: second?.id });
    expect(await inboxOf('olga')).toContain(id);
    await approve(id, 'dmitri');
    expect((await desk.row(id))['status']).toBe('pending');
    await approve(id, 'olga');
    await stack.waitForStatus(id, 'succeeded');
  });

  it('is taken back once by the same key, and a key is for one approval', async () => {
    const id = await pendingOfTwo();
    const said = { verdict: 'take_back', takes_back: await approve(id, 'olga'), key: randomUUID() };
    const first = await decide(id, 'olga', said);
    const second = await decide(id, 'olga', said);
    expect([first.status, second.status]).toEqual([200, 200]);
    expect(second.body.decision).toEqual(first.body.decision);
    const other = await decide<{ code: string }>(id, 'olga', { ...said, takes_back: randomId('dec') });
    expect([other.status, other.body.code]).toEqual([422, 'idempotency_key_reused']);
  });

  it('sends what is held back to planning, and a person of the terminal is told so', async () => {
    const { id, approval } = await held();
    const reply = await decide(id, 'olga', { verdict: 'take_back', takes_back: approval });
    expect(reply.status).toBe(200);
    expect(await stack.waitForStatus(id, 'pending')).toMatchObject({ round: 2 });
    const { stdout } = await keyturn('olga', 'show', id);
    expect(stdout).toMatch(/approve .*, taken back/);
    expect(stdout).toContain('An approval was taken back: all are asked again.');
    expect(stdout).toMatch(/Took their approval back\./);
    expect(worker.target.effects).not.toContain(id);
    expect(await keyturn('omar', 'verify', id)).toMatchObject({ code: 0 });
  });
});

interface Refusal {
  readonly what: string;
  readonly by?: string;
  readonly said?: Said;
  readonly status: number;
  readonly code: string;
}

const REFUSALS: readonly Refusal[] = [
  { what: 'of somebody else', by: 'dmitri', status: 403, code: 'not_your_decision' },
  { what: 'that nobody gave', said: { takes_back: randomId('dec') }, status: 422, code: 'unknown_decision' },
  { what: 'with another verdict', said: { verdict: 'deny' }, status: 422, code: 'take_back_invalid' },
];

describe('taking an approval back', () => {
  it.each(REFUSALS)('is refused: $what', async ({ by = 'olga', said, status, code }) => {
    const id = await pendingOfTwo();
    const takes_back = await approve(id, 'olga');
    const reply = await decide<{ code: string }>(id, by, { verdict: 'take_back', takes_back, ...said });
    expect([reply.status, reply.body.code]).toEqual([status, code]);
    expect(reply.body).toHaveProperty('detail');
    const [entry] = await waitForLeaves(stack, id, { type: 'decision.attempt_refused' });
    expect(entry?.facts).toMatchObject({ code, verdict: said?.verdict ?? 'take_back' });
  });

  it('names one, which is no deferral, and was not taken back before', async () => {
    const id = await pendingOfTwo();
    const until = new Date(Date.now() + 3_600_000).toISOString();
    const deferred = (await decide(id, 'dmitri', { verdict: 'defer', defer: { until } })).body.decision.id;
    const approval = await approve(id, 'olga');
    await decide(id, 'olga', { verdict: 'take_back', takes_back: approval });
    const codes = [
      await decide<{ code: string }>(id, 'olga', { verdict: 'take_back' }),
      await decide<{ code: string }>(id, 'dmitri', { verdict: 'take_back', takes_back: deferred }),
      await decide<{ code: string }>(id, 'olga', { verdict: 'take_back', takes_back: approval }),
    ].map(({ body: { code } }) => code);
    expect(codes).toEqual(['take_back_invalid', 'take_back_invalid', 'already_taken_back']);
    const view = await stack.http<RequestView>({
      path: `/v1/requests/${id}`,
      token: await stack.issuer.humanToken('omar'),
    });
    expect(view.body.status).toBe('pending');
  });

  it('is too late once the action is claimed: 409, and nothing is stopped', async () => {
    const { id, approval } = await held();
    await stack.keyturnDb.query(`update keyturn.request set status = 'executing' where id = $1`, [id]);
    const reply = await decide<{ code: string }>(id, 'olga', {
      verdict: 'take_back',
      takes_back: approval,
    });
    expect([reply.status, reply.body.code]).toEqual([409, 'request_executing']);
  });
});
