import { afterAll, beforeAll, expect, it } from 'vitest';

import { policyDigest } from '../../../domain/policy/policy.ts';
import { activate, startApi, type TestApi } from '../api.ts';
import {
  GROUP,
  provider,
  provisionedMembers,
  provisionedPerson,
  USER,
  writeScim,
  type Provider,
} from './provisioning.ts';

let api: TestApi;
let okta: Provider;

beforeAll(async () => {
  api = await startApi({}, (issuer) => writeScim('people', issuer));
  okta = provider(api);
});
afterAll(async () => {
  await api.stop();
});

const personOf = (subject: string) => provisionedPerson(api, subject);
const membersOf = (group: string) => provisionedMembers(api, group);

it('a user that was deactivated stays so until somebody says otherwise', async () => {
  const user = await okta.addUser('silent', { active: false });
  const body = { schemas: [USER], userName: 'silent@example.com', externalId: 'silent', displayName: 'S' };
  const replaced = await okta.call(`Users/${user}`, { method: 'PUT', body });
  expect(replaced.body).toMatchObject({ displayName: 'S', active: false });
  expect(await personOf('silent')).toMatchObject({ name: 'S', active: false });
});

it('an account that was given up makes its next holder another person', async () => {
  const first = await okta.addUser('rotating');
  await okta.patch(`Users/${first}`, [{ op: 'replace', path: 'externalId', value: 'rotated' }]);
  expect(await personOf('rotating')).toBeUndefined();
  await okta.addUser('rotating-again', { externalId: 'rotating' });
  expect((await personOf('rotating'))?.id).not.toBe((await personOf('rotated'))?.id);
});

it('a group is emptied by removing its members without naming any', async () => {
  const user = await okta.addUser('removed');
  const group = await okta.addGroup('emptied', [user]);
  for (const operation of [
    { op: 'remove', path: 'members' },
    { op: 'Remove', path: 'members', value: null },
  ]) {
    await okta.patch(`Groups/${group}`, [{ op: 'add', path: 'members', value: [{ value: user }] }]);
    expect(await membersOf('emptied')).toHaveLength(1);
    await okta.patch(`Groups/${group}`, [operation]);
    expect(await membersOf('emptied'), JSON.stringify(operation)).toEqual([]);
  }
});

it('one who was taken away cannot be put into a group', async () => {
  const [user, group] = [await okta.addUser('taken-away'), await okta.addGroup('taken-away')];
  await okta.call(`Users/${user}`, { method: 'DELETE' });
  await okta.call(`Groups/${group}`, { method: 'DELETE' });
  for (const value of [user, group]) {
    const body = { schemas: [GROUP], displayName: 'of-the-gone', members: [{ value }] };
    expect(await okta.call('Groups', { body })).toMatchObject({
      status: 400,
      body: { scimType: 'invalidValue' },
    });
  }
});

it('what an authority takes away leaves groups alone that have passed to the policy file', async () => {
  const names = ['lent', 'around'];
  const lent = await Promise.all(names.map((name) => okta.addGroup(name)));
  await Promise.all(lent.map((group) => okta.call(`Groups/${group}`, { method: 'DELETE' })));
  const groups = [
    ...api.policy.directory.groups,
    { id: 'lent', members: ['dmitri'], groups: [] },
    { id: 'around', members: [], groups: ['still-okta'] },
    { id: 'still-okta', authority: 'scim:okta', members: [], groups: [] },
  ];
  const policy = { ...api.policy, directory: { ...api.policy.directory, groups } };
  await activate(api.databases, policy, policyDigest(policy));
  const user = await okta.addUser('dmitri');
  const group = await okta.addGroup('still-okta', [user]);
  await okta.call(`Users/${user}`, { method: 'DELETE' });
  await okta.call(`Groups/${group}`, { method: 'DELETE' });
  const { directory } = await api.context.directories.now(api.context.source.manager);
  expect(directory.groups.filter(({ id }) => id === 'lent' || id === 'around')).toEqual([
    { id: 'around', members: [], groups: ['still-okta'] },
    { id: 'lent', members: ['dmitri'], groups: [] },
  ]);
  await activate(api.databases, api.policy, api.policyDigest);
});

it('no group is renamed to what rules mean another group by, and a group keeps its id when it is renamed', async () => {
  const user = await okta.addUser('renamed-member');
  const meant = await okta.addGroup('Payment Owners', [user]);
  const other = await okta.addGroup('interns', [user]);
  const rename = (group: string, value: string) =>
    okta.call(`Groups/${group}`, {
      method: 'PATCH',
      body: {
        schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
        Operations: [{ op: 'replace', path: 'displayName', value }],
      },
    });
  for (const name of ['Payment Owners', 'payment owners', 'PAYMENT  OWNERS', 'dba'])
    expect(await rename(other, name), name).toMatchObject({ status: 409, body: { scimType: 'uniqueness' } });
  expect((await rename(meant, 'Former payment owners')).status).toBeLessThan(300);
  // The name stays with the id, whatever the group is called now.
  expect((await rename(other, 'payment-owners')).status).toBe(409);
  expect(await membersOf('payment-owners')).toHaveLength(1);
});
