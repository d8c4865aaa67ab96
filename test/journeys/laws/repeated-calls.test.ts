import { randomUUID } from 'node:crypto';
import fs from 'node:fs';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { DecisionAnswer } from '../../../contract/decisions.ts';
import type { RequestView } from '../../../contract/requests.ts';
import type { LiftAnswer, SwitchView } from '../../../contract/switches.ts';
import type { Reply } from '../../stack/http.ts';
import { waitFor } from '../../stack/wait.ts';
import { decisionsOf, openCast, refusal, stepsOf, type Cast } from './cast.ts';

let cast: Cast;
beforeAll(async () => {
  cast = await openCast();
});
afterAll(async () => {
  await cast.stack.stop();
});

interface Keyed {
  readonly token: string;
  readonly path: string;
  readonly body?: object;
  readonly key: string;
}

function send<T>({ token, path, body = {}, key }: Keyed): Promise<Reply<T>> {
  return cast.stack.http<T>({ token, path, body, headers: { 'idempotency-key': key } });
}

/** An operator's word on a kill switch, in a session. */
function agree<T>(token: string, { path, body, key }: Omit<Keyed, 'token'>): Promise<Reply<T>> {
  return cast.inSession<T>({ token, path, body: body ?? {}, headers: { 'idempotency-key': key } });
}

async function decisionOn(request: RequestView, token: string, more = {}): Promise<Keyed> {
  const { decision_digest } = await cast.show(cast.olga, request.id);
  const body = { decision_digest, verdict: 'approve', reason: 'looks right', ...more };
  return { token, path: `/v1/requests/${request.id}/decisions`, body, key: randomUUID() };
}

describe('the same decision again under its key', () => {
  it('answers the outcome of the first, also once the request is over, and counts once', async () => {
    const request = await cast.ask();
    const call = await decisionOn(request, cast.olga);
    const first = await send<DecisionAnswer>(call);
    await cast.stack.waitForStatus(request.id, 'succeeded');
    const again = await send<DecisionAnswer>(call);
    expect([first.status, again.status]).toEqual([200, 200]);
    expect(again.body.decision).toEqual(first.body.decision);
    expect(await decisionsOf(cast.stack, request.id)).toHaveLength(1);
    const steps = await stepsOf(cast.stack, request.id);
    expect(steps.filter((type) => type.startsWith('decision.'))).toEqual(['decision.counted']);
  });

  it('tells whether the first counted when nobody got its answer', async () => {
    const request = await cast.ask();
    const call = await decisionOn(request, cast.olga);
    const controller = new AbortController();
    const cut = fetch(`${cast.stack.apis[0]?.url}${call.path}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${call.token}`,
        'content-type': 'application/json',
        'idempotency-key': call.key,
      },
      body: JSON.stringify(call.body),
      signal: controller.signal,
    });
    cut.catch(() => undefined);
    await cast.stack.waitForStatus(request.id, ['approved', 'executing', 'succeeded']);
    controller.abort();
    const again = await send<DecisionAnswer>(call);
    expect([again.status, again.body.decision.outcome]).toEqual([200, 'counted']);
    expect(await decisionsOf(cast.stack, request.id)).toHaveLength(1);
  });

  it('is refused with a token that may not decide', async () => {
    const request = await cast.ask({ target: 'shop-two-people' });
    const call = await decisionOn(request, cast.olga);
    expect((await send<DecisionAnswer>(call)).status).toBe(200);
    const weak = await cast.stack.issuer.humanToken('olga', { scope: 'openid profile' });
    expect(refusal(await send({ ...call, token: weak }))).toEqual([403, 'machine_cannot_decide']);
  });

  it('made ten times at once is one decision', async () => {
    const request = await cast.ask({ target: 'shop-two-people' });
    const call = await decisionOn(request, cast.olga);
    const replies = await Promise.all(Array.from({ length: 10 }, () => send<DecisionAnswer>(call)));
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200]));
    expect(new Set(replies.map(({ body }) => body.decision.id)).size).toBe(1);
    expect(await decisionsOf(cast.stack, request.id)).toHaveLength(1);
    expect((await cast.stack.cli(['verify', request.id], { KEYTURN_TOKEN: cast.olga })).stdout).not.toMatch(
      /failed/,
    );
  });

  it.each([
    ['verdict', { verdict: 'deny' }],
    ['reason', { reason: 'another one' }],
    ['digest', { decision_digest: `sha256:${'0'.repeat(64)}` }],
  ])('is refused with another %s, and the first stays', async (_what, more) => {
    const request = await cast.ask({ target: 'shop-two-people' });
    const call = await decisionOn(request, cast.olga);
    await send(call);
    const other = await send({ ...call, body: { ...call.body, ...more } });
    expect(refusal(other)).toEqual([422, 'idempotency_key_reused']);
    const [only, ...more_] = await decisionsOf(cast.stack, request.id);
    expect([only?.verdict, more_]).toEqual(['approve', []]);
  });

  it('is another decision for another person, and for another request', async () => {
    const [one, two] = [
      await cast.ask({ target: 'shop-two-people' }),
      await cast.ask({ target: 'shop-two-people' }),
    ];
    const key = randomUUID();
    for (const [request, token] of [
      [one, cast.olga],
      [one, cast.dmitri],
      [two, cast.olga],
    ] as const)
      expect((await send({ ...(await decisionOn(request, token)), key })).status).toBe(200);
    expect(await decisionsOf(cast.stack, one.id)).toHaveLength(2);
    expect(await decisionsOf(cast.stack, two.id)).toHaveLength(1);
  });

  it('finds the refusal of the first, and is not evaluated anew', async () => {
    const request = await cast.ask();
    const call = await decisionOn(request, cast.olga);
    await send(call);
    await cast.stack.waitForStatus(request.id, 'succeeded');
    expect((await send({ ...call, key: randomUUID() })).status).toBe(409);
  });
});

