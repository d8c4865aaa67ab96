import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { installPolicy } from '../../activities/policy-install.ts';
import { createDataSource } from '../../database/data-source.ts';
import { leafHash, leafText, type LeafDraft } from '../../domain/audit/leaf.ts';
import { canonicalJson } from '../../domain/crypto/canonical-json.ts';
import { policyDigest, type PolicySet } from '../../domain/policy/policy.ts';
import { exampleRule, policyOf } from '../domain/examples.ts';
import { createDatabases, type StackDatabases } from '../stack/databases.ts';
import { takeNumber } from '../stack/temporal.ts';

let databases: StackDatabases;
let admin: Client;
let worker: Client;
let api: Client;

const POLICY = policyOf([], { operators: ['group:dba'] });
const OTHER: PolicySet = { ...POLICY, rules: [exampleRule('other', 'review')] };

beforeAll(async () => {
  databases = await createDatabases(`governing_${takeNumber()}`);
  const { keyturn } = databases;
  [admin, worker, api] = (await Promise.all([keyturn.admin, keyturn.worker, keyturn.api].map(connect))) as [
    Client,
    Client,
    Client,
  ];
  await install(POLICY);
});
afterAll(async () => {
  await Promise.all([admin, worker, api].map((client) => client.end()));
});

async function connect(connectionString: string): Promise<Client> {
  const client = new Client({ connectionString });
  await client.connect();
  return client;
}

async function install(policy: PolicySet): Promise<void> {
  const source = createDataSource({
    url: databases.keyturn.worker,
    applicationName: 'governing',
    poolSize: 1,
  });
  await source.initialize();
  try {
    const candidate = {
      policy,
      sources: { files: {}, environment: {} },
      digest: policyDigest(policy),
      installedBy: 'test',
      at: new Date().toISOString(),
    };
    await installPolicy(source, candidate);
  } finally {
    await source.destroy();
  }
}

async function state(): Promise<object> {
  const { rows } = await admin.query(
    `select (select count(*) from audit.entry)::int as entries, digest, policy_active.generation,
       (select generation from keyturn.directory_state) as directory from keyturn.policy_active`,
  );
  return rows[0] as object;
}

describe('the policy and the directory of its file', () => {
  it.each([
    ['the active row', `update keyturn.policy_active set generation = 9`],
    ['another active row', `insert into keyturn.policy_active (generation, digest) values (9, 'x')`],
    ['a stored set', `insert into keyturn.policy_set (digest, body, installed_by) values ('x', '{}', 'x')`],
    ['the directory', `select keyturn.apply_file_directory('{}', now())`],
    ['the directory, by counting a change', `select keyturn.count_directory_change(now())`],
    ['which entry made a change of the directory', `update keyturn.directory_change set entry = 'x'`],
    ['an account', `update keyturn.account set subject = 'x'`],
  ])('cannot be changed by the role of the worker alone: %s', async (_what, sql) => {
    await expect(worker.query(sql)).rejects.toMatchObject({ code: '42501' });
  });

  it('change together with their entry, or not at all', async () => {
    const before = await state();
    for (const spoil of SPOILED) {
      const { leaf, set } = await entryOf(spoil);
      await expect(
        worker.query('select keyturn.activate_policy($1, $2, $3)', [
          JSON.stringify({ at: new Date().toISOString(), by: 'x' }),
          set,
          leaf,
        ]),
      ).rejects.toThrow(/not the next entry|nobody recovers/);
    }
    expect(await state()).toEqual(before);
    await install(OTHER);
    expect(await state()).toMatchObject({ digest: policyDigest(OTHER), generation: '2', entries: 2 });
  });

  it('leave nothing behind when a change is only looked at', async () => {
    const before = await state();
    const directory = { people: [], agents: [], groups: [] };
    const { rows } = await worker.query('select keyturn.preview_file_directory($1) as counts', [directory]);
    expect(rows[0]).toMatchObject({ counts: { people: 5 } });
    expect(await state()).toEqual(before);
  });
});

type Spoil = (draft: LeafDraft) => {
  readonly draft?: LeafDraft;
  readonly n?: number;
  readonly set?: PolicySet;
};

const SPOILED: readonly Spoil[] = [
  (draft) => ({ draft: { ...draft, facts: { ...draft.facts, generation: 7 } } }),
  (draft) => ({ draft: { ...draft, facts: { ...draft.facts, replaces: null } } }),
  (draft) => ({ draft: { ...draft, facts: { ...draft.facts, recovery: false } } }),
  (draft) => ({ draft: { ...draft, facts: { ...draft.facts, recovery: false, request: 'req_none' } } }),
  (draft) => ({ draft: { ...draft, facts: { ...draft.facts, directory: {} } } }),
  (draft) => ({ draft: { ...draft, type: 'policy.proposed' } }),
  (draft) => ({ draft: { ...draft, policy_digest: policyDigest(POLICY) } }),
  () => ({ n: 5 }),
  () => ({ set: { ...OTHER, operators: ['user:eve'] } }),
];

