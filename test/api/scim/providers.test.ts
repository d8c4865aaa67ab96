import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { leafHash, type Leaf } from '../../../domain/audit/leaf.ts';
import { startApi, type TestApi } from '../api.ts';
import {
  ENTRA,
  GROUP,
  OKTA,
  provider,
  provisionedMembers,
  provisionedPerson,
  USER,
  writeScim,
  type List,
  type Provider,
} from './provisioning.ts';

let api: TestApi;
let okta: Provider;
let entra: Provider;

beforeAll(async () => {
  api = await startApi({}, (issuer) => writeScim('providers', issuer));
  okta = provider(api);
  entra = provider(api, ENTRA);
});
afterAll(async () => {
  await api.stop();
});

const personOf = (subject: string) => provisionedPerson(api, subject);
const membersOf = (group: string) => provisionedMembers(api, group);

async function changes(): Promise<Leaf[]> {
  const { rows } = await api.db.query<{ leaf: string }>(
    `select leaf from audit.entry where request = 'directory' order by n`,
  );
  rows.forEach((row, index) => {
    const leaf = JSON.parse(row.leaf) as Leaf;
    expect(leaf.n).toBe(index);
    expect(leaf.prev).toBe(index === 0 ? null : leafHash(rows[index - 1]?.leaf ?? ''));
  });
  return rows.map((row) => JSON.parse(row.leaf) as Leaf);
}

it('Okta provisions, changes, deactivates and reactivates a user as it is known to', async () => {
  expect((await okta.find('Users', 'userName eq "isa@example.com"')).totalResults).toBe(0);
  const created = await okta.call('Users', {
    body: {
      schemas: [USER],
      userName: 'isa@example.com',
      name: { givenName: 'Isa', familyName: 'Okta' },
      emails: [{ primary: true, value: 'isa@example.com', type: 'work' }],
      displayName: 'Isa Okta',
      locale: 'en-US',
      externalId: 'isa',
      groups: [],
      password: 'never kept',
      active: true,
    },
  });
  expect(created.status).toBe(201);
  expect(created.headers.get('content-type')).toContain('application/scim+json');
  expect(created.headers.get('location')).toBe(`http://127.0.0.1:7080/scim/v2/Users/${created.body.id}`);
  expect(created.body).toMatchObject({ userName: 'isa@example.com', active: true, externalId: 'isa' });
  expect(await personOf('isa')).toMatchObject({ name: 'Isa Okta', active: true });
  const resource = `Users/${created.body.id}`;
  expect((await okta.find('Users', 'userName eq "ISA@example.com"')).Resources).toHaveLength(1);
  const { body: stored } = await okta.call(resource);
  await okta.call(resource, { method: 'PUT', body: { ...stored, displayName: 'Isa Other', active: true } });
  expect(await personOf('isa')).toMatchObject({ name: 'Isa Other' });
  await okta.patch(resource, [{ op: 'replace', value: { active: false } }]);
  expect(await personOf('isa')).toMatchObject({ active: false });
  await okta.patch(resource, [{ op: 'replace', value: { active: true } }]);
  expect(await personOf('isa')).toMatchObject({ active: true });
  const { rows } = await api.db.query(
    `select 1 from keyturn.scim_user where scim_user::text like '%never kept%'`,
  );
  expect(rows).toEqual([]);
});

it('Okta fills and empties a group as it is known to', async () => {
  const [first, second] = [await okta.addUser('olaf'), await okta.addUser('oona')];
  const group = await okta.addGroup('Okta Reviewers', [first]);
  expect(await membersOf('okta-reviewers')).toHaveLength(1);
  const resource = `Groups/${group}`;
  const added = await okta.patch(resource, [
    { op: 'add', path: 'members', value: [{ value: second, display: 'oona' }] },
  ]);
  expect(added.status).toBe(204);
  const filled = await okta.call(resource);
  expect(filled.body.members?.map((member) => member.value).sort()).toEqual([first, second].sort());
  await okta.patch(resource, [{ op: 'remove', path: `members[value eq "${first}"]` }]);
  expect(await membersOf('okta-reviewers')).toEqual([(await personOf('oona'))?.id]);
  await okta.patch(resource, [{ op: 'replace', value: { id: group, displayName: 'Renamed' } }]);
  expect((await okta.call(resource)).body).toMatchObject({ displayName: 'Renamed' });
  // Rules ask for it by the name it was made with.
  expect(await membersOf('okta-reviewers')).toHaveLength(1);
  await okta.call(resource, {
    method: 'PUT',
    body: { schemas: [GROUP], displayName: 'Renamed', members: [{ value: first }] },
  });
  expect(await membersOf('okta-reviewers')).toEqual([(await personOf('olaf'))?.id]);
  expect((await okta.call(resource, { method: 'DELETE' })).status).toBe(204);
  expect(await membersOf('okta-reviewers')).toEqual([]);
  expect((await okta.call(resource)).status).toBe(404);
});

