import { Client } from 'pg';
import type { DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { installPolicy } from '../../activities/policy-install.ts';
import { createDataSource } from '../../database/data-source.ts';
import { DirectoryReader } from '../../database/directory-reader.ts';
import type { Directory, Group, Person } from '../../domain/identity/directory.ts';
import { policyDigest, type PolicySet } from '../../domain/policy/policy.ts';
import { policyOf } from '../domain/examples.ts';
import { createDatabases, type StackDatabases } from '../stack/databases.ts';
import { takeNumber } from '../stack/temporal.ts';

const ISSUER = 'https://id.example';

let databases: StackDatabases;
let source: DataSource;
let admin: Client;
const reader = new DirectoryReader();

beforeAll(async () => {
  databases = await createDatabases(`directory_${takeNumber()}`);
  source = createDataSource({ url: databases.keyturn.worker, applicationName: 'test' });
  await source.initialize();
  admin = new Client({ connectionString: databases.keyturn.admin });
  await admin.connect();
});

afterAll(async () => {
  await source.destroy();
  await admin.end();
});

function person(id: string, change: Partial<Person> = {}): Person {
  return { id, name: id, active: true, accounts: [{ issuer: ISSUER, subject: id }], ...change };
}

function group(id: string, members: readonly string[], groups: readonly string[] = []): Group {
  return { id, members, groups };
}

const agent = {
  id: 'robot',
  name: 'Robot',
  active: true,
  issuer: ISSUER,
  subject: 'robot',
  owner: 'ada',
  acts_for_people: false,
};

const FIRST: Directory = {
  people: [person('ada'), person('olga')],
  agents: [agent],
  groups: [group('dba', ['olga']), group('everyone', ['ada'], ['dba'])],
};

async function install(directory: Directory): Promise<void> {
  const policy: PolicySet = { ...policyOf([]), directory };
  const candidate = {
    policy,
    sources: { files: {}, environment: {} },
    digest: policyDigest(policy),
    installedBy: 'test',
    at: new Date().toISOString(),
  };
  await installPolicy(source, candidate);
}

/** An instant of the database's clock that lies between two changes. */
async function instant(): Promise<Date> {
  const sql = `with waited as (select pg_sleep(0.002)) select clock_timestamp() as at from waited`;
  const { rows } = await admin.query<{ at: Date }>(sql);
  return rows[0]?.at ?? new Date(0);
}

async function now(): Promise<Directory> {
  return (await reader.now(source.manager)).directory;
}

describe('the directory in tables', () => {
  it('knows nobody before the first policy, and then whom its file names', async () => {
    expect(await now()).toEqual({ people: [], agents: [], groups: [] });
    await install(FIRST);
    expect(await now()).toEqual(FIRST);
  });

  it('tells who was there at any earlier instant, by accounts, owners, groups and activity', async () => {
    const steps: readonly Directory[] = [
      { ...FIRST, people: [person('ada'), person('olga', { active: false })] },
      { ...FIRST, agents: [{ ...agent, owner: 'olga' }] },
      { ...FIRST, groups: [group('dba', ['ada'])] },
      // The account goes over to somebody else.
      {
        ...FIRST,
        people: [
          person('ada'),
          person('olga', { accounts: [] }),
          person('petra', { accounts: [{ issuer: ISSUER, subject: 'olga' }] }),
        ],
      },
      { people: [], agents: [], groups: [] },
      FIRST,
    ];
    const expected: { readonly at: Date; readonly directory: Directory }[] = [];
    for (const directory of steps) {
      await install(directory);
      expect(await now()).toEqual(directory);
      expected.push({ at: await instant(), directory });
    }
    for (const { at, directory } of expected) {
      expect(await reader.at(source.manager, at)).toEqual(directory);
      expect(await new DirectoryReader().at(source.manager, at)).toEqual(directory);
    }
    expect(await reader.at(source.manager, new Date(0))).toEqual({ people: [], agents: [], groups: [] });
  });

  it('counts a generation for a change of people only, and says in the log how many, never who', async () => {
    await install(FIRST);
    const { generation } = await reader.now(source.manager);
    const rules: PolicySet = { ...policyOf([]), directory: FIRST, rules: [] };
    await installPolicy(source, {
      sources: { files: {}, environment: {} },
      policy: rules,
      digest: policyDigest(rules),
      installedBy: 'test',
      at: new Date().toISOString(),
    });
    expect((await reader.now(source.manager)).generation).toBe(generation);
    await install({ ...FIRST, groups: [group('dba', ['olga', 'ada'])] });
    const { rows } = await admin.query<{ leaf: string }>(
      `select leaf from audit.entry where type = 'policy.installed' order by id desc limit 1`,
    );
    const leaf = JSON.parse(rows[0]?.leaf ?? '') as { facts: Record<string, unknown> };
    expect(leaf.facts['directory']).toEqual({ people: 0, agents: 0, accounts: 0, groups: 1, memberships: 3 });
    expect(rows[0]?.leaf).not.toContain('olga');
  });

  it('keeps nothing of a change that was rolled back', async () => {
    const before = await now();
    await admin.query('begin');
    await admin.query('select keyturn.apply_file_directory($1, keyturn.next_directory_instant())', [
      JSON.stringify({ people: [], agents: [], groups: [] }),
    ]);
    expect(await now()).toEqual(before);
    await admin.query('rollback');
    expect(await now()).toEqual(before);
  });
});

describe('an authority', () => {
  it('keeps its group: a file that names it is refused as a whole, or leaves it to its authority', async () => {
    await install(FIRST);
    await admin.query(`insert into keyturn.directory_group (group_id, authority, valid_from)
      select 'foreign', 'scim:okta', changed_at from keyturn.directory_state`);
    await expect(
      install({ ...FIRST, people: [], groups: [group('foreign', ['ada'])] }),
    ).rejects.toMatchObject({
      code: 'policy_invalid',
    });
    const other = { ...group('foreign', []), authority: 'scim:entra' };
    await expect(install({ ...FIRST, groups: [other] })).rejects.toMatchObject({ code: 'policy_invalid' });
    expect((await now()).people).toEqual(FIRST.people);
    await install({ ...FIRST, groups: [{ ...other, authority: 'scim:okta' }] });
    expect((await now()).groups).toEqual([group('foreign', [])]);
    await install(FIRST);
    expect((await now()).groups).toContainEqual(group('foreign', []));
  });

  it('may be named before it brings the group, which then is nobody else’s', async () => {
    await install({ ...FIRST, groups: [{ ...group('later', []), authority: 'scim:okta' }] });
    const open = `select authority, is_reserved from keyturn.directory_group where group_id = 'later' and valid_to is null`;
    expect((await admin.query(open)).rows).toEqual([{ authority: 'scim:okta', is_reserved: true }]);
    await install({ ...FIRST, groups: [group('later', ['ada'])] });
    expect((await admin.query(open)).rows).toEqual([{ authority: 'file', is_reserved: false }]);
  });

  it('keeps its account: a file cannot give it to somebody else', async () => {
    await install(FIRST);
    await admin.query(`insert into keyturn.person values ('scim:1', 'scim:okta')`);
    await admin.query(
      `insert into keyturn.account (issuer, subject, authority, person, valid_from)
      select $1, 'zoe', 'scim:okta', 'scim:1', changed_at from keyturn.directory_state`,
      [ISSUER],
    );
    await expect(install({ ...FIRST, people: [...FIRST.people, person('zoe')] })).rejects.toMatchObject({
      code: 'policy_invalid',
    });
  });
});

describe('nobody writes history', () => {
  it('with the password of the worker or of the API', async () => {
    for (const url of [databases.keyturn.worker, databases.keyturn.api]) {
      const role = new Client({ connectionString: url });
      await role.connect();
      for (const sql of [
        `insert into keyturn.membership (group_id, person, valid_from) values ('dba', 'ada', '-infinity')`,
        `update keyturn.membership set valid_from = '-infinity'`,
        `delete from keyturn.person_standing`,
        `update keyturn.directory_state set generation = 1`,
        `insert into keyturn.directory_change values (1000, now())`,
        `select keyturn.apply_file_directory('{}', '-infinity')`,
        `select keyturn.file_memberships('{}', '-infinity')`,
      ])
        await expect(role.query(sql), sql).rejects.toThrow('permission denied');
      await role.end();
    }
  });
});
