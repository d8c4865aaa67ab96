import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { installPolicy } from '../../activities/policy-install.ts';
import { createDataSource } from '../../database/data-source.ts';
import { lastLeafOf, nextLeaf, type LeafDraft, type LeafType } from '../../domain/audit/leaf.ts';
import { canonicalJson, type JsonValue } from '../../domain/crypto/canonical-json.ts';
import { digestOf, sha256 } from '../../domain/crypto/digest.ts';
import { policyDigest, type PolicySet } from '../../domain/policy/policy.ts';
import { exampleRule, policyOf } from '../domain/examples.ts';
import { createDatabases, type StackDatabases } from '../stack/databases.ts';
import { takeNumber } from '../stack/temporal.ts';

let databases: StackDatabases;
let admin: Client;
let worker: Client;

const POLICY = policyOf([], { operators: ['group:dba'] });
const OTHER: PolicySet = { ...POLICY, rules: [exampleRule('other', 'review')] };
const [BASE, PROPOSAL] = [policyDigest(POLICY), policyDigest(OTHER)];

beforeAll(async () => {
  databases = await createDatabases(`activations_${takeNumber()}`);
  [admin, worker] = (await Promise.all([databases.keyturn.admin, databases.keyturn.worker].map(connect))) as [
    Client,
    Client,
  ];
  const source = createDataSource({ url: databases.keyturn.worker, applicationName: 'test', poolSize: 1 });
  await source.initialize();
  await installPolicy(source, {
    sources: { files: {}, environment: {} },
    policy: POLICY,
    digest: BASE,
    installedBy: 'test',
    at: now(),
  });
  await source.destroy();
});

afterAll(async () => {
  await Promise.all([admin, worker].map((client) => client.end()));
});

async function connect(connectionString: string): Promise<Client> {
  const client = new Client({ connectionString });
  await client.connect();
  return client;
}

function now(): string {
  return new Date().toISOString();
}

const REQUEST = `req_${'p'.repeat(26)}`;
const [PLAN, DECISION] = [sha256('plan'), sha256('decision')];

/** What the database holds of a publication that is being executed. */
interface Publishing {
  readonly action: string;
  readonly received: string;
  readonly status: string;
  readonly fingerprint: string;
  readonly opened: { readonly plan_digest: string; readonly decision_digest: string };
  readonly claim: { readonly state: string; readonly decision_digest: string; readonly key: string };
  readonly recorded: { readonly attempt: number; readonly key: string };
  readonly isProposed: boolean;
}

const PUBLISHING: Publishing = {
  action: 'keyturn.policy.publish',
  received: 'keyturn.policy.publish',
  status: 'executing',
  fingerprint: digestOf({ base: BASE, candidate: PROPOSAL }),
  opened: { plan_digest: PLAN, decision_digest: DECISION },
  claim: { state: 'claimed', decision_digest: DECISION, key: 'key' },
  recorded: { attempt: 1, key: 'key' },
  isProposed: true,
};

const SPOILED: readonly (readonly [what: string, change: Partial<Publishing>])[] = [
  ['does something else', { action: 'postgres.execute' }],
  ['was received as something else', { received: 'postgres.execute' }],
  ['is not being executed', { status: 'approved', claim: { ...PUBLISHING.claim, state: 'not_done' } }],
  ['has no open claim', { claim: { ...PUBLISHING.claim, state: 'not_done' } }],
  ['is claimed by another decision', { claim: { ...PUBLISHING.claim, decision_digest: sha256('another') } }],
  ['has a claim that is in no entry', { recorded: { attempt: 2, key: 'key' } }],
  ['has a claim with another key', { recorded: { attempt: 1, key: 'another' } }],
  ['was asked about another plan', { opened: { ...PUBLISHING.opened, plan_digest: sha256('another') } }],
  [
    'was asked for another decision',
    { opened: { ...PUBLISHING.opened, decision_digest: sha256('another') } },
  ],
  ['publishes another policy', { fingerprint: digestOf({ base: BASE, candidate: sha256('another') }) }],
  ['publishes it in place of another', { fingerprint: digestOf({ base: sha256('x'), candidate: PROPOSAL }) }],
  ['publishes what nobody proposed', { isProposed: false }],
];

/** Tries to activate in a transaction of the worker's role that is taken back. Answers the error, or null. */
async function tried(publishing: Publishing, request = REQUEST): Promise<string | null> {
  await admin.query('delete from keyturn.policy_candidate');
  if (publishing.isProposed)
    await admin.query(
      `insert into keyturn.policy_candidate (digest, body, sources, proposed_at, person, issuer, subject)
       values ($1, $2, '', now(), 'olga', 'i', 's')`,
      [PROPOSAL, canonicalJson(OTHER)],
    );
  await worker.query('begin');
  try {
    await write(publishing);
    const entry = await activation(request);
    await worker.query('select keyturn.activate_policy($1, $2, $3)', [
      JSON.stringify({ at: now(), by: 'x' }),
      canonicalJson(OTHER),
      entry,
    ]);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : 'unknown';
  } finally {
    await worker.query('rollback');
  }
}

