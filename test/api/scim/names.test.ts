import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';

import { idFromName } from '../../../apps/api/scim/group-id.ts';
import { MEMBERS_MAX } from '../../../apps/api/scim/group-fields.ts';
import { policyDigest, type PolicySet } from '../../../domain/policy/policy.ts';
import { activate, startApi, type TestApi } from '../api.ts';
import {
  ENTRA,
  GROUP,
  provider,
  provisionedMembers,
  provisionedPerson,
  USER,
  writeScim,
  type Provider,
  type Resource,
} from './provisioning.ts';

const USER_EXTENSION = 'urn:ietf:params:scim:schemas:extension:keyturn:2.0:User';
const GROUP_EXTENSION = 'urn:ietf:params:scim:schemas:extension:keyturn:2.0:Group';
const BOUND = '00g1bound';

let api: TestApi;
let okta: Provider;
let entra: Provider;
let policy: PolicySet;

beforeAll(async () => {
  api = await startApi({}, (issuer) => writeScim('names', issuer));
  [okta, entra] = [provider(api), provider(api, ENTRA)];
  const groups = [
    ...api.policy.directory.groups,
    { id: 'payers', authority: 'scim:okta', external_id: BOUND, members: [], groups: [] },
    { id: 'b-ro', authority: 'scim:okta', members: [], groups: [] },
  ];
  policy = { ...api.policy, directory: { ...api.policy.directory, groups } };
  await activate(api.databases, policy, policyDigest(policy));
});
afterAll(async () => {
  await api.stop();
});
afterEach(() => {
  vi.restoreAllMocks();
});

function post(by: Provider, kind: 'Users' | 'Groups', fields: object) {
  return by.call(kind, { body: { schemas: [kind === 'Users' ? USER : GROUP], ...fields } });
}

const idOf = ({ body }: { readonly body: Resource }): unknown => body[GROUP_EXTENSION];

describe('the id by which rules ask for a group', () => {
  it.each([
    ['SQL admins', 'sql-admins'],
    ['DBA (prod)!', 'dba-prod'],
    ['SQL – “readers”', 'sql-readers'],
    ['データベース管理者', /^group-[0-9a-f]{12}$/],
    ['Администраторы БД', /^group-[0-9a-f]{12}$/],
    ['DBA 東京', /^dba-[0-9a-f]{12}$/],
    ['Bases de données', /^bases-de-donn-es-[0-9a-f]{12}$/],
    ['!!!', /^group-[0-9a-f]{12}$/],
    [`Everybody who ${'really '.repeat(20)}may`, /^everybody-who-[a-z-]{10,40}-[0-9a-f]{12}$/],
  ])('follows from any name, and the answer tells it: %s', async (displayName, id) => {
    const made = await post(okta, 'Groups', { displayName });
    expect([made.status, idOf(made)]).toEqual([
      201,
      { id: typeof id === 'string' ? id : (expect.stringMatching(id) as unknown) },
    ]);
    const shown = (idOf(made) as { id: string }).id;
    expect(shown).toMatch(/^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$/);
    expect(await provisionedMembers(api, shown)).toEqual([]);
    expect(idOf(await okta.call(`Groups/${made.body.id}`))).toEqual({ id: shown });
  });

  it('is another one for another name, and the same for one that is written in another form of Unicode', () => {
    expect(idFromName('東京')).not.toBe(idFromName('大阪'));
    expect(idFromName('Café'.normalize('NFD'))).not.toBe(idFromName('Cafe'));
    expect(idFromName('カフェ'.normalize('NFC'))).toBe(idFromName('カフェ'.normalize('NFD')));
  });

  it('is the one that the policy gives to an external id, whatever the group is called', async () => {
    const user = await okta.addUser('paying');
    const members = [{ value: user }];
    const made = await post(okta, 'Groups', { displayName: '支払', externalId: BOUND, members });
    expect([made.status, idOf(made)]).toEqual([201, { id: 'payers' }]);
    expect(await provisionedMembers(api, 'payers')).toEqual([(await provisionedPerson(api, 'paying'))?.id]);
    // Of the same name, and another group.
    const other = await post(okta, 'Groups', { displayName: 'Payers', externalId: 'another' });
    expect(other).toMatchObject({ status: 409, body: { scimType: 'uniqueness' } });
    expect(other.body['detail']).toContain(`group payers has the external id "${BOUND}"`);
  });

  it('stays that of the external id: neither a group that was there before nor a change makes it another', async () => {
    const early = await okta.addGroup('Early', [await okta.addUser('early')]);
    const bound = {
      id: 'early',
      authority: 'scim:okta',
      external_id: 'the-real-one',
      members: [],
      groups: [],
    };
    const { directory } = policy;
    const binding = { ...policy, directory: { ...directory, groups: [...directory.groups, bound] } };
    const install = (): Promise<void> => activate(api.databases, binding, policyDigest(binding));
    await expect(install()).rejects.toThrow(
      /the group early that scim:okta has brought is not the one with the external id "the-real-one"/,
    );
    const named = (externalId: string) =>
      okta.patch(`Groups/${early}`, [{ op: 'replace', path: 'externalId', value: externalId }]);
    expect((await named('the-real-one')).status).toBe(204);
    await install();
    const renamed = await named('another');
    expect(renamed).toMatchObject({ status: 409, body: { scimType: 'uniqueness' } });
    expect((await okta.call(`Groups/${early}`)).body['externalId']).toBe('the-real-one');
  });

  it.each(['Büro', 'дb-ro', 'ｂ-ｒｏ'])(
    'is never one that the policy means, of a name with letters of another script: %s',
    async (displayName) => {
      const { id } = idOf(await post(okta, 'Groups', { displayName })) as { id: string };
      expect(id).toMatch(/-[0-9a-f]{12}$/);
    },
  );
});

