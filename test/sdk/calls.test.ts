import { expect, it } from 'vitest';

import type { Operation } from '../../contract/operation.ts';
import { OPERATIONS } from '../../contract/operations.ts';
import { KeyturnClient } from '../../sdk/client.ts';
import { startServer } from './server.ts';
import { requestView } from './view.ts';

const SUBMISSION = { action: 'postgres.execute', target: 'shop', arguments: { statement: 'select 1' } };
const DECISION = { decision_digest: `sha256:${'2'.repeat(64)}`, verdict: 'approve' } as const;
const SCOPE = { kind: 'all', value: null } as const;

/** How each method of the client is called. A method that is not here fails the test. */
const CALLS: Readonly<Record<string, (client: KeyturnClient) => Promise<unknown>>> = {
  request: (client) => client.request(SUBMISSION),
  evaluate: (client) => client.evaluate(SUBMISSION),
  show: (client) => client.show('req_1', { waitSeconds: 1, version: 1 }),
  untilDecided: (client) => client.untilDecided('req_1', { timeoutMs: 0 }),
  untilFinished: (client) => client.untilFinished('req_1', { timeoutMs: 0 }),
  watch: (client) => client.watch('req_1', { timeoutMs: 0 }).next(),
  list: (client) =>
    client.list({
      q: 'shop',
      from: '2026-01-05T10:00:00Z',
      to: '2026-01-06T10:00:00Z',
      status: 'pending',
      action: 'a',
      target: 't',
      environment: 'e',
      risk: 'low',
      mine: true,
      limit: 1,
      cursor: 'c',
    }),
  inbox: (client) => client.inbox({ scope: 'groups', sort: 'deadline', q: 'shop', limit: 1, cursor: 'c' }),
  actions: (client) => client.actions(),
  targets: (client) => client.targets({ environment: 'e', action: 'a', limit: 1, cursor: 'c' }),
  me: (client) => client.me(),
  card: (client) => client.card('req_1'),
  timeline: (client) => client.timeline('req_1'),
  evidence: (client) => client.evidence('req_1'),
  auditStream: (client) => client.auditStream('policy', 'c'),
  decide: (client) => client.decide('req_1', DECISION),
  decideMany: (client) => client.decideMany([{ id: 'req_1', ...DECISION }]),
  withdraw: (client) => client.withdraw('req_1', 'why'),
  ask: (client) => client.ask('req_1', 'why?'),
  answer: (client) => client.answer('req_1', 'que_1', 'so'),
  policy: (client) => client.policy('sha256:1'),
  switches: (client) => client.switches(),
  throwSwitch: (client) => client.throwSwitch(SCOPE, 'why'),
  events: (client) => client.events({ request: `req_${'a'.repeat(26)}` }).next(),
};

/** Takes a whole policy: what it sends is tried where policies are proposed. */
const ELSEWHERE = ['proposePolicy'];

const operations = Object.entries<Operation>(OPERATIONS).map(([id, { method, path, ...rest }]) => ({
  id,
  pattern: new RegExp(`^${method} ${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`),
  ...rest,
}));

const methods = Object.getOwnPropertyNames(KeyturnClient.prototype).filter((name) => name !== 'constructor');

it('every method of the client is walked', () => {
  expect([...Object.keys(CALLS), ...ELSEWHERE].toSorted()).toEqual(methods.toSorted());
});

it.each(Object.entries(CALLS))('%s calls an operation, with what that one reads', async (_name, call) => {
  const change = { entry: 1, request: 'req_1', type: 'request.pending', at: '2026-01-05T10:00:00Z' };
  const event = `id: 1\nevent: request.changed\ndata: ${JSON.stringify(change)}\n\n`;
  const server = await startServer(({ path }) => ({
    status: 200,
    body: path.startsWith('/v1/events') ? event : requestView(),
  }));
  try {
    await call(new KeyturnClient({ baseUrl: server.url, token: 'token-1' }));
    const [received] = server.received;
    const url = new URL(received?.path ?? '', server.url);
    const called = `${received?.method.toLowerCase()} ${url.pathname}`;
    const operation = operations.find(({ pattern }) => pattern.test(called));
    expect(operation, called).toBeDefined();
    const { query, body } = operation ?? {};
    const sent = Object.fromEntries(url.searchParams);
    expect(query ? query.safeParse(sent).error : sent).toEqual(query ? undefined : {});
    if (body) expect(body.safeParse(JSON.parse(received?.body ?? '')).error).toBeUndefined();
  } finally {
    await server.stop();
  }
});
