import { afterAll, beforeAll, expect, it } from 'vitest';

import type { Problem } from '../../contract/problem.ts';
import type { Reply } from '../stack/http.ts';
import { startApi, type TestApi } from './api.ts';
import { storeRequest } from './rows.ts';
import { InSession } from './sign-in/in-session.ts';

let api: TestApi;
let sessions: InSession;
beforeAll(async () => {
  api = await startApi();
  sessions = new InSession(api);
});
afterAll(async () => {
  await api.stop();
});

const SWITCH = { scope: { kind: 'target', value: 'shop' }, reason: 'stop it' };

type Ask = (token: string) => Promise<Reply<Problem>>;

const engage: Ask = (token) => api.http<Problem>({ path: '/v1/switches', token, body: SWITCH });
const propose: Ask = (token) => api.http<Problem>({ path: '/v1/policies', token, body: { policy: {} } });

/** The same operator's word twice. */
const releaseTwice: Ask = async (token) => {
  const { body } = await api.http<{ id: string }>({ path: '/v1/switches', token, body: SWITCH });
  const path = `/v1/switches/${body.id}/lift`;
  await sessions.post(token, path, { reason: 'go on' });
  return sessions.post<Problem>(token, path, { reason: 'go on' });
};

const resolve: Ask = async (token) => {
  const { id } = await storeRequest(api, { status: 'indeterminate' });
  const args = { request: id, outcome: 'succeeded', reason: 'I saw it' };
  return api.create<Problem>(token, { action: 'keyturn.resolve', target: 'keyturn', arguments: args });
};

const agent = (): Promise<string> => api.issuer.agentToken('agent-billing');
const human = (subject: string) => (): Promise<string> => api.issuer.humanToken(subject);

const counted = async (delivery: string, code: string): Promise<number> => {
  const { values } = await api.context.metrics.refusedAttempts.get();
  return values.find(({ labels }) => labels.delivery === delivery && labels.code === code)?.value ?? 0;
};

it('a question about an outcome is refused alike, and is no attempt', async () => {
  const { id } = await storeRequest(api, { status: 'indeterminate' });
  const args = { request: id, outcome: 'succeeded', reason: 'I saw it' };
  const body = { action: 'keyturn.resolve', target: 'keyturn', mode: 'execute', arguments: args };
  const before = await counted('resolution', 'machine_cannot_decide');
  const evaluated = await api.http<Problem>({ path: '/v1/evaluate', token: await agent(), body });
  expect(evaluated.body.code).toBe('machine_cannot_decide');
  expect(await counted('resolution', 'machine_cannot_decide')).toBe(before);
});

it.each([
  ['a kill switch by an agent', 'switch', engage, agent, 'machine_cannot_decide'],
  ['a kill switch by somebody who operates nothing', 'switch', engage, human('ada'), 'forbidden'],
  ['the release of a switch by one person twice', 'switch', releaseTwice, human('olga'), 'already_decided'],
  ['a policy by an agent', 'proposal', propose, agent, 'machine_cannot_decide'],
  ['an outcome by an agent', 'resolution', resolve, agent, 'machine_cannot_decide'],
  ['an outcome by the owner of the agent', 'resolution', resolve, human('ada'), 'self_approval'],
] as const)('a refused attempt at %s is counted', async (...[, delivery, ask, token, code]) => {
  const before = await counted(delivery, code);
  expect((await ask(await token())).body.code).toBe(code);
  expect((await counted(delivery, code)) - before).toBe(1);
});
