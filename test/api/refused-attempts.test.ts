import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';

import { leafHash, type Leaf } from '../../domain/audit/leaf.ts';
import { personPseudonym, pseudonymOf } from '../../domain/identity/ids.ts';
import type { ErrorCode } from '../../domain/errors.ts';
import type { Timeline } from '../../contract/history.ts';
import type { Reply } from '../stack/http.ts';
import { startApi, type TestApi } from './api.ts';
import { InSession } from './sign-in/in-session.ts';
import { storeRequest, type Stored, type StoredRequest } from './rows.ts';

let api: TestApi;
let sessions: InSession;
beforeAll(async () => {
  api = await startApi();
  sessions = new InSession(api);
});
afterEach(async () => {
  vi.restoreAllMocks();
  await api.db.query('update keyturn.kill_switch set lifted_at = now()');
});
afterAll(async () => {
  await api.stop();
});

async function leavesOf(id: string): Promise<readonly Leaf[]> {
  const { rows } = await api.db.query<{ leaf: string }>(
    'select leaf from audit.entry where request = $1 order by n',
    [id],
  );
  return rows.map(({ leaf }) => JSON.parse(leaf) as Leaf);
}

interface Attempt {
  readonly stored?: StoredRequest;
  readonly token: () => Promise<string>;
  readonly subject: string;
  readonly person?: string;
  readonly body?: object;
  readonly code: ErrorCode;
}

const human = (subject: string) => ({ subject, token: () => api.issuer.humanToken(subject) });
const OTHER_DIGEST = `sha256:${'0'.repeat(64)}`;

/** Who tries what, on which request. */
const ATTEMPTS: readonly (readonly [string, Attempt])[] = [
  ['the owner of the agent', { ...human('ada'), person: 'ada', code: 'self_approval' }],
  [
    'the person it acts for',
    { ...human('olga'), person: 'olga', stored: { onBehalfOf: 'olga' }, code: 'self_approval' },
  ],
  [
    'a denial of what is their own',
    { ...human('ada'), person: 'ada', body: { verdict: 'deny' }, code: 'use_withdraw' },
  ],
  ['somebody who is not asked', { ...human('omar'), person: 'omar', code: 'not_eligible' }],
  ['somebody whom the directory does not know', { ...human('stranger'), code: 'reviewer_unknown' }],
  ['somebody who left', { ...human('ines'), person: 'ines', code: 'reviewer_inactive' }],
  [
    'an answer to another digest',
    {
      ...human('olga'),
      person: 'olga',
      body: { decision_digest: OTHER_DIGEST },
      code: 'decision_digest_stale',
    },
  ],
  [
    'an answer after the end',
    { ...human('olga'), person: 'olga', stored: { status: 'denied' }, code: 'request_not_pending' },
  ],
  [
    'an answer after the expiry',
    {
      ...human('olga'),
      person: 'olga',
      stored: { createdAt: new Date(Date.now() - 7_200_001) },
      code: 'request_expired',
    },
  ],
  [
    'an agent',
    { subject: 'agent-dba', token: () => api.issuer.agentToken('agent-dba'), code: 'machine_cannot_decide' },
  ],
  [
    'the agent that asked',
    {
      subject: 'agent-billing',
      token: () => api.issuer.agentToken('agent-billing'),
      code: 'machine_cannot_decide',
    },
  ],
];

function tryOn(
  stored: Stored,
  { token, body = {} }: Pick<Attempt, 'token' | 'body'>,
  to = 'decisions',
): Promise<Reply> {
  const full = { decision_digest: stored.decisionDigest, verdict: 'approve', ...body };
  const path = `/v1/requests/${stored.id}/${to}`;
  return token().then((bearer) =>
    to === 'tickets' ? sessions.post(bearer, path, full) : api.http({ path, token: bearer, body: full }),
  );
}

const DELIVERIES = [
  ['decisions', 'decision'],
  ['tickets', 'ticket'],
] as const;

describe.each(DELIVERIES)('a refused attempt by %s', (to, delivery) => {
  it.each(ATTEMPTS)(
    'of %s stands in the log of the request, by whom, why and on what',
    async (_name, attempt) => {
      const { code, subject, person, body } = attempt;
      const stored = await storeRequest(api, attempt.stored);
      const warn = vi.spyOn(api.context.log, 'warn');
      expect(await tryOn(stored, attempt, to)).toMatchObject({ body: { code } });
      const { identity } = api.context.keys;
      const account = pseudonymOf(identity, { issuer: api.issuer.url, subject });
      const asked = { verdict: 'approve', decision_digest: stored.decisionDigest, ...body };
      expect(await leavesOf(stored.id)).toEqual([
        expect.objectContaining({
          type: 'decision.attempt_refused',
          actor: expect.objectContaining({
            pseudonym: account,
            kind: person === undefined ? 'agent' : 'person',
          }),
          decision_digest: asked.decision_digest,
          evidence: null,
          facts: expect.objectContaining({
            code,
            delivery,
            verdict: asked.verdict,
            person: person === undefined ? null : personPseudonym(identity, person),
            count: 1,
          }),
        }),
      ]);
      expect(warn).toHaveBeenCalledWith({ request: stored.id, account, delivery, code }, expect.any(String));
      const metrics = await api.context.metrics.refusedAttempts.get();
      expect(metrics.values).toContainEqual(
        expect.objectContaining({ labels: { delivery, code }, value: expect.any(Number) }),
      );
    },
  );
});