/** The right entry of activating the other policy, but for one thing. */
async function entryOf(spoil: Spoil): Promise<{ leaf: string; set: string }> {
  const { rows } = await admin.query<{ leaf: string; counts: object }>(
    `select leaf from audit.entry where request = 'policy' order by n desc limit 1`,
  );
  const last = rows[0]?.leaf ?? '';
  const none = { people: 0, agents: 0, accounts: 0, groups: 0, memberships: 0 };
  const draft: LeafDraft = {
    type: 'policy.installed',
    at: new Date().toISOString(),
    actor: { pseudonym: 'sys_operator', kind: 'system', via: 'cli' },
    intent_digest: null,
    decision_digest: null,
    policy_digest: policyDigest(OTHER),
    facts: {
      digest: policyDigest(OTHER),
      generation: 2,
      replaces: policyDigest(POLICY),
      directory: none,
      recovery: true,
    },
    evidence: null,
    parts: {},
  };
  const spoiled = spoil(draft);
  const position = { request: 'policy', run: 'policy', namespace: '', nonce: 'ab'.repeat(16), salts: {} };
  const id = 'policy/policy/install/2/1';
  return {
    leaf: leafText(spoiled.draft ?? draft, { ...position, id, n: spoiled.n ?? 1, prev: leafHash(last) }),
    set: canonicalJson(spoiled.set ?? OTHER),
  };
}

describe('entries of what governs everybody', () => {
  it.each(['policy', 'proposals', 'switches', 'directory', 'sessions', 'keys', 'passkeys'])(
    'are written with what they are about only: %s',
    async (stream) => {
      const leaf = JSON.stringify({
        id: `${stream}/x`,
        stream: { request: stream, run: stream },
        n: 99,
        type: 'policy.installed',
        at: new Date().toISOString(),
        actor: { pseudonym: 'sys_operator', kind: 'system', via: 'cli' },
        facts: {},
      });
      await expect(worker.query('insert into audit.entry (leaf) values ($1)', [leaf])).rejects.toThrow(
        /written with what they are about/,
      );
      await expect(api.query('insert into audit.entry (leaf) values ($1)', [leaf])).rejects.toMatchObject({
        code: '42501',
      });
    },
  );
});

describe('kill switches', () => {
  it('are released by two people who exist, are active and operators, and not otherwise', async () => {
    for (const person of ['nobody', 'omar', 'petra'])
      await expect(confirm(person)).rejects.toMatchObject({ code: 'KT003' });
    await expect(confirm('olga', 'dmitri')).rejects.toThrow(/another person/);
  });

  it.each(['throw_kill_switch', 'confirm_kill_switch_lift'])('%s is not for the worker', async (name) => {
    await expect(worker.query(`select keyturn.${name}('{}', '[]', '{}')`)).rejects.toMatchObject({
      code: '42501',
    });
  });
});

/** A word of somebody to release a switch, with an entry that names that person or another one. */
async function confirm(person: string, named = person): Promise<void> {
  const id = `swi_${takeNumber()}`;
  await admin.query(
    `insert into keyturn.kill_switch (id, scope_kind, reason, thrown_by, thrown_at)
     values ($1, 'all', 'x', 'olga', now())`,
    [id],
  );
  const draft: LeafDraft = {
    type: 'switch.lift_confirmed',
    at: new Date().toISOString(),
    actor: { pseudonym: 'acc_x', kind: 'person', via: 'api' },
    intent_digest: null,
    decision_digest: null,
    policy_digest: policyDigest(OTHER),
    facts: { switch: id, person: `per_${named}` },
    evidence: { grade: 'C', refs: [] },
    parts: {},
  };
  const position = { request: 'switches', run: 'switches', namespace: '', nonce: 'ab'.repeat(16), salts: {} };
  const leaf = leafText(draft, { ...position, id: 'switches/0', n: 0, prev: null });
  await api.query('select keyturn.confirm_kill_switch_lift($1, $2, $3)', [
    JSON.stringify({ switch: id, person, at: draft.at }),
    JSON.stringify([{ leaf, parts: {} }]),
    JSON.stringify({ [`per_${named}`]: { person: named } }),
  ]);
}

/** What a role may do to a table beside reading it; a column in brackets where only that. */
const WRITES: Readonly<Record<string, readonly string[]>> = {
  keyturn_api: [],
};

describe('the role of the API', () => {
  it('writes no table itself', async () => {
    for (const [role, expected] of Object.entries(WRITES)) expect(await writesOf(role)).toEqual(expected);
  });
});

describe('the role of the worker', () => {
  it('writes what it must, and nothing that governs', async () => {
    const written = await writesOf('keyturn_worker');
    const governing = /policy_set|policy_active|directory_|person|account|membership|kill_switch|group/;
    expect(written.filter((grant) => governing.test(grant))).toEqual([
      'UPDATE keyturn.directory_state (singleton)',
      'UPDATE keyturn.kill_switch_state (singleton)',
      'UPDATE keyturn.policy_active (singleton)',
    ]);
    expect(written.filter((grant) => /^(DELETE|TRUNCATE)|^UPDATE audit/.test(grant))).toEqual([]);
  });
});

async function writesOf(role: string): Promise<readonly string[]> {
  const { rows } = await admin.query<{ written: string }>(
    `select distinct privilege_type || ' ' || table_schema || '.' || table_name as written
       from information_schema.table_privileges where grantee = $1 and privilege_type <> 'SELECT'
     union
     select distinct privilege_type || ' ' || columns.table_schema || '.' || columns.table_name
         || ' (' || column_name || ')'
       from information_schema.column_privileges columns where grantee = $1 and privilege_type <> 'SELECT'
         and not exists (select from information_schema.table_privileges whole
           where (whole.grantee, whole.table_schema, whole.table_name, whole.privilege_type) =
             (columns.grantee, columns.table_schema, columns.table_name, columns.privilege_type))
     order by 1`,
    [role],
  );
  return rows.map(({ written }) => written);
}