describe('a conflict says what is taken, and by what', () => {
  it.each<[string, () => Promise<{ by?: Provider; kind: 'Users' | 'Groups'; fields: object; said: string }>]>(
    [
      [
        'the name of a user',
        async () => {
          const user = await okta.addUser('taken-name');
          const fields = { userName: 'Taken-Name@example.com', externalId: 'free-1' };
          return { kind: 'Users', fields, said: `userName "Taken-Name@example.com" belongs to user ${user}` };
        },
      ],
      [
        'the account of a user',
        async () => {
          const user = await okta.addUser('taken-account');
          const fields = { userName: 'free-2', externalId: 'taken-account' };
          return { kind: 'Users', fields, said: `externalId "taken-account" belongs to user ${user}` };
        },
      ],
      [
        'the account of an agent',
        async () => ({
          kind: 'Users',
          fields: { userName: 'robot', externalId: 'agent-billing' },
          said: `The account "agent-billing" at ${api.issuer.url} belongs to the agent agent-billing`,
        }),
      ],
      [
        'the id of a group',
        async () => {
          const group = await okta.addGroup('Taken Group');
          const said = `The id of this name, taken-group, belongs to group ${group}, "Taken Group". Choose another name, or give this group an id in the policy by its external_id.`;
          return { kind: 'Groups', fields: { displayName: 'taken  group' }, said };
        },
      ],
      [
        'the id of a group of the policy',
        async () => ({
          kind: 'Groups',
          fields: { displayName: 'DBA' },
          said: 'The id of this name, dba, belongs to a group of the policy',
        }),
      ],
      [
        'the id of a group of another provider',
        async () => {
          await okta.addGroup('of okta');
          const said = 'The id of this name, of-okta, belongs to a group of scim:okta';
          return { by: entra, kind: 'Groups', fields: { displayName: 'of okta' }, said };
        },
      ],
    ],
  )('%s', async (_name, prepare) => {
    const { by = okta, kind, fields, said } = await prepare();
    const reply = await post(by, kind, fields);
    expect(reply).toMatchObject({ status: 409, body: { scimType: 'uniqueness' } });
    expect(reply.body['detail']).toContain(said);
  });
});