describe('refused attempts', () => {
  it('are shown with their cause to reviewers, and to those behind the request as steps only', async () => {
    const stored = await storeRequest(api);
    await tryOn(stored, human('ada'));
    const path = `/v1/requests/${stored.id}/timeline`;
    const seen = async (token: string) => (await api.http<Timeline>({ path, token })).body.items;
    expect(await seen(await api.issuer.humanToken('olga'))).toEqual([
      expect.objectContaining({ text: 'An attempt to decide was refused (self_approval).' }),
    ]);
    expect(await seen(await api.issuer.agentToken('agent-billing'))).toEqual([
      expect.objectContaining({
        type: 'decision.attempt_refused',
        actor: { kind: 'person' },
        text: 'An attempt to decide was refused.',
        facts: {},
      }),
    ]);
  });

  it('of one account are counted in fewer and fewer entries, however many there are', async () => {
    const stored = await storeRequest(api);
    for (let tries = 0; tries < 20; tries += 1) await tryOn(stored, human('ada'));
    await tryOn(stored, human('omar'));
    const leaves = await leavesOf(stored.id);
    expect(leaves.map(({ facts }) => facts['count'])).toEqual([1, 2, 4, 8, 16, 1]);
    expect(leaves.map(({ n }) => n)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('at the same moment follow one another in the log', async () => {
    const stored = await storeRequest(api);
    await Promise.all(['ada', 'omar', 'ines', 'stranger'].map((name) => tryOn(stored, human(name))));
    const { rows } = await api.db.query<{ leaf: string }>(
      'select leaf from audit.entry where request = $1 order by n',
      [stored.id],
    );
    expect(rows).toHaveLength(4);
    rows.forEach(({ leaf }, index) => {
      const before = rows[index - 1];
      expect((JSON.parse(leaf) as Leaf).prev).toBe(before ? leafHash(before.leaf) : null);
    });
  });

  it('of more accounts than one would expect are counted together', async () => {
    const stored = await storeRequest(api);
    await api.db.query(
      `insert into keyturn.refused_attempt select $1, 'acc_' || n, 'reviewer_unknown', 1 from generate_series(1, 200) n`,
      [stored.id],
    );
    for (const name of ['a-1', 'a-2', 'a-3']) await tryOn(stored, human(name));
    const counted = (await leavesOf(stored.id)).map(({ facts }) => [facts['counted_as'], facts['count']]);
    expect(counted).toEqual([
      ['others', 1],
      ['others', 2],
    ]);
  });

  it('to withdraw what is of others are recorded as well, also where they may not know of it', async () => {
    const stored = await storeRequest(api);
    const path = `/v1/requests/${stored.id}/withdraw`;
    const status = async (token: string) => (await api.http({ path, token, body: {} })).status;
    expect(await status(await api.issuer.humanToken('omar'))).toBe(403);
    expect(await status(await api.issuer.agentToken('agent-dba'))).toBe(404);
    const leaves = await leavesOf(stored.id);
    expect(leaves.map(({ type, facts }) => [type, facts['code']])).toEqual([
      ['request.withdrawal_refused', 'forbidden'],
      ['request.withdrawal_refused', 'not_found'],
    ]);
  });

  it('leave nothing where there is no such request, and change no answer when they cannot be recorded', async () => {
    const nobody = { id: `req_${'a'.repeat(26)}`, decisionDigest: OTHER_DIGEST };
    expect(await tryOn(nobody, human('olga'))).toMatchObject({ status: 404 });
    expect(await leavesOf(nobody.id)).toEqual([]);
    const stored = await storeRequest(api);
    const error = vi.spyOn(api.context.log, 'error');
    await api.db.query('begin');
    await api.db.query('select 1 from keyturn.request where id = $1 for update', [stored.id]);
    const reply = await tryOn(stored, human('ada'));
    await api.db.query('rollback');
    expect(reply).toMatchObject({ status: 403, body: { code: 'self_approval' } });
    expect(error).toHaveBeenCalledWith(expect.objectContaining({ request: stored.id }), expect.any(String));
  });
});

describe("the API's role", () => {
  const foreign: readonly (readonly [string, (leaf: Leaf) => object])[] = [
    ['of another kind', (leaf) => ({ ...leaf, type: 'request.approved' })],
    ['of another run', (leaf) => ({ ...leaf, stream: { ...leaf.stream, run: 'other' } })],
    ['out of turn', (leaf) => ({ ...leaf, n: 3 })],
    ['that follows from nothing', (leaf) => ({ ...leaf, prev: OTHER_DIGEST })],
    ['of the future', (leaf) => ({ ...leaf, at: '2999-01-01T00:00:00.000Z' })],
    ['of the past', (leaf) => ({ ...leaf, at: '2001-01-01T00:00:00.000Z' })],
    ['without a time', ({ at: _at, ...leaf }) => leaf],
    ['with a time in another form', (leaf) => ({ ...leaf, at: leaf.at.replace('Z', '+00:00') })],
    ['without a count', ({ n: _n, ...leaf }) => leaf],
    ['without an actor', ({ actor: _actor, ...leaf }) => leaf],
    ['with null for facts', (leaf) => ({ ...leaf, facts: null })],
    ['with more fields', (leaf) => ({ ...leaf, more: 1 })],
    ['with evidence', (leaf) => ({ ...leaf, evidence: { grade: 'A', refs: [] } })],
    ['that nobody counted', (leaf) => ({ ...leaf, facts: { ...leaf.facts, count: 99 } })],
    ['with a second of sixty', (leaf) => ({ ...leaf, at: leaf.at.replace(/\d\d\.\d{3}Z$/, '60.000Z') })],
    ['whose number is text', (leaf) => ({ ...leaf, n: String(leaf.n) })],
    ...[
      'execute/1/settle/1',
      'execute/1/probe/1',
      'execute/1/claim/0',
      'orphan/probe/1',
      'plan/2',
      'expire/1',
    ].map((step): readonly [string, (leaf: Leaf) => object] => [
      `with the id of an entry to come: ${step}`,
      (leaf) => ({ ...leaf, id: `${leaf.stream.request}/${leaf.stream.run}/${step}/1` }),
    ]),
    ['with the id of a later attempt', (leaf) => ({ ...leaf, id: leaf.id.replace(/1$/, '2') })],
    [
      'about a withdrawal that it names',
      (leaf) => ({ ...leaf, facts: { ...leaf.facts, withdrawal: 'wdr_x' } }),
    ],
    ['without a fact', ({ facts: { client: _client, ...facts }, ...leaf }) => ({ ...leaf, facts })],
    ['with a list for a fact', (leaf) => ({ ...leaf, facts: { ...leaf.facts, person: [] } })],
    ['with a name for a pseudonym', (leaf) => ({ ...leaf, facts: { ...leaf.facts, person: 'olga' } })],
    [
      'of a delivery that is of another kind',
      (leaf) => ({ ...leaf, facts: { ...leaf.facts, delivery: 'withdrawal' } }),
    ],
    [
      'counted for another account',
      (leaf) => ({ ...leaf, actor: { ...leaf.actor, pseudonym: `acc_${'b'.repeat(26)}` } }),
    ],
    ['by the system', (leaf) => ({ ...leaf, actor: { ...leaf.actor, kind: 'system' } })],
    ['about another intent', (leaf) => ({ ...leaf, intent_digest: OTHER_DIGEST })],
    ['as large as it likes', (leaf) => ({ ...leaf, facts: { ...leaf.facts, more: 'x'.repeat(9_000) } })],
  ];

  it.each(foreign)('can add no entry %s', async (_name, change) => {
    const stored = await storeRequest(api);
    await tryOn(stored, human('ada'));
    const { rows } = await api.db.query<{ leaf: string }>('select leaf from audit.entry where request = $1', [
      stored.id,
    ]);
    const last = rows[0]?.leaf ?? '';
    const next = {
      ...(JSON.parse(last) as Leaf),
      id: (JSON.parse(last) as Leaf).id.replace(/0$/, '1'),
      n: 1,
      prev: leafHash(last),
    };
    const role = new Client({ connectionString: api.databases.keyturn.api });
    await role.connect();
    const write = (leaf: object) =>
      role.query('select keyturn.record_refused_attempt($1, $2)', [JSON.stringify(leaf), {}]);
    try {
      await expect(write(change(next))).rejects.toThrow(/not the next entry|out of range/);
      await expect(role.query('insert into audit.entry (leaf) values ($1)', [last])).rejects.toThrow(
        'denied',
      );
      await write(next);
    } finally {
      await role.end();
    }
  });
});
