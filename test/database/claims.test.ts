import { Client } from 'pg';
import type { DataSource } from 'typeorm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { installPolicy } from '../../activities/policy-install.ts';
import { createDataSource } from '../../database/data-source.ts';
import { DirectoryReader } from '../../database/directory-reader.ts';
import { claimsAuthority, type Directory, type Group } from '../../domain/directory.ts';
import { policyDigest, type PolicySet } from '../../domain/policy.ts';
import { policyOf } from '../domain/examples.ts';
import { createDatabases, type StackDatabases } from '../stack/databases.ts';
import { takeNumber } from '../stack/temporal.ts';

const ISSUER = 'https://id.example';
const HOUR_MS = 3_600_000;

let databases: StackDatabases;
let source: DataSource;
let admin: Client;
let api: Client;
const reader = new DirectoryReader();

/** When the latest token was issued. Each is of a later second, all of this hour. */
let second = Math.floor(Date.now() / 1_000) - 3_000;

beforeAll(async () => {
  databases = await createDatabases(`claims_${takeNumber()}`);
  source = createDataSource({ url: databases.keyturn.worker, applicationName: 'test' });
  await source.initialize();
  admin = await connect(databases.keyturn.admin);
  api = await connect(databases.keyturn.api);
});

afterAll(async () => {
  await source.destroy();
  await Promise.all([admin.end(), api.end()]);
});

beforeEach(async () => {
  await install(DIRECTORY);
  await see('ada', []);
  await see('olga', []);
});

async function connect(url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  await client.connect();
  return client;
}

function fromClaims(id: string, claim = id, maximumAgeMs = HOUR_MS): Group {
  return {
    id,
    authority: claimsAuthority(ISSUER),
    claim,
    maximum_age_ms: maximumAgeMs,
    members: [],
    groups: [],
  };
}

const DIRECTORY: Directory = {
  people: ['ada', 'olga'].map((id) => ({
    id,
    name: id,
    active: true,
    accounts: [
      { issuer: ISSUER, subject: id },
      { issuer: ISSUER, subject: `${id}.second` },
    ],
  })),
  agents: [
    {
      id: 'robot',
      name: 'r',
      active: true,
      issuer: ISSUER,
      subject: 'robot',
      owner: 'ada',
      acts_for_people: false,
    },
  ],
  groups: [fromClaims('dba', 'sql admins'), fromClaims('leads')],
};

async function install(directory: Directory): Promise<void> {
  const policy: PolicySet = { ...policyOf([]), directory };
  const at = new Date().toISOString();
  await installPolicy(source, { policy, digest: policyDigest(policy), installedBy: 'test', at });
}

interface Token {
  readonly person?: string;
  readonly issuedAt?: number;
  readonly by?: Client;
  /** The entry, or what makes it of what the database asks for. */
  readonly leaf?: (needed: object) => string;
}

let entries = 0;

/** An entry about the directory. Each is another one. */
function leafOf(facts: object): string {
  entries += 1;
  const stream = { request: 'directory', run: 'directory' };
  const id = `directory/directory/change/${entries}`;
  const rest = { id, n: entries, type: 'directory.changed', at: new Date().toISOString() };
  return JSON.stringify({ ...rest, stream, facts });
}

/** What a token of `subject` lists, brought as the API brings it. Answers what changed by it, or null. */
async function see(subject: string, listed: readonly string[], token: Token = {}): Promise<object | null> {
  const { by = api, person = subject.split('.')[0], issuedAt = (second += 1) } = token;
  const seen = JSON.stringify({
    issuer: ISSUER,
    subject,
    person,
    pseudonym: `per_${person}`,
    issued_at: issuedAt,
    claim_digest: [...listed].sort().join(),
    listed,
  });
  const call = async (leaf: string | null): Promise<object | null> => {
    const sql = 'select keyturn.see_claims($1, $2) as changes';
    return (await by.query<{ changes: object | null }>(sql, [seen, leaf])).rows[0]?.changes ?? null;
  };
  const needed = await call(null);
  if (needed === null) return null;
  const facts = { ...needed, authority: claimsAuthority(ISSUER), person: `per_${person}` };
  expect(await call(token.leaf?.(facts) ?? leafOf(facts))).toBeNull();
  return needed;
}

async function members(group: string, at?: Date): Promise<readonly string[]> {
  const { manager } = source;
  const directory = at ? await reader.at(manager, at) : (await reader.now(manager)).directory;
  return directory.groups.find(({ id }) => id === group)?.members ?? [];
}

async function generation(): Promise<string> {
  return (await reader.now(source.manager)).generation;
}

