import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { policyDigest } from '../../domain/policy/policy.ts';
import type { PeoplePage, PersonView } from '../../contract/people.ts';
import type { Reply } from '../stack/http.ts';
import { activate, startApi, type TestApi } from './api.ts';
import { statementsDuring } from './statements.ts';

/** Turns around what follows it, and hides a letter. */
const HOSTILE = 'Ada\u202e<script>alert(1)</script>\u200b';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(async () => {
  await api.stop();
});

async function as<Body>(name: string, path: string): Promise<Reply<Body>> {
  return api.http<Body>({ path, token: await api.issuer.humanToken(name) });
}

async function person(id: string): Promise<PersonView> {
  const { status, body } = await as<PersonView>('omar', `/v1/people/${id}`);
  expect(status).toBe(200);
  return body;
}

describe('who reads the directory', () => {
  it('operators read everybody, page by page, each once and by id', async () => {
    const seen: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const more: string = cursor === '' ? '' : `&cursor=${cursor}`;
      const { body }: Reply<PeoplePage> = await as('omar', `/v1/people?limit=3${more}`);
      expect(body.items.length).toBeLessThanOrEqual(3);
      seen.push(...body.items.map(({ id }) => id));
      cursor = body.next_cursor;
    }
    expect(seen).toEqual(api.policy.directory.people.map(({ id }) => id).toSorted());
  });

  it('everybody else reads only themselves, and learns not even whether an id is there', async () => {
    expect((await as('dmitri', '/v1/people')).status).toBe(403);
    expect(await as<PersonView>('dmitri', '/v1/people/dmitri')).toMatchObject({
      status: 200,
      body: { id: 'dmitri' },
    });
    const there = await as('dmitri', '/v1/people/omar');
    const absent = await as('dmitri', '/v1/people/nobody');
    expect([there.status, absent.status]).toEqual([403, 403]);
    expect((await as('omar', '/v1/people/nobody')).status).toBe(404);
  });

  it('refuses a cursor of another list, and a search that is too long', async () => {
    expect((await as('omar', '/v1/people?cursor=*')).body).toMatchObject({ code: 'invalid_request' });
    expect((await as('omar', `/v1/people?q=${'x'.repeat(201)}`)).status).toBe(400);
  });

  it('costs one more query for all people of a page, and two for a person', async () => {
    const token = await api.issuer.humanToken('omar');
    const read = async (path: string) => {
      await api.http({ path, token });
      return (await statementsDuring(() => api.http({ path, token }))).filter((text) =>
        text.includes('person_standing'),
      );
    };
    expect(await read('/v1/people')).toHaveLength(1);
    expect(await read('/v1/people/ada')).toHaveLength(2);
  });
});

describe('where a fact comes from', () => {
  it('says why somebody may approve: the group, the way into it, and the rules that name it', async () => {
    const dmitri = await person('dmitri');
    expect(dmitri.groups).toContainEqual(
      expect.objectContaining({ id: 'dba', authority: 'file', through: ['dba'], counts_until: null }),
    );
    const naming = api.policy.rules.filter(({ require }) =>
      require?.stages.some(({ any }) => any.includes('group:dba')),
    );
    expect(naming.length).toBeGreaterThan(0);
    for (const { id } of naming)
      expect(dmitri.rules).toContainEqual(
        expect.objectContaining({ id, by: expect.arrayContaining(['group:dba']) }),
      );
    expect(dmitri.accounts).toContainEqual(
      expect.objectContaining({ subject: 'dmitri', issuer: api.issuer.url, authority: 'file' }),
    );
  });

  it('says when a token named the group, and until when that counts', async () => {
    const group = { id: 'seen', authority: `claims:${api.issuer.url}`, claim: 'seen' };
    const { directory } = api.policy;
    const groups = [...directory.groups, { ...group, maximum_age_ms: 3_600_000, members: [], groups: [] }];
    const policy = { ...api.policy, directory: { ...directory, groups } };
    await activate(api.databases, policy, policyDigest(policy));
    // Before the API has read this generation.
    await api.db.query(
      `insert into keyturn.membership (group_id, person, valid_from, lapses_at)
         values ('seen', 'dmitri', '-infinity', '2099-01-01T01:00:00Z') on conflict do nothing`,
    );
    expect((await person('dmitri')).groups).toContainEqual({
      id: 'seen',
      authority: group.authority,
      through: ['seen'],
      since: null,
      seen_at: '2099-01-01T00:00:00.000Z',
      counts_until: '2099-01-01T01:00:00.000Z',
    });
  });

  it('shows an account that one authority has active and another has not', async () => {
    await api.db.query(
      `insert into keyturn.person_standing (person, authority, name, active, valid_from)
         values ('petra', 'scim:okta', 'Petra of Okta', false, '-infinity')`,
    );
    await changeName('Ada Again');
    const petra = await person('petra');
    expect(petra).toMatchObject({ is_active: false, rules: [] });
    expect(petra.standings).toMatchObject([
      { authority: 'file', is_active: true },
      { authority: 'scim:okta', is_active: false, name: 'Petra of Okta' },
    ]);
    expect(petra.warnings.join()).toContain('Not active by scim:okta');
  });

  it('keeps the characters of a name as they are, and records its change with the entry', async () => {
    await changeName(HOSTILE);
    const ada = await person('ada');
    expect(ada.name).toBe(HOSTILE);
    expect(ada.changes[0]).toMatchObject({ what: 'standing', authority: 'file', is_end: false });
    expect(ada.changes[0]?.value).toContain(HOSTILE);
    expect(ada.changes[0]?.entry).toMatch(/\//);
    const { body } = await as<PeoplePage>('omar', `/v1/people?q=${encodeURIComponent('<SCRIPT>')}`);
    expect(body.items.map(({ id }) => id)).toEqual(['ada']);
  });
});

async function changeName(name: string): Promise<void> {
  const { directory } = api.policy;
  const people = directory.people.map((one) => (one.id === 'ada' ? { ...one, name } : one));
  const policy = { ...api.policy, directory: { ...directory, people } };
  await activate(api.databases, policy, policyDigest(policy));
}
