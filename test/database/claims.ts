import { Client } from 'pg';
import type { DataSource } from 'typeorm';

import { installPolicy } from '../../activities/policy-install.ts';
import { createDataSource } from '../../database/data-source.ts';
import { DirectoryReader } from '../../database/directory-reader.ts';
import { claimsAuthority, type Directory, type Group } from '../../domain/identity/directory.ts';
import { leafHash, leafText, type LeafDraft } from '../../domain/audit/leaf.ts';
import { policyDigest, type PolicySet } from '../../domain/policy/policy.ts';
import { policyOf } from '../domain/examples.ts';
import { createDatabases, type StackDatabases } from '../stack/databases.ts';
import { takeNumber } from '../stack/temporal.ts';

export const ISSUER = 'https://id.example';
export const HOUR_MS = 3_600_000;

/** A group that tokens of the issuer list. */
export function fromClaims(id: string, claim = id, maximumAgeMs = HOUR_MS): Group {
  const authority = claimsAuthority(ISSUER);
  return { id, authority, claim, maximum_age_ms: maximumAgeMs, members: [], groups: [] };
}

/** Two people with two accounts each, and two groups that tokens list. */
export const DIRECTORY: Directory = {
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

/** What the database answers: what an entry has to say. */
export interface Answer {
  readonly changes: object | null;
}

/** How a token differs from the usual one: the account's own person, issued a second after the last one. */
export interface Token {
  readonly person?: string;
  readonly issuedAt?: number;
  readonly by?: { query(sql: string, values: unknown[]): Promise<{ rows: Answer[] }> };
  /** The only entry that is tried, made of the right facts. */
  readonly leaf?: (facts: object) => string;
}

/** An entry about the directory; where it stands is said when it is brought. */
export function leafOf(facts: object): string {
  return leafText(
    {
      type: 'directory.changed',
      at: new Date().toISOString(),
      actor: { pseudonym: 'sys_claims', kind: 'system', via: 'claims' },
      intent_digest: null,
      decision_digest: null,
      policy_digest: null,
      facts: facts as LeafDraft['facts'],
      evidence: null,
      parts: {},
    },
    {
      id: '',
      request: 'directory',
      run: 'directory',
      namespace: '',
      n: 0,
      prev: null,
      nonce: 'ab'.repeat(16),
      salts: {},
    },
  );
}

/** A database with its roles, and what tokens bring to it. */
export class ClaimsDatabase {
  /** When the latest token was issued. Each is of a later second, all of this hour. */
  second = Math.floor(Date.now() / 1_000) - 3_000;
  readonly #reader = new DirectoryReader();

  private constructor(
    readonly databases: StackDatabases,
    readonly source: DataSource,
    readonly clients: { readonly admin: Client; readonly api: Client },
  ) {}

  static async open(): Promise<ClaimsDatabase> {
    const databases = await createDatabases(`claims_${takeNumber()}`);
    const source = createDataSource({ url: databases.keyturn.worker, applicationName: 'test' });
    await source.initialize();
    const { admin, api } = databases.keyturn;
    return new ClaimsDatabase(databases, source, { admin: await connect(admin), api: await connect(api) });
  }

  async close(): Promise<void> {
    await this.source.destroy();
    await Promise.all(Object.values(this.clients).map((client) => client.end()));
  }

  /** The usual directory, in whose groups nobody is. */
  async empty(): Promise<void> {
    await this.install(DIRECTORY);
    await this.see('ada', []);
    await this.see('olga', []);
  }

  async install(directory: Directory): Promise<void> {
    const policy: PolicySet = { ...policyOf([]), directory };
    const at = new Date().toISOString();
    await installPolicy(this.source, {
      sources: { files: {}, environment: {} },
      policy,
      digest: policyDigest(policy),
      installedBy: 'test',
      at,
    });
  }

  /** What a token of `subject` lists, brought as the API brings it. Answers what changed by it, or null. */
  async see(subject: string, listed: readonly string[], token: Token = {}): Promise<object | null> {
    const seen = this.#seen(subject, listed, token);
    let [changes, entry]: [object | null, string | null] = [null, null];
    for (;;) {
      const needed = await this.#call(token, seen, entry);
      if (needed === null) return changes;
      if (token.leaf && entry !== null) throw new Error('another entry is needed');
      changes = needed;
      const facts = { ...needed, authority: claimsAuthority(ISSUER), person: seen.pseudonym };
      entry = await this.#chained((token.leaf ?? leafOf)(facts));
    }
  }

  /** The entry as the next one of the stream. */
  async #chained(entry: string): Promise<string> {
    const leaf = JSON.parse(entry) as object | null;
    if (leaf === null) return entry;
    const sql = `select leaf from audit.entry where request = 'directory' order by n desc limit 1`;
    const { rows } = await this.clients.admin.query<{ leaf: string }>(sql);
    const [last] = rows;
    const n = last ? (JSON.parse(last.leaf) as { n: number }).n + 1 : 0;
    const id = `directory/directory/change/${n}`;
    return JSON.stringify({ ...leaf, id, n, prev: last ? leafHash(last.leaf) : null });
  }

  async #call(token: Token, seen: object, entry: string | null): Promise<object | null> {
    const { by = this.clients.api } = token;
    const sql = 'select keyturn.see_claims($1, $2) as changes';
    try {
      const { rows } = await by.query(sql, [JSON.stringify(seen), entry]);
      return rows[0]?.changes ?? null;
    } catch (error) {
      // Another entry came first. The API's writers stand in line, so that this does not happen to them.
      if (token.leaf || !(error instanceof Error && error.message.startsWith('not the next entry')))
        throw error;
      return this.#call(token, seen, null);
    }
  }

  #seen(subject: string, listed: readonly string[], token: Token) {
    const { person = subject.split('.')[0], issuedAt = (this.second += 1) } = token;
    const about = { issuer: ISSUER, subject, person, pseudonym: `per_${person}` };
    return { ...about, issued_at: issuedAt, claim_digest: [...listed].sort().join(), listed };
  }

  async members(group: string, at?: Date): Promise<readonly string[]> {
    const { manager } = this.source;
    const directory = at ? await this.#reader.at(manager, at) : (await this.#reader.now(manager)).directory;
    return directory.groups.find(({ id }) => id === group)?.members ?? [];
  }

  async generation(): Promise<number> {
    return Number((await this.#reader.now(this.source.manager)).generation);
  }

  async countEntries(): Promise<number> {
    const sql = `select count(*)::int as count from audit.entry where request = 'directory'`;
    return (await this.clients.admin.query<{ count: number }>(sql)).rows[0]?.count ?? 0;
  }

  /** An instant of the database's clock that lies between two changes. */
  async instant(): Promise<Date> {
    const sql = `with waited as (select pg_sleep(0.002)) select clock_timestamp() as at from waited`;
    return (await this.clients.admin.query<{ at: Date }>(sql)).rows[0]?.at ?? new Date(0);
  }
}

export async function connect(url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  await client.connect();
  return client;
}
