import http from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';

import { policyDigest } from '../../domain/policy/policy.ts';
import { waitFor } from '../stack/wait.ts';
import { activate, startApi, type TestApi } from './api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(async () => {
  await api.stop();
});

/** A call whose caller has passed the guard, and whose body is still to come. */
async function halfSent(path: string, token: string, body: string): Promise<() => Promise<unknown>> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
  const length = Buffer.byteLength(body);
  const request = http.request(`${api.url}${path}`, {
    method: 'POST',
    headers: { ...headers, 'content-length': length },
  });
  const answered = new Promise<http.IncomingMessage>((resolve, reject) => {
    request.once('response', resolve);
    request.once('error', reject);
  });
  const looked = vi.spyOn(api.context.snapshots, 'now');
  request.flushHeaders();
  await waitFor({
    what: 'the guard',
    check: async () => looked.mock.settledResults.find(({ type }) => type === 'fulfilled'),
  });
  looked.mockRestore();
  return async () => {
    request.end(body);
    return JSON.parse(await text(await answered));
  };
}

it('one who is deactivated while the body of a call is on its way does nothing by that call', async () => {
  const token = await api.issuer.humanToken('olga');
  const body = JSON.stringify({ scope: { kind: 'all', value: null }, reason: 'because' });
  const send = await halfSent('/v1/switches', token, body);
  const passedMs = performance.now();
  const people = api.policy.directory.people.map((person) =>
    person.id === 'olga' ? { ...person, active: false } : person,
  );
  const policy = { ...api.policy, directory: { ...api.policy.directory, people } };
  await activate(api.databases, policy, policyDigest(policy));
  await waitFor({
    what: 'a body that is slow',
    check: async () => (performance.now() - passedMs > 1_000 ? true : undefined),
  });
  expect(await send()).toMatchObject({ code: 'reviewer_inactive' });
});