describe('a user without the account by which people sign in', () => {
  it('is taken, and answer and log say that nobody can sign in as this user, until there is one', async () => {
    const warned = vi.spyOn(api.context.log, 'warn');
    const problem = expect.stringContaining('externalId is missing') as unknown;
    const made = await post(okta, 'Users', { userName: 'nobody@example.com' });
    expect([made.status, made.body[USER_EXTENSION]]).toEqual([201, { problem }]);
    const { id } = made.body;
    expect(warned.mock.calls).toEqual([
      [{ authority: 'scim:okta', user: id, problem }, 'a provisioned user has no account'],
    ]);
    expect((await okta.call(`Users/${id}`)).body[USER_EXTENSION]).toEqual({ problem });
    const changed = await okta.patch(`Users/${id}`, [{ op: 'add', path: 'externalId', value: 'somebody' }]);
    expect(changed.body[USER_EXTENSION]).toEqual({ subject: 'somebody' });
    expect(await provisionedPerson(api, 'somebody')).toMatchObject({ name: 'nobody@example.com' });
  });
});

describe('a large group', () => {
  it('is replaced as a whole, as it is read, and patched without being answered', async () => {
    await api.db.query(
      `with made as (select 'a' || lpad(n::text, 35, '0') as id from generate_series(1, $1) n),
         people as (insert into keyturn.person (id, authority) select 'scim:' || id, 'scim:okta' from made)
       insert into keyturn.scim_user (id, authority, person, user_name, active, created_at, modified_at)
         select id, 'scim:okta', 'scim:' || id, id || '@example.com', true, now(), now() from made`,
      [MEMBERS_MAX],
    );
    const group = await okta.addGroup('everybody');
    const members = Array.from({ length: MEMBERS_MAX }, (_, index) => {
      const value = `a${String(index + 1).padStart(35, '0')}`;
      return {
        value,
        type: 'User',
        display: `${value}@example.com`,
        $ref: `${api.url}/scim/v2/Users/${value}`,
      };
    });
    const body = { schemas: [GROUP], displayName: 'everybody', members };
    expect((await okta.call(`Groups/${group}`, { method: 'PUT', body })).status).toBe(200);
    expect(await provisionedMembers(api, 'everybody')).toHaveLength(MEMBERS_MAX);
    const without = { op: 'remove', path: 'members', value: [{ value: members[0]?.value }] };
    expect(await okta.patch(`Groups/${group}`, [without])).toMatchObject({ status: 204, body: '' });
    const named = await okta.call(`Groups/${group}?attributes=displayName`, {
      method: 'PATCH',
      body: {
        schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
        Operations: [{ op: 'add', path: 'members', value: [{ value: members[0]?.value }] }],
      },
    });
    expect(named).toMatchObject({ status: 200, body: { displayName: 'everybody' } });
    expect(named.body).not.toHaveProperty('members');
  });
});

describe('a group that a provider empties', () => {
  it.each([
    ['by null', { members: null }],
    ['by leaving its members out', {}],
  ])('is logged: %s', async (name, fields) => {
    const group = await okta.addGroup(`emptied ${name}`, [await okta.addUser(`emptied-${name}`)]);
    const warned = vi.spyOn(api.context.log, 'warn');
    const body = { schemas: [GROUP], displayName: `emptied ${name}`, ...fields };
    expect((await okta.call(`Groups/${group}`, { method: 'PUT', body })).status).toBe(200);
    const shown = { authority: 'scim:okta', group: `emptied ${name}`.replaceAll(' ', '-') };
    expect(warned.mock.calls).toEqual([[shown, 'a provisioned group was emptied']]);
  });
});

it('the schemas name all that answers have', async () => {
  const attributesOf = async (schema: string) =>
    (await okta.call(`Schemas/${encodeURIComponent(schema)}`)).body['attributes'] as {
      name: string;
      subAttributes?: { name: string }[];
    }[];
  const members = (await attributesOf(GROUP)).find(({ name }) => name === 'members');
  expect(members?.subAttributes?.map(({ name }) => name)).toEqual(['value', 'type', 'display', '$ref']);
  expect((await attributesOf(GROUP_EXTENSION)).map(({ name }) => name)).toEqual(['id']);
  expect((await attributesOf(USER_EXTENSION)).map(({ name }) => name)).toEqual(['subject', 'problem']);
  const { body } = await okta.call('ResourceTypes/Group');
  expect(body['schemaExtensions']).toEqual([{ schema: GROUP_EXTENSION, required: false }]);
});
