import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parse, stringify } from 'yaml';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RequestView } from '../../../contract/requests.ts';
import { call, type Reply } from '../../stack/http.ts';
import { waitFor } from '../../stack/wait.ts';
import { bodyOf, openCast, raiseLimit, refusal, type Cast } from './cast.ts';

/** Subjects that run into each other wherever names are glued together, folded or normalised. */
const SUBJECTS = [
  'robot',
  'Robot',
  'robot|a',
  'robot:a',
  'robot/a',
  '5:robot',
  '5:robota',
  'robot a',
  'r\u00f6bot', // one code point
  'ro\u0308bot', // the same letter, as two
  'robot\u{1f511}',
  '\u{1f511}robot',
] as const;

let cast: Cast;
let policies: string;

beforeAll(async () => {
  policies = fs.mkdtempSync(path.join(os.tmpdir(), 'keyturn-identities-'));
  fs.cpSync(path.join(import.meta.dirname, '../../stack/policies'), policies, { recursive: true });
  declareRobots(path.join(policies, 'directory.yaml'));
  cast = await openCast({ policies });
});

afterAll(async () => {
  await cast?.stack.stop();
  fs.rmSync(policies, { recursive: true, force: true });
});

function declareRobots(file: string): void {
  const directory = parse(fs.readFileSync(file, 'utf8')) as { agents: object[] };
  const robots = ['demo', 'second'].flatMap((issuer) =>
    SUBJECTS.map((subject, index) => ({ id: `${issuer}-robot-${index}`, issuer, subject, owner: 'ada' })),
  );
  directory.agents.push(...robots);
  fs.writeFileSync(file, stringify(directory));
}

interface Submission {
  readonly token: string;
  readonly key: string;
  readonly statement?: string;
  /** Seconds to wait for the plan. */
  readonly wait?: number;
}

/** A create call whose key travels as its UTF-8 bytes: what `fetch` takes as a header. */
async function create(submission: Submission): Promise<Reply<RequestView>> {
  const reply = await createOnce(submission);
  // A server that is too busy says so and keeps nothing half done: then the same again, as a client has to.
  return reply.status === 503 ? create(submission) : reply;
}

function createOnce({
  token,
  key,
  statement = 'select 1',
  wait = 0,
}: Submission): Promise<Reply<RequestView>> {
  return call<RequestView>(cast.stack.apis[0]?.url ?? '', {
    path: '/v1/requests',
    token,
    body: bodyOf({ statement, target: 'shop-closed' }),
    headers: { 'idempotency-key': Buffer.from(key, 'utf8').toString('latin1'), prefer: `wait=${wait}` },
  });
}

async function idOf(subject: string, key: string, issuer = cast.stack.issuer): Promise<string> {
  const { status, body } = await create({ token: await issuer.agentToken(subject), key });
  expect([200, 201, 202]).toContain(status);
  return body.id;
}

describe('no two callers share a request', () => {
  it('with one key, whatever their subjects look like', async () => {
    const key = 'the same key';
    const ids = await Promise.all(
      [cast.stack.issuer, cast.stack.secondIssuer].flatMap((issuer) =>
        SUBJECTS.map((subject) => idOf(subject, key, issuer)),
      ),
    );
    expect(new Set(ids).size).toBe(SUBJECTS.length * 2);
  });

  it('when subject and key say the same together', async () => {
    const pairs: [string, string][] = [
      ['robot', '|a|b'],
      ['robot|a', '|b'],
      ['robot', ':a:b'],
      ['robot:a', ':b'],
      ['robot', '/a/b'],
      ['robot/a', '/b'],
      ['robot', 'a:x'],
      ['5:robot', 'a:x'],
      ['5:robota', ':x'],
      ['robot', ' a'],
      ['robot a', ' '.repeat(1) + 'x'],
      ['robot\u{1f511}', 'k'],
      ['robot', '\u{1f511}k'],
    ];
    const ids = await Promise.all(pairs.map(([subject, key]) => idOf(subject, key)));
    expect(new Set(ids).size).toBe(pairs.length);
  });

  it('at two issuers that use the same subject, and neither can see the other', async () => {
    const key = randomUUID();
    const tokens = await Promise.all([
      cast.stack.issuer.agentToken('agent-billing'),
      cast.stack.secondIssuer.agentToken('agent-billing'),
    ]);
    const [first, second] = await Promise.all(tokens.map((token) => create({ token, key, wait: 20 })));
    expect(first?.body.id).not.toBe(second?.body.id);
    expect(refusal(await cast.get(tokens[0], `/v1/requests/${second?.body.id}`))).toEqual([404, 'not_found']);
    expect(refusal(await cast.get(tokens[1], `/v1/requests/${first?.body.id}`))).toEqual([404, 'not_found']);
    expect(second?.body.lineage.map(({ role, subject }) => `${role} ${subject}`)).toEqual([
      'requester agent-billing',
      'owner petra',
    ]);
  });
});