/** An instant of the database's clock that lies between two changes. */
async function instant(): Promise<Date> {
  const sql = `with waited as (select pg_sleep(0.002)) select clock_timestamp() as at from waited`;
  return (await admin.query<{ at: Date }>(sql)).rows[0]?.at ?? new Date(0);
}

describe('a group whose members are seen in claims', () => {
  it('holds a person from when her token was first seen with it, until one is seen without', async () => {
    const before = await instant();
    expect(await see('ada', ['sql admins', 'unheard of'])).toEqual({
      joined: ['dba'],
      left: [],
      renewed: [],
    });
    const during = await instant();
    expect(await see('ada', ['leads'])).toEqual({ joined: ['leads'], left: ['dba'], renewed: [] });
    const after = await instant();
    expect(await see('ada', [])).toEqual({ joined: [], left: ['leads'], renewed: [] });
    const told = [before, during, after].map(async (at) => [
      await members('dba', at),
      await members('leads', at),
    ]);
    expect(await Promise.all(told)).toEqual([
      [[], []],
      [['ada'], []],
      [[], ['ada']],
    ]);
    expect([await members('dba'), await members('leads')]).toEqual([[], []]);
  });

  it('writes an entry for each change and none for a token that says the same', async () => {
    const count = async (): Promise<number> => {
      const sql = `select count(*)::int as count from audit.entry where request = 'directory'`;
      return (await admin.query<{ count: number }>(sql)).rows[0]?.count ?? 0;
    };
    await see('ada', ['leads']);
    const [entriesBefore, generationBefore] = [await count(), await generation()];
    expect(await see('ada', ['leads'])).toBeNull();
    expect(await see('ada', ['leads'], { issuedAt: second })).toBeNull();
    expect([await count(), await generation()]).toEqual([entriesBefore, generationBefore]);
    await see('ada', []);
    expect([await count(), await generation()]).toEqual([
      entriesBefore + 1,
      String(Number(generationBefore) + 1),
    ]);
  });

  it('never comes back by an older token', async () => {
    await see('ada', ['sql admins']);
    const old = second;
    await see('ada', [], { issuedAt: (second += 5) });
    expect(await see('ada', ['sql admins'], { issuedAt: old })).toBeNull();
    expect(await see('ada', ['sql admins'], { issuedAt: second - 1 })).toBeNull();
    expect(await members('dba')).toEqual([]);
  });

  it('holds of two tokens of one second what both list, whichever comes first', async () => {
    second += 1;
    await see('ada', ['sql admins', 'leads'], { issuedAt: second });
    await see('ada', ['leads'], { issuedAt: second });
    await see('ada', ['sql admins', 'leads'], { issuedAt: second });
    expect([await members('dba'), await members('leads')]).toEqual([[], ['ada']]);
    await see('olga', ['leads'], { issuedAt: second });
    await see('olga', ['sql admins', 'leads'], { issuedAt: second });
    expect([await members('dba'), await members('leads')]).toEqual([[], ['ada', 'olga']]);
  });

  it('holds a person with two accounts while either lists it', async () => {
    await see('ada', ['leads']);
    await see('ada.second', ['leads', 'sql admins']);
    await see('ada', []);
    expect([await members('dba'), await members('leads')]).toEqual([['ada'], ['ada']]);
    await see('ada.second', []);
    expect([await members('dba'), await members('leads')]).toEqual([[], []]);
  });
});