it('Entra provisions, changes and deactivates as it is known to: flags as texts, operations in capitals', async () => {
  expect((await entra.find('Users', 'externalId eq "ebba"')).totalResults).toBe(0);
  const user = await entra.addUser('ebba', {
    schemas: [USER, 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'],
    'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User': { department: 'Data' },
    active: 'True',
    meta: { resourceType: 'User' },
    roles: [],
  });
  const resource = `Users/${user}`;
  const changed = await entra.patch(resource, [
    { op: 'Replace', path: 'displayName', value: 'Ebba Entra' },
    { op: 'Add', path: 'name.givenName', value: 'Ebba' },
    { op: 'Replace', path: 'emails[type eq "work"].value', value: 'ebba@example.com' },
    {
      op: 'Add',
      path: 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department',
      value: 'Ops',
    },
  ]);
  expect(changed).toMatchObject({
    status: 200,
    body: { displayName: 'Ebba Entra', name: { givenName: 'Ebba' } },
  });
  expect(
    (await entra.patch(resource, [{ op: 'Replace', path: 'active', value: 'False' }])).body['active'],
  ).toBe(false);
  expect(await personOf('ebba')).toMatchObject({ active: false });
  expect(
    (await entra.patch(resource, [{ op: 'Replace', value: { active: 'True', 'name.familyName': 'E' } }]))
      .status,
  ).toBe(200);
  expect(await personOf('ebba')).toMatchObject({ active: true });
  const group = await entra.addGroup('entra-admins');
  const inGroup = `Groups/${group}`;
  await entra.patch(inGroup, [{ op: 'Add', path: 'members', value: [{ value: user }] }]);
  expect(await membersOf('entra-admins')).toHaveLength(1);
  const listed = await entra.call(`${inGroup}?excludedAttributes=members`);
  expect(listed.body).not.toHaveProperty('members');
  expect((await entra.find('Groups', `id eq "${group}" and members eq "${user}"`)).totalResults).toBe(1);
  await entra.patch(inGroup, [{ op: 'Remove', path: 'members', value: [{ value: user }] }]);
  expect(await membersOf('entra-admins')).toEqual([]);
  await entra.patch(inGroup, [{ op: 'Add', path: `members[value eq "${user}"]`, value: {} }]);
  expect(await membersOf('entra-admins')).toHaveLength(1);
  expect((await entra.call(resource, { method: 'DELETE' })).status).toBe(204);
  expect(await personOf('ebba')).toMatchObject({ active: false });
  expect(await membersOf('entra-admins')).toEqual([]);
});

it('groups nest, and what is nested counts', async () => {
  const inner = await okta.addGroup('inner', [await okta.addUser('nina')]);
  await okta.addGroup('outer', [inner]);
  const { directory } = await api.context.directories.now(api.context.source.manager);
  expect(directory.groups.find((one) => one.id === 'outer')).toEqual({
    id: 'outer',
    members: [],
    groups: ['inner'],
  });
  const [outer] = (await okta.find('Groups', `members.value eq "${inner}"`)).Resources;
  expect(outer?.members).toMatchObject([{ value: inner, type: 'Group' }]);
});

it('a user that came back after DELETE is the same person', async () => {
  const gone = await okta.addUser('rehired');
  const before = await personOf('rehired');
  await okta.call(`Users/${gone}`, { method: 'DELETE' });
  expect((await okta.find('Users', 'externalId eq "rehired"')).totalResults).toBe(0);
  expect(await okta.addUser('rehired')).not.toBe(gone);
  expect(await personOf('rehired')).toEqual(before);
});

describe('an authority', () => {
  it('sees and changes nothing of another one', async () => {
    const user = await okta.addUser('only-okta');
    const group = await okta.addGroup('only-okta', [user]);
    for (const resource of [`Users/${user}`, `Groups/${group}`]) {
      expect((await entra.call(resource)).status).toBe(404);
      expect((await entra.call(resource, { method: 'DELETE' })).status).toBe(404);
      expect((await entra.patch(resource, [{ op: 'replace', value: { displayName: 'mine' } }])).status).toBe(
        404,
      );
    }
    expect((await entra.find('Users', 'userName sw "only-okta"')).totalResults).toBe(0);
    await entra.addGroup('only-entra', [await entra.addUser('only-entra')]);
    expect((await okta.find('Users', 'userName sw "only-entra"')).totalResults).toBe(0);
    for (const [one, group] of [
      [okta, 'only-entra'],
      [entra, 'only-okta'],
    ] as const)
      expect((await one.find('Groups', `displayName eq "${group}"`)).totalResults).toBe(0);
    const members = { schemas: [GROUP], displayName: 'stolen', members: [{ value: user }] };
    expect(await entra.call('Groups', { body: members })).toMatchObject({
      status: 400,
      body: { scimType: 'invalidValue' },
    });
    const same = { schemas: [GROUP], displayName: 'Only-Okta' };
    expect(await entra.call('Groups', { body: same })).toMatchObject({
      status: 409,
      body: { scimType: 'uniqueness' },
    });
    const ofFile = { schemas: [GROUP], displayName: 'dba' };
    expect(await okta.call('Groups', { body: ofFile })).toMatchObject({
      status: 409,
      body: { scimType: 'uniqueness' },
    });
  });

  it('links a person of the policy file by the account, may deactivate her, and cannot give her another account', async () => {
    const user = await okta.addUser('petra');
    expect(await personOf('petra')).toMatchObject({ id: 'petra', active: true });
    const moved = await okta.patch(`Users/${user}`, [
      { op: 'replace', path: 'externalId', value: 'mallory' },
    ]);
    expect(moved).toMatchObject({ status: 400, body: { scimType: 'mutability' } });
    expect(await personOf('mallory')).toBeUndefined();
    await okta.patch(`Users/${user}`, [{ op: 'replace', path: 'active', value: false }]);
    expect(await personOf('petra')).toMatchObject({ id: 'petra', active: false });
    await okta.patch(`Users/${user}`, [{ op: 'replace', path: 'active', value: true }]);
    expect(await personOf('petra')).toMatchObject({ id: 'petra', active: true });
  });

  it('cannot reactivate whom the policy file deactivated, nor take the account of an agent', async () => {
    await okta.addUser('ines');
    expect(await personOf('ines')).toMatchObject({ id: 'ines', active: false });
    const agent = { schemas: [USER], userName: 'robot', externalId: 'agent-billing' };
    expect(await okta.call('Users', { body: agent })).toMatchObject({
      status: 409,
      body: { scimType: 'uniqueness' },
    });
  });
});

describe('the audit log', () => {
  it('has one entry a change, in one chain, without a name', async () => {
    const count = (await changes()).length;
    const user = await okta.addUser('nameless', { displayName: 'Nobody Knows' });
    await okta.patch(`Users/${user}`, [{ op: 'replace', path: 'active', value: false }]);
    // Nothing new: nothing written.
    await okta.patch(`Users/${user}`, [{ op: 'replace', path: 'active', value: 'False' }]);
    const written = (await changes()).slice(count);
    expect(written.map((leaf) => leaf.facts)).toMatchObject([
      { operation: 'user.created', authority: 'scim:okta', active: true },
      { operation: 'user.changed', authority: 'scim:okta', active: false },
    ]);
    expect(JSON.stringify(written)).not.toMatch(/nameless|Nobody/);
  });

  it('gets no entry of a change that was refused, and no gap when many change at once', async () => {
    const count = (await changes()).length;
    await okta.call('Groups', { body: { schemas: [GROUP], displayName: 'dba' } });
    expect(await changes()).toHaveLength(count);
    const names = Array.from({ length: 12 }, (_, index) => `crowd-${index}`);
    await Promise.all(names.map((name) => okta.addUser(name)));
    expect(await changes()).toHaveLength(count + names.length);
  });

  it('takes entries of the API only where they belong, so that nobody can break or end the chain', async () => {
    await okta.addUser('chained');
    const chain = await changes();
    const { rows } = await api.db.query<{ leaf: string }>(
      `select leaf from audit.entry where request = 'directory' order by n desc limit 1`,
    );
    const n = chain.length;
    const good = {
      ...chain.at(-1),
      id: `directory/directory/change/${n}`,
      n,
      prev: leafHash(rows[0]?.leaf ?? ''),
    };
    const write = (leaf: object, name: string): Promise<unknown> => {
      const wanted = { id: name, group_id: name, display_name: name, is_deleted: false };
      return api.context.source.query('select keyturn.write_scim_group($1, $2, $3)', [
        'scim:okta',
        JSON.stringify({ ...wanted, added: [], removed: [] }),
        JSON.stringify(leaf),
      ]);
    };
    const facts = { operation: 'group.created' };
    for (const change of [
      { n: 2_147_483_647 },
      { n: String(n) },
      { at: good.at?.replace(/\d\d\.\d{3}Z$/, '60.000Z') },
      { id: `directory/directory/change/${n + 1}` },
      { prev: null },
      { id: `req_${'a'.repeat(26)}/run/execute/1` },
      { actor: { ...good.actor, kind: 'person' } },
      { facts },
      { type: 'request.approved' },
    ])
      await expect(write({ ...good, ...change }, 'forged'), JSON.stringify(change)).rejects.toThrow(
        /not the next entry/,
      );
    expect(await changes()).toHaveLength(n);
    await write(good, 'well-formed');
    expect(await changes()).toHaveLength(n + 1);
  });

  it('takes entries of the API only about what its function changed', async () => {
    const leaf = JSON.stringify({
      type: 'request.approved',
      stream: { request: 'directory', run: 'directory' },
      facts: {},
    });
    const wanted = JSON.stringify({
      id: 'x',
      person: 'scim:x',
      user_name: 'x',
      active: true,
      title: 'x',
      is_deleted: false,
    });
    await expect(
      api.context.source.query('select keyturn.write_scim_user($1, $2, $3)', ['scim:okta', wanted, leaf]),
    ).rejects.toThrow('not the next entry');
    await expect(
      api.context.source.query(`select keyturn.append_directory_leaf('scim:okta', '{}')`),
    ).rejects.toThrow('permission denied');
  });
});

it('answers what providers ask first', async () => {
  const config = await okta.call('ServiceProviderConfig');
  expect(config.body).toMatchObject({ patch: { supported: true }, bulk: { supported: false } });
  const types = await okta.call<List>('ResourceTypes');
  expect(types.body.Resources.map((type) => type.id)).toEqual(['User', 'Group']);
  expect((await okta.call(`Schemas/${encodeURIComponent(USER)}`)).body.id).toBe(USER);
  expect((await okta.call('ResourceTypes/Pet')).status).toBe(404);
});

describe('pages', () => {
  it('start at 1, keep within bounds, and hold each resource once', async () => {
    const all = await okta.call<List>('Users?count=200');
    const seen: string[] = [];
    for (let at = 1; at <= all.body.totalResults; at += 3) {
      const { body } = await okta.call<List>(`Users?startIndex=${at}&count=3`);
      seen.push(...body.Resources.map((user) => user.id));
    }
    expect(seen).toEqual(all.body.Resources.map((user) => user.id));
    const none = await okta.call<List>('Users?count=0');
    expect(none.body).toMatchObject({ totalResults: all.body.totalResults, itemsPerPage: 0 });
    expect((await okta.call<List>('Users?startIndex=-5&count=1')).body).toMatchObject({ startIndex: 1 });
    expect((await okta.call('Users?count=many')).body).toMatchObject({
      status: '400',
      scimType: 'invalidValue',
    });
  });
});

it('a group has a limit of members', async () => {
  const members = Array.from({ length: 2_600 }, (_, index) => ({ value: `${index}`.padStart(36, '0') }));
  const group = await okta.addGroup('limited');
  const some = (part: string): object => ({
    op: 'add',
    path: 'members',
    value: members.map(({ value }) => ({ value: `${part}${value.slice(1)}` })),
  });
  const reply = await okta.patch(`Groups/${group}`, [some('a'), some('b')]);
  expect(reply.status).toBe(413);
});

it('a token of another form opens nothing, and provisioning tokens neither ask nor decide', async () => {
  expect((await api.http({ path: '/scim/v2/Users' })).status).toBe(401);
  const wrong = await okta.call('Users', { token: `${OKTA}x` });
  expect([wrong.status, wrong.headers.get('www-authenticate')]).toEqual([
    401,
    'Bearer error="invalid_token"',
  ]);
  expect((await okta.call('Users', { token: `${OKTA}-new` })).status).toBe(200);
  expect((await okta.call('Users', { token: await api.issuer.humanToken('olga') })).status).toBe(401);
  for (const path of ['/v1/requests', `/v1/requests/req_${'a'.repeat(26)}/decisions`])
    expect((await api.http({ path, token: OKTA, body: {} })).status, path).toBe(401);
  expect((await api.create(OKTA)).status).toBe(401);
});