describe('an idempotency key', () => {
  it('is taken byte for byte: composed and decomposed letters, case, and spaces inside differ', async () => {
    const keys = [
      '\u00e9',
      'e\u0301',
      'E\u0301',
      'a b',
      'a  b',
      'a\u00a0b',
      '\u{1f468}\u200d\u{1f4bb}',
      '\u{1f468}\u{1f4bb}',
    ];
    const ids = await Promise.all(keys.map((key) => idOf('robot', key)));
    expect(new Set(ids).size).toBe(keys.length);
    expect(await Promise.all(keys.map((key) => idOf('robot', key)))).toEqual(ids);
  });

  it.each([
    ['nothing', ''],
    ['a tab', 'a\tb'],
    ['a C1 control character', 'a\u0085b'],
    ['more than 256 characters', 'k'.repeat(257)],
  ])('of %s is refused', async (_what, key) => {
    const reply = await create({ token: cast.agent, key });
    expect(refusal(reply)).toEqual([400, `idempotency_key_${key === '' ? 'missing' : 'invalid'}`]);
  });

  it('used twenty times at once makes one request with one workflow', async () => {
    const submission = { token: cast.agent, key: randomUUID(), statement: raiseLimit(), wait: 20 };
    const replies = await Promise.all(Array.from({ length: 20 }, () => create(submission)));
    expect(new Set(replies.map((reply) => reply.body.id)).size).toBe(1);
    const statuses = replies.map((reply) => reply.status);
    expect(statuses.filter((status) => status === 201).length).toBeLessThanOrEqual(1);
    expect(new Set([...statuses, 200, 201, 202])).toEqual(new Set([200, 201, 202]));
    const id = replies[0]?.body.id ?? '';
    const sql = `select count(*)::int as count from audit.entry where request = $1 and type = 'request.received'`;
    expect((await cast.stack.keyturnDb.query(sql, [id])).rows).toEqual([{ count: 1 }]);
    expect(await workflowsOf(id)).toBe(1);
  });

  it('used for another statement is refused, at once and after the request is over', async () => {
    const submission = { token: cast.agent, key: randomUUID(), statement: 'select 1', wait: 20 };
    const [first, other] = await Promise.all([
      create(submission),
      create({ ...submission, statement: 'select 2' }),
    ]);
    const refusals = [first, other].map(refusal).filter(([status]) => status === 422);
    expect(refusals).toEqual([[422, 'idempotency_key_reused']]);
    await cast.stack.waitForStatus(first.status === 422 ? other.body.id : first.body.id, 'denied');
    const late = await create({ ...submission, statement: 'select 3' });
    expect(refusal(late)).toEqual([422, 'idempotency_key_reused']);
  });

  it('belongs to the agent, not to whom it acts for: its token may change between tries', async () => {
    const key = randomUUID();
    const tokens = await Promise.all([
      cast.stack.issuer.agentToken('agent-assistant', { onBehalfOf: 'ada' }),
      cast.stack.issuer.agentToken('agent-assistant', { onBehalfOf: 'ada', claims: { jti: 'renewed' } }),
    ]);
    const [first, second] = [
      await create({ token: tokens[0], key, wait: 20 }),
      await create({ token: tokens[1], key, wait: 20 }),
    ];
    expect([first.status, second.status, second.body.id]).toEqual([201, 200, first.body.id]);
  });
});

/** How many runs Temporal has seen under this id. Its index lags behind: the first one is waited for. */
function workflowsOf(id: string): Promise<number> {
  return waitFor({
    what: `the workflow ${id} to be listed`,
    check: async () => {
      const { count } = await cast.stack.temporal.workflow.count(`WorkflowId = "${id}"`);
      return count > 0 ? count : undefined;
    },
  });
}

describe('arguments that nobody could agree on', () => {
  it.each([
    ['a prototype key', '{"statement":"select 1","__proto__":{"x":1}}'],
    ['a constructor key', '{"statement":"select 1","constructor":{"prototype":{}}}'],
    ['a prototype key, nested', '{"statement":{"__proto__":"select 1"}}'],
    ['an integer that loses digits', '{"statement":9007199254740993}'],
    ['an integer beyond a double', `{"statement":1${'0'.repeat(400)}}`],
    ['a lone surrogate', String.raw`{"statement":"select '\ud800'"}`],
    ['a lone surrogate in a name', String.raw`{"statement":"select 1","\udc00":1}`],
    ['NUL', String.raw`{"statement":"select '\u0000'"}`],
    ['a key given twice', '{"statement":"select 1","statement":"select 2"}'],
    ['nesting without end', `{"statement":${'['.repeat(5000)}${']'.repeat(5000)}}`],
    ['a name that the schema does not know', '{"statement":"select 1","timeout":5}'],
    ['a list', '["select 1"]'],
    ['null', 'null'],
    ['NaN', '{"statement":NaN}'],
    ['two values', '{"statement":"select 1"} {}'],
  ])('%s: refused before anything exists', async (_what, argumentsText) => {
    const key = randomUUID();
    const reply = await cast.stack.request(
      cast.agent,
      `{"action":"postgres.execute","target":"shop","arguments":${argumentsText}}`,
      { 'idempotency-key': key },
    );
    expect(reply.status).toBeGreaterThanOrEqual(400);
    expect(reply.status).toBeLessThan(500);
    expect(reply.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    // The key is still free: nothing was started under it.
    expect((await create({ token: cast.agent, key })).status).not.toBe(422);
  });
});