describe('a membership that is not seen again', () => {
  it('lapses by itself when the token is too old, and was there until then', async () => {
    await see('ada', ['leads']);
    const { rows } = await admin.query<{ lapses_at: Date }>(
      `select lapses_at from keyturn.membership where person = 'ada' and valid_to is null`,
    );
    const lapsesAt = rows[0]?.lapses_at.getTime() ?? 0;
    expect(lapsesAt).toBe(second * 1_000 + HOUR_MS);
    expect(await members('leads', new Date(lapsesAt - 1))).toEqual(['ada']);
    expect(await members('leads', new Date(lapsesAt))).toEqual([]);
    expect(await members('leads', new Date(lapsesAt - 1))).toEqual(['ada']);
  });

  it('does not begin by a token that is too old', async () => {
    await install({ ...DIRECTORY, groups: [fromClaims('short', 'short', 60_000)] });
    expect(await see('ada', ['short'])).toBeNull();
    expect(await members('short')).toEqual([]);
  });

  it('goes on with a later token, written only when that wins a quarter of its age', async () => {
    await see('ada', ['leads']);
    const first = await generation();
    expect(await see('ada', ['leads'], { issuedAt: (second += 890) })).toBeNull();
    expect(await generation()).toBe(first);
    expect(await see('ada', ['leads'], { issuedAt: (second += 20) })).toEqual({
      joined: [],
      left: [],
      renewed: ['leads'],
    });
    expect(await members('leads', new Date(second * 1_000 + HOUR_MS - 1))).toEqual(['ada']);
  });

  it('is shorter at once where policy says so', async () => {
    await see('ada', ['leads']);
    const [soonMs, ageMs] = [Date.now() + 120_000, HOUR_MS - 1_000];
    await install({ ...DIRECTORY, groups: [fromClaims('leads', 'leads', soonMs - second * 1_000)] });
    expect(await members('leads', new Date(soonMs - 1))).toEqual(['ada']);
    expect(await members('leads', new Date(soonMs))).toEqual([]);
    await install({ ...DIRECTORY, groups: [fromClaims('leads', 'leads', 60_000)] });
    expect(await members('leads')).toEqual([]);
    // What was seen is remembered: it counts again where policy trusts it for longer, from then on.
    const before = await instant();
    await install({ ...DIRECTORY, groups: [fromClaims('leads', 'leads', ageMs)] });
    expect([await members('leads', before), await members('leads')]).toEqual([[], ['ada']]);
  });
});

describe('a membership by claims rests on', () => {
  beforeEach(async () => {
    await see('ada', ['sql admins']);
  });

  it('what tokens call the group', async () => {
    await install({ ...DIRECTORY, groups: [fromClaims('dba', 'database admins')] });
    expect(await members('dba')).toEqual([]);
    await see('ada', ['sql admins']);
    expect(await members('dba')).toEqual([]);
    await see('ada', ['database admins']);
    expect(await members('dba')).toEqual(['ada']);
  });

  it('the issuer', async () => {
    const other = { ...fromClaims('dba', 'sql admins'), authority: claimsAuthority('https://other.example') };
    await install({ ...DIRECTORY, groups: [other] });
    expect(await members('dba')).toEqual([]);
  });

  it('the account: whoever has it next is not in the group by what was seen of another', async () => {
    const [ada, olga] = DIRECTORY.people;
    const moved = { issuer: ISSUER, subject: 'ada' };
    await install({
      ...DIRECTORY,
      people: [
        { ...(ada ?? olga), accounts: [] },
        { ...(olga ?? ada), accounts: [...(olga?.accounts ?? []), moved] },
      ] as Directory['people'],
    });
    expect(await members('dba')).toEqual([]);
    await see('ada', ['sql admins'], { person: 'olga' });
    expect(await members('dba')).toEqual(['olga']);
  });

  it('the group: the file may take it over, and then says alone who is in it', async () => {
    const ofFile = (members: readonly string[]): Group => ({ id: 'dba', members, groups: [] });
    await install({ ...DIRECTORY, groups: [ofFile(['ada'])] });
    expect(await members('dba', new Date(Date.now() + 2 * HOUR_MS))).toEqual(['ada']);
    await install({ ...DIRECTORY, groups: [ofFile(['olga'])] });
    expect(await members('dba')).toEqual(['olga']);
    await see('ada', ['sql admins']);
    expect(await members('dba')).toEqual(['olga']);
    await install({ ...DIRECTORY, groups: [] });
    await install(DIRECTORY);
    // What was seen when nobody asked for it is not remembered.
    expect(await members('dba')).toEqual([]);
    await see('ada', ['sql admins'], { issuedAt: second });
    expect(await members('dba')).toEqual(['ada']);
  });
});