async function write({ action, status, claim, ...logged }: Publishing): Promise<void> {
  await worker.query(
    `insert into keyturn.request (id, run_id, envelope, action, schema_version, target, environment, mode,
       intent_digest, lineage, requester_issuer, requester_subject, creation_policy_digest, status,
       decision_digest, created_at, updated_at)
     values ($1, 'run', 'e', $2, 1, 'keyturn', 'keyturn', 'execute', 'i', '[]', 'i', 's', $3, $4, $5, now(), now())`,
    [REQUEST, action, BASE, status, DECISION],
  );
  await worker.query(
    `insert into keyturn.execution (request, attempt, idempotency_key, decision_digest, state, claimed_at)
     values ($1, 1, $2, $3, $4, now())`,
    [REQUEST, claim.key, claim.decision_digest, claim.state],
  );
  const { received, fingerprint, opened, recorded } = logged;
  const { plan_digest, decision_digest } = opened;
  await log([
    { type: 'request.received', facts: { action: received }, decision: null },
    { type: 'request.planned', facts: { plan_digest: PLAN, fingerprint }, decision: null },
    { type: 'request.pending', facts: { plan_digest, round: 1 }, decision: decision_digest },
    {
      type: 'execution.claimed',
      facts: { attempt: recorded.attempt, idempotency_key: recorded.key },
      decision: DECISION,
    },
  ]);
}

interface Logged {
  readonly type: LeafType;
  readonly facts: Record<string, JsonValue>;
  readonly decision: string | null;
}

async function log(entries: readonly Logged[]): Promise<void> {
  let last: string | null = null;
  for (const { type, facts, decision } of entries) {
    const position = { request: REQUEST, run: 'run', namespace: '', nonce: 'ab', salts: {} };
    const draft = { ...DRAFT, type, facts, at: now(), decision_digest: decision };
    last = nextLeaf(draft, { ...position, id: (n) => `${REQUEST}/run/${n}`, last: lastLeafOf(last) }).text;
    await worker.query('insert into audit.entry (leaf) values ($1)', [last]);
  }
}

const DRAFT: Omit<LeafDraft, 'type' | 'facts' | 'at'> = {
  actor: { pseudonym: 'sys_worker', kind: 'system', via: 'worker' },
  intent_digest: null,
  decision_digest: null,
  policy_digest: null,
  evidence: null,
  parts: {},
};

async function activation(request: string): Promise<string> {
  const { rows } = await worker.query<{ leaf: string; counts: Record<string, number> }>(
    `select leaf, keyturn.preview_file_directory($1) as counts from audit.entry
     where request = 'policy' order by n desc limit 1`,
    [JSON.stringify(OTHER.directory)],
  );
  const { leaf = null, counts = {} } = rows[0] ?? {};
  const facts = { digest: PROPOSAL, generation: 2, replaces: BASE, directory: counts, request };
  const draft = { ...DRAFT, type: 'policy.installed' as const, facts, at: now(), policy_digest: PROPOSAL };
  const position = { request: 'policy', run: 'policy', namespace: '', nonce: 'ab'.repeat(16), salts: {} };
  return nextLeaf(draft, {
    ...position,
    id: (n) => `policy/policy/install/${n + 1}/1`,
    last: lastLeafOf(leaf),
  }).text;
}

describe('a policy without `recovery` in its entry', () => {
  it('becomes active by the open claim of a request that publishes it', async () => {
    expect(await tried(PUBLISHING)).toBeNull();
  });

  it.each(SPOILED)('does not by a request that %s', async (_what, change) => {
    expect(await tried({ ...PUBLISHING, ...change })).toMatch(/no request publishes this policy/);
  });

  it.each(['req_none', ''])('does not by a request that is not there: %j', async (request) => {
    expect(await tried(PUBLISHING, request)).toMatch(/no request publishes this policy/);
  });
});

describe('the role of the worker', () => {
  const SIGNED = ['id', 'run_id', 'envelope', 'action', 'schema_version', 'target', 'environment', 'mode'];
  const OTHERS = [
    'intent_digest',
    'lineage',
    'requester_subject',
    'creation_policy_digest',
    'owner_key',
    'created_at',
  ];

  it.each([...SIGNED, ...OTHERS])('does not change what was received of a request: %s', async (column) => {
    await expect(worker.query(`update keyturn.request set ${column} = ${column}`)).rejects.toMatchObject({
      code: '42501',
    });
  });

  it.each(['request', 'attempt', 'idempotency_key', 'decision_digest', 'claimed_at'])(
    'does not change what was claimed: %s',
    async (column) => {
      await expect(worker.query(`update keyturn.execution set ${column} = ${column}`)).rejects.toMatchObject({
        code: '42501',
      });
    },
  );
});