describe('the same withdrawal again under its key', () => {
  it('answers as the first did, and leaves one entry', async () => {
    const request = await cast.ask();
    const call = {
      token: cast.agent,
      path: `/v1/requests/${request.id}/withdraw`,
      body: { reason: 'not needed' },
      key: randomUUID(),
    };
    const replies = await Promise.all([1, 2, 3].map(() => send<RequestView>(call)));
    replies.push(await send<RequestView>(call));
    for (const reply of replies) expect([reply.status, reply.body.status]).toEqual([200, 'cancelled']);
    const steps = await stepsOf(cast.stack, request.id);
    expect(steps.filter((type) => type.startsWith('request.withdraw'))).toEqual(['request.withdrawn']);
    const other = await send({ ...call, body: { reason: 'another' } });
    expect(refusal(other)).toEqual([422, 'idempotency_key_reused']);
    expect(refusal(await send({ ...call, key: randomUUID() }))).toEqual([409, 'request_finished']);
  });

  it('needs no body, and its empty fields may be null', async () => {
    const [one, two] = [await cast.ask(), await cast.ask()];
    const path = (id: string): string => `/v1/requests/${id}/withdraw`;
    const bare = await cast.stack.http({ method: 'POST', path: path(one.id), token: cast.agent });
    expect(bare).toMatchObject({ status: 200, body: { status: 'cancelled' } });
    const nulled = await cast.post<RequestView>(cast.agent, path(two.id), { reason: null });
    expect(nulled).toMatchObject({ status: 200, body: { status: 'cancelled' } });
  });
});

describe('the same word on a kill switch again under its key', () => {
  it('throws one switch, and lifts it by two people who both said it twice', async () => {
    const body = { scope: { kind: 'target', value: 'shop-strict' }, reason: 'a drill' };
    const call = { token: cast.olga, path: '/v1/switches', body, key: randomUUID() };
    const engaged = await Promise.all([1, 2, 3].map(() => send<SwitchView>(call)));
    expect(engaged.map(({ status }) => status)).toEqual([201, 201, 201]);
    const [id = '', ...others] = new Set(engaged.map((reply) => reply.body.id));
    expect(others).toEqual([]);
    const reworded = { ...call, body: { ...body, reason: 'for real' } };
    expect(refusal(await send(reworded))).toEqual([422, 'idempotency_key_reused']);

    const lift = { path: `/v1/switches/${id}/lift`, body: { reason: 'over' }, key: randomUUID() };
    const state = async (token: string): Promise<readonly [number, string]> => {
      const { status, body: answer } = await agree<LiftAnswer>(token, lift);
      return [status, answer.state];
    };
    expect(await state(cast.olga)).toEqual([202, 'one more person needed']);
    expect(await state(cast.olga)).toEqual([202, 'one more person needed']);
    const other = await agree(cast.olga, { ...lift, body: { reason: 'no' } });
    expect(refusal(other)).toEqual([422, 'idempotency_key_reused']);
    expect(await state(cast.petra)).toEqual([200, 'lifted']);
    expect(await state(cast.petra)).toEqual([200, 'lifted']);
    // It is off now: nobody may read that it is on.
    expect(refusal(await send(call))).toEqual([409, 'switch_lifted']);
    const { rows } = await cast.stack.keyturnDb.query<{ type: string }>(
      `select type from audit.entry where request = 'switches' and leaf like $1 order by id`,
      [`%${id}%`],
    );
    expect(rows.map(({ type }) => type)).toEqual([
      'switch.thrown',
      'switch.lift_confirmed',
      'switch.lift_confirmed',
      'switch.lifted',
    ]);
  });
});

it('a call is named by its caller in every line that is logged for it', async () => {
  const request = await cast.ask();
  const call = await decisionOn(request, cast.ada);
  const headers = { 'x-request-id': 'call-of-ada' };
  const { path, token, body } = call;
  const refused = await cast.stack.http<{ instance: string }>({ path, token, body, headers });
  expect(refused.status).toBe(403);
  const lines = await waitFor({
    what: 'the lines of the call',
    check: async () => {
      const log = fs.readFileSync(cast.stack.apis[0]?.logFile ?? '', 'utf8');
      const found = log.split('\n').filter((line) => line.includes('"request_id":"call-of-ada"'));
      return Promise.resolve(found.some((line) => line.includes('"answered"')) ? found : undefined);
    },
  });
  expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual([
    'an attempt to decide was refused',
    'answered',
  ]);
  expect(lines.at(-1)).toContain(refused.body.instance);
});
