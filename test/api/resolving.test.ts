import { afterAll, beforeAll, expect, it } from 'vitest';

import { policyDigest } from '../../domain/policy/policy.ts';
import { readStart } from '../../apps/api/requests/started.ts';
import { activate, startApi, type TestApi } from './api.ts';
import { storeRequest } from './rows.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(async () => {
  await api.stop();
});

async function resolve(name: string, request: string) {
  const body = { action: 'keyturn.resolve', target: 'keyturn', arguments: { request, outcome: 'succeeded' } };
  return api.create(await api.issuer.humanToken(name), body);
}

it('the outcome of an action is reported by nobody who was behind it then, whatever account they have by now', async () => {
  const { id } = await storeRequest(api, { status: 'indeterminate', onBehalfOf: 'olga' });
  const issuer = api.issuer.url;
  const people = api.policy.directory.people.map((person) =>
    person.id === 'olga' ? { ...person, accounts: [{ issuer, subject: 'olga.new' }] } : person,
  );
  const policy = { ...api.policy, directory: { ...api.policy.directory, people } };
  await activate(api.databases, policy, policyDigest(policy));
  expect(await resolve('olga.new', id)).toMatchObject({ status: 403, body: { code: 'self_approval' } });
  const resolution = await resolve('dmitri', id);
  expect(resolution.status).toBe(202);
  const started = await readStart(api.context, String(resolution.body['id']));
  // As an editor she cannot agree to it either.
  expect(started?.signed.lineage).toContainEqual({ issuer, subject: 'olga.new', role: 'editor' });
});

it('the outcome of an action is reported also where as many were behind it as can be', async () => {
  const { id } = await storeRequest(api, { status: 'indeterminate' });
  const others = Array.from({ length: 14 }, (_, index) => ({
    issuer: api.issuer.url,
    subject: `actor-${index}`,
    role: 'trigger',
  }));
  await api.db.query('update keyturn.request set lineage = lineage || $2 where id = $1', [
    id,
    JSON.stringify(others),
  ]);
  const resolution = await resolve('dmitri', id);
  expect(resolution.status).toBe(202);
  const started = await readStart(api.context, String(resolution.body['id']));
  expect(started?.signed.lineage.length).toBeGreaterThan(16);
});

it('whom only the caller named then is not proven by what is reported of it', async () => {
  const { id } = await storeRequest(api, { status: 'indeterminate' });
  const issuer = api.issuer.url;
  const named = { issuer, subject: 'petra', role: 'on_behalf_of', is_declared: true };
  const twice = { issuer, subject: 'omar', role: 'on_behalf_of', is_declared: true };
  const proven = { issuer, subject: 'omar', role: 'trigger' };
  await api.db.query('update keyturn.request set lineage = lineage || $2 where id = $1', [
    id,
    JSON.stringify([named, twice, proven]),
  ]);
  const resolution = await resolve('dmitri', id);
  expect(resolution.status).toBe(202);
  const started = await readStart(api.context, String(resolution.body['id']));
  const editors = started?.signed.lineage.filter(({ role }) => role === 'editor');
  expect(editors).toContainEqual({ issuer, subject: 'petra', role: 'editor', is_declared: true });
  expect(editors).toContainEqual({ issuer, subject: 'omar', role: 'editor' });
  expect(editors).not.toContainEqual({ issuer, subject: 'omar', role: 'editor', is_declared: true });
});