describe('several at once', () => {
  it('leave one membership each, by the newest token, and one entry for each change', async () => {
    const clients = await Promise.all(Array.from({ length: 8 }, () => connect(databases.keyturn.api)));
    const from = second;
    const tokens = Array.from({ length: 40 }, (_, index) => ({
      issuedAt: from + 1 + index,
      listed: index % 3 === 0 ? [] : index % 3 === 1 ? ['sql admins'] : ['sql admins', 'leads'],
    }));
    second += tokens.length;
    await Promise.all(
      clients.map(async (by, client) => {
        // Each has all tokens, from another one on.
        for (const [index] of tokens.entries()) {
          const token = tokens[(index * 7 + client * 5) % tokens.length];
          await by.query('begin');
          await by.query(`select pg_advisory_xact_lock(hashtext('keyturn.directory'))`);
          await see('ada', token?.listed ?? [], { issuedAt: token?.issuedAt ?? 0, by });
          await by.query('commit');
        }
      }),
    );
    await Promise.all(clients.map((client) => client.end()));
    // The last of them lists none.
    expect([await members('dba'), await members('leads')]).toEqual([[], []]);
    const { rows } = await admin.query(
      `select 1 from keyturn.membership one join keyturn.membership other using (group_id, person)
       where one.id < other.id and tstzrange(one.valid_from, one.valid_to) && tstzrange(other.valid_from, other.valid_to)`,
    );
    expect(rows).toEqual([]);
  });

  it('without standing in line lose nothing: an entry that does not fit any more is asked for anew', async () => {
    const [first, other] = await Promise.all([
      connect(databases.keyturn.api),
      connect(databases.keyturn.api),
    ]);
    const seen = (listed: readonly string[]): string =>
      JSON.stringify({
        issuer: ISSUER,
        subject: 'ada',
        person: 'ada',
        pseudonym: 'per_ada',
        issued_at: second,
        claim_digest: listed.join(),
        listed,
      });
    second += 1;
    const sql = 'select keyturn.see_claims($1, $2) as changes';
    const older = seen(['leads']);
    const needed = (await first.query<{ changes: object }>(sql, [older, null])).rows[0]?.changes;
    await see('ada', ['leads', 'sql admins'], { by: other });
    const facts = { ...needed, authority: claimsAuthority(ISSUER), person: 'per_ada' };
    expect((await first.query(sql, [older, leafOf(facts)])).rows).toEqual([{ changes: null }]);
    expect([await members('dba'), await members('leads')]).toEqual([['ada'], ['ada']]);
    await Promise.all([first.end(), other.end()]);
  });
});

describe('nobody can', () => {
  it('write what was seen, or a membership, but the API by this one function', async () => {
    const worker = await connect(databases.keyturn.worker);
    const seen = `'{}', null`;
    for (const client of [worker, api])
      for (const sql of [
        `insert into keyturn.claims_seen (issuer) values ('i')`,
        `update keyturn.claims_seen set issued_at = now()`,
        `select * from keyturn.claims_seen`,
        `update keyturn.membership set lapses_at = null`,
        `select keyturn.settle_claims(null, now())`,
        `select keyturn.keep_claims('{}', now())`,
        `select keyturn.count_directory_change(now())`,
        `select keyturn.append_directory_leaf('claims:x', '{}')`,
      ])
        await expect(client.query(sql), sql).rejects.toThrow('permission denied');
    await expect(worker.query(`select keyturn.see_claims(${seen})`)).rejects.toThrow('permission denied');
    await worker.end();
  });

  it.each<[string, (facts: object) => string]>([
    ['no entry at all', () => 'null'],
    ['an entry about something else', (facts) => leafOf({ ...facts, joined: [] })],
    ['an entry that says more', (facts) => leafOf({ ...facts, left: ['leads'] })],
    ['an entry about another person', (facts) => leafOf({ ...facts, person: 'per_olga' })],
    ['an entry of another authority', (facts) => leafOf({ ...facts, authority: 'scim:okta' })],
  ])('change who is in a group with %s', async (_name, leaf) => {
    await expect(see('ada', ['leads'], { leaf })).rejects.toThrow('to be null');
    expect(await members('leads')).toEqual([]);
  });

  it.each<[string, (facts: object) => string]>([
    ['of another type', (facts) => leafOf(facts).replace('directory.changed', 'policy.installed')],
    ['in another stream', (facts) => leafOf(facts).replace('"run":"directory"', '"run":"policy"')],
  ])('bring an entry %s with it', async (_name, leaf) => {
    await expect(see('ada', ['leads'], { leaf })).rejects.toThrow('not an entry about the directory');
    expect(await members('leads')).toEqual([]);
  });

  it('be seen by the account of an agent, of somebody else, or of nobody', async () => {
    for (const [subject, person] of [
      ['robot', 'ada'],
      ['olga', 'ada'],
      ['nobody', 'ada'],
    ] as const)
      await expect(see(subject, ['leads'], { person })).rejects.toMatchObject({ code: 'KT001' });
    expect(await members('leads')).toEqual([]);
  });

  it('be seen tomorrow, or in more groups than a token may list', async () => {
    const tomorrow = Date.now() / 1_000 + 86_400;
    await expect(see('ada', ['leads'], { issuedAt: tomorrow })).rejects.toThrow('what a token can say');
    const many = Array.from({ length: 201 }, (_, index) => `g${index}`);
    await expect(see('ada', ['leads', ...many])).rejects.toThrow('what a token can say');
    expect(await members('leads')).toEqual([]);
  });
});
