import { afterEach, expect, it } from 'vitest';

import { KeyturnClient } from '../../sdk/client.ts';
import { guard, type GuardedAction, type GuardOptions } from '../../sdk/guard.ts';
import type { RequestView } from '../../contract/requests.ts';
import { problem, startServer, type AnsweringServer, type Reply } from './server.ts';
import { requestView } from './view.ts';

let server: AnsweringServer | undefined;
afterEach(async () => {
  await server?.stop();
  server = undefined;
});

const ACTION = { action: 'deploy.release', target: 'checkout', arguments: { version: '1' } };

function answered(change: object = {}, result: object | null = {}): RequestView {
  const valid = { decision: 'allowed', performed_by_keyturn: false, valid_until: '2999-01-01T00:00:00.000Z' };
  return {
    ...requestView(),
    action: ACTION.action,
    target: ACTION.target,
    mode: 'gate',
    status: 'succeeded',
    result: result && { ...valid, ...result },
    ...change,
  } as RequestView;
}

/** Guards a function that says that it ran, and calls it once. */
async function callGuarded(
  answer: (index: number) => Reply,
  action: () => GuardedAction = () => ACTION,
  more: Pick<GuardOptions<[]>, 'idempotencyKey' | 'signal'> = {},
) {
  server = await startServer((_call, index) => answer(index));
  const ran: string[] = [];
  const client = new KeyturnClient({ baseUrl: server.url, token: 't', attemptsMax: 1 });
  const call = guard({ client, action, timeoutMs: 50, ...more }, () => ran.push('ran'));
  return {
    outcome: await call().then(
      () => 'returned',
      (error: Error) => error,
    ),
    ran,
  };
}

it('runs the function once an answer entitles to exactly that call', async () => {
  const { outcome, ran } = await callGuarded(() => ({ status: 201, body: answered() }));
  expect([outcome, ran]).toEqual(['returned', ['ran']]);
  expect(JSON.parse(server?.received[0]?.body ?? '')).toEqual({ ...ACTION, mode: 'gate' });
});

it.each([
  ['over', answered({}, { valid_until: '2020-01-01T00:00:00.000Z' })],
  ['without an end', answered({}, { valid_until: null })],
  ['with an end that is no instant', answered({}, { valid_until: 'soon' })],
  ['another decision', answered({}, { decision: 'denied' })],
  ['already executed', answered({}, { performed_by_keyturn: true })],
  ['no answer at all', answered({}, null)],
  ['about another target', answered({ target: 'elsewhere' })],
  ['about another action', answered({ action: 'deploy.delete' })],
  ['of another mode', answered({ mode: 'execute' })],
  ['for a break-glass request', answered({ is_break_glass: true })],
])('never runs on an answer that is %s', async (_name, body) => {
  const { outcome, ran } = await callGuarded(() => ({ status: 201, body }));
  expect(outcome).toMatchObject({ name: 'KeyturnRefusal', reason: 'invalid' });
  expect(ran).toEqual([]);
});

it.each([
  ['the person it names', { subject: 'olga' }, ['ran']],
  ['its own account', { subject: 'agent' }, ['ran']],
  ['somebody else', { subject: 'dmitri' }, []],
  ['a namesake at another issuer', { subject: 'olga', issuer: 'https://other.example' }, []],
])(
  'runs by an answer to the request for olga only for those behind it: %s',
  async (_who, named, expected) => {
    const action = () => ({ ...ACTION, on_behalf_of: named });
    const { ran } = await callGuarded(() => ({ status: 201, body: answered() }), action);
    expect(ran).toEqual(expected);
  },
);

it.each(['denied', 'expired', 'cancelled', 'failed', 'indeterminate'])(
  'never runs when it was %s',
  async (status) => {
    const { outcome, ran } = await callGuarded(() => ({ status: 200, body: answered({ status }) }));
    expect(outcome).toMatchObject({ name: 'KeyturnRefusal', reason: status });
    expect(ran).toEqual([]);
  },
);

it.each([
  [
    { denied_by: 'policy', matched_rules: [{ id: 'frozen', because: 'No deploys on Fridays' }] },
    'denied by policy, by the rule frozen (No deploys on Fridays)',
  ],
  [{ denied_by: 'policy', matched_rules: null }, 'denied by policy'],
  [
    { denied_by: 'policy', matched_rules: [{ id: 'asks', because: null, effect: 'review' }] },
    'denied by policy',
  ],
  [{ denied_by: 'policy', failure: { code: 'switched_off' } }, 'denied by a kill switch'],
  [{ denied_by: 'person' }, 'denied by a person'],
])('says why it was denied: %j', async (change, cause) => {
  const body = answered({ status: 'denied', ...change });
  const { outcome } = await callGuarded(() => ({ status: 200, body }));
  expect((outcome as Error).message).toBe(
    `Keyturn did not allow deploy.release on checkout: ${cause} (${body.id}).`,
  );
});

it('never runs when the time is up before anybody decided', async () => {
  const { outcome, ran } = await callGuarded(() => ({ status: 201, body: answered({ status: 'pending' }) }));
  expect(outcome).toMatchObject({ name: 'KeyturnRefusal', reason: 'undecided' });
  expect(ran).toEqual([]);
  // Nobody is asked any more about what will not happen.
  expect(server?.received.at(-1)).toMatchObject({
    method: 'POST',
    path: `/v1/requests/${requestView().id}/withdraw`,
  });
});

it('withdraws its request when waiting for it fails', async () => {
  const { outcome } = await callGuarded((index) =>
    index === 0 ? { status: 201, body: answered({ status: 'pending' }) } : problem(401, 'unauthenticated'),
  );
  expect(outcome).toMatchObject({ code: 'unauthenticated' });
  expect(server?.received.at(-1)?.path).toBe(`/v1/requests/${requestView().id}/withdraw`);
});

it.each([
  ['the time is up', () => ({ status: 200, body: answered({ status: 'pending' }) }), 'undecided'],
  ['waiting fails', () => problem(401, 'unauthenticated'), undefined],
])('goes on with the request of a key it was given after %s', async (_why, then, reason) => {
  const idempotencyKey = () => 'run-7';
  const first = { status: 201, body: answered({ status: 'pending' }) };
  const ended = await callGuarded((index) => (index === 0 ? first : then()), undefined, { idempotencyKey });
  expect((ended.outcome as { reason?: string }).reason).toBe(reason);
  expect(server?.received.filter(({ path }) => path.endsWith('/withdraw'))).toEqual([]);
  await server?.stop();
  const again = await callGuarded(() => ({ status: 200, body: answered() }), undefined, { idempotencyKey });
  expect([again.outcome, again.ran]).toEqual(['returned', ['ran']]);
});

it.each([
  ['a refusal', () => problem(422, 'arguments_invalid')],
  ['an outage', () => problem(503, 'unavailable')],
  ['a page of a proxy', () => ({ status: 200, body: 'hello' })],
])('never runs after %s', async (_name, answer) => {
  const { outcome, ran } = await callGuarded(answer);
  expect(outcome).toBeInstanceOf(Error);
  expect(ran).toEqual([]);
});

it('never runs with parameters that changed while people decided', async () => {
  let version = 0;
  const action = () => ({ ...ACTION, arguments: { version: String((version += 1)) } });
  const { outcome, ran } = await callGuarded(() => ({ status: 201, body: answered() }), action);
  expect(outcome).toMatchObject({ name: 'KeyturnRefusal', reason: 'invalid' });
  expect(ran).toEqual([]);
});
