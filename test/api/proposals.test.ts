import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { checkProposal } from '../../activities/connectors/keyturn-policy/proposal.ts';
import { findingsOfSources, type CheckWork, type PolicyFindings } from '../../policy-files/validation.ts';
import type { PolicySet } from '../../domain/policy/policy.ts';
import type { Proposal } from '../../contract/policies.ts';
import type { Problem } from '../../contract/problem.ts';
import type { Reply } from '../stack/http.ts';
import { sourcesOf } from '../policy-files/decompile.ts';
import { GOOD_BODY, startApi, type TestApi } from './api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startApi({ KEYTURN_API_EVALUATE_RATE: '1' });
});
afterEach(async () => {
  await api.db.query('delete from keyturn.policy_candidate');
});
afterAll(async () => {
  await api.stop();
});

async function send<T = Proposal & { code?: string; detail?: string }>(
  body: unknown,
  name = 'olga',
): Promise<Reply<T>> {
  return api.http<T>({ path: '/v1/policies', token: await api.issuer.humanToken(name), body });
}

async function propose(
  name: string,
  title: string,
): Promise<Reply<Proposal & { code?: string; detail?: string }>> {
  const [action, ...actions] = api.policy.actions;
  const policy: PolicySet = { ...api.policy, actions: action ? [{ ...action, title }, ...actions] : [] };
  return send(sourcesOf(policy), name);
}

/** Proposals as somebody made them so long ago, each of so many bytes. */
async function store(count: number, person: string, { hours = 1, bytes = 20 } = {}): Promise<void> {
  await api.db.query(
    `insert into keyturn.policy_candidate (digest, body, sources, proposed_at, person, issuer, subject)
     select 'sha256:' || encode(sha256(convert_to(body, 'UTF8')), 'hex'), body, '', now() - $3::int * interval '1 hour', $2::text, 'i', 's'
     from (select rpad($2::text || ' ' || one || ' ' || $3::int, $4::int, 'x') as body from generate_series(1, $1::int) one) made`,
    [count, person, hours, bytes],
  );
}

async function stored(): Promise<number> {
  const { rows } = await api.db.query<{ count: number }>(
    'select count(*)::int as count from keyturn.policy_candidate',
  );
  return rows[0]?.count ?? -1;
}

describe('proposals of one person', () => {
  it('end after a hundred within a day, with what to do, and leave others alone', async () => {
    await store(99, 'olga');
    expect((await propose('olga', 'the hundredth')).status).toBe(201);
    const refused = await propose('olga', 'one more');
    expect([refused.status, refused.body.code]).toEqual([429, 'too_many_proposals']);
    expect(refused.body.detail).toContain('keyturn policy check');
    // The oldest is an hour old.
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(22 * 3600);
    expect(await stored()).toBe(100);
    expect((await propose('omar', 'of another')).status).toBe(201);
  });

  it('may be repeated as often as one likes', async () => {
    expect((await propose('olga', 'again')).body.is_new).toBe(true);
    await store(100, 'olga');
    const repeated = await propose('olga', 'again');
    expect([repeated.status, repeated.body.is_new]).toEqual([201, false]);
  });

  it('count for a day only, and by their size as well', async () => {
    await store(100, 'olga', { hours: 25 });
    expect((await propose('olga', 'of today')).status).toBe(201);
    await store(32, 'olga', { bytes: 1_048_576 });
    expect((await propose('olga', 'too large')).body.code).toBe('too_many_proposals');
  });

  it('are counted one after the other, also when they come at once', async () => {
    await store(98, 'olga');
    const replies = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((title) => propose('olga', title)));
    expect(replies.filter(({ status }) => status === 201)).toHaveLength(2);
    expect(replies.filter(({ status }) => status === 429)).toHaveLength(3);
  });
});

it('a proposal under which no operator could sign in is refused at once, with where people sign in', async () => {
  const { directory } = api.policy;
  const people = directory.people.map((person) => ({
    ...person,
    accounts: person.accounts.map((_account, n) => ({
      issuer: 'http://127.0.0.1:1',
      subject: `${person.id}-${n}`,
    })),
  }));
  const policy = { ...api.policy, directory: { ...directory, people } };
  const refused = await send(sourcesOf(policy));
  expect([refused.status, refused.body.code]).toEqual([422, 'policy_invalid']);
  expect(refused.body.detail).toContain("their accounts are at 'http://127.0.0.1:1', and people sign in at");
  expect(await stored()).toBe(0);
});

describe('proposals of everybody', () => {
  it('end where too many that nobody published are kept', async () => {
    await store(5_000, 'nobody', { hours: 1_000 });
    const refused = await propose('olga', 'too late');
    expect([refused.status, refused.body.code]).toEqual([409, 'proposals_full']);
    expect(refused.body.detail).toContain('docs/operating.md');
  });
});

describe('dry runs', () => {
  it('have a limit of their own, far below that of other calls', async () => {
    const token = await api.issuer.agentToken('agent-billing');
    const ask = (): Promise<Reply<{ code?: string }>> =>
      api.http({ path: '/v1/evaluate', token, body: GOOD_BODY });
    const replies = await Promise.all(Array.from({ length: 12 }, ask));
    const refused = replies.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThan(5);
    expect(refused[0]?.body.code).toBe('rate_limited');
    expect(Number(refused[0]?.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await api.http({ path: '/v1/actions', token })).status).toBe(200);
  });
});

describe('the files of a proposal', () => {
  it('are named with file and line where they do not compile, and nothing is kept', async () => {
    const { files } = sourcesOf(api.policy);
    const refused = await send<Problem>({ files: { ...files, '../x.yaml': '', 'rules/y.yaml': 'a: *b' } });
    expect([refused.status, refused.body.code]).toEqual([422, 'policy_invalid']);
    expect(refused.body.detail?.split('\n')).toEqual([
      '../x.yaml:1:1 not part of a policy folder',
      expect.stringMatching(/^rules\/y\.yaml:1:4 /),
    ]);
    expect(await stored()).toBe(0);
  });

  it('are what is sent: of a compiled policy its sender is shown so', async () => {
    const refused = await send<Problem>({ policy: api.policy });
    expect([refused.status, refused.body.code]).toEqual([400, 'invalid_request']);
    expect(JSON.stringify(refused.body)).toContain('send the YAML files of the policy as they are');
  });

  it('are kept as their first proposer wrote them, comments too, with the variables that they read', async () => {
    const { files } = sourcesOf(api.policy);
    const commented = (text: string): object => ({
      ...files,
      'keyturn.yaml': `${files['keyturn.yaml']}# ${text}\n`,
    });
    const { body } = await send({ files: commented('first'), environment: { HOME: 'x' } });
    const again = await send({ files: commented('second') }, 'omar');
    expect(again.body).toEqual({ ...body, is_new: false });
    const { rows } = await api.db.query<{ sources: string }>('select sources from keyturn.policy_candidate');
    expect(rows.map(({ sources }) => JSON.parse(sources) as unknown)).toEqual([
      { files: commented('first'), environment: {} },
    ]);
  });

  const checked = async (digest: string): ReturnType<typeof checkProposal> => {
    const { source, policies } = api.context;
    const check = (work: CheckWork): Promise<PolicyFindings> => Promise.resolve(findingsOfSources(work));
    return checkProposal({ source, policies, check }, { candidate: digest, base: api.policyDigest });
  };
  const refusedWith = (detail: string): object => ({
    kind: 'refused',
    code: 'policy_invalid',
    detail: expect.stringContaining(detail) as string,
  });

  it('are refused by the worker whose targets name a file of its own', async () => {
    const url = 'file:/run/secrets/worker.env';
    const targets = api.policy.targets.map((target) => ({
      ...target,
      connection: { ...target.connection, url },
    }));
    const { body } = await send(sourcesOf({ ...api.policy, targets }));
    expect(await checked(body.digest)).toMatchObject(refusedWith(`${url} is not below /run/targets`));
  });

  it.each([
    [
      'another policy',
      (sources: string) => sources.replace('the title', 'an other title'),
      'compile to another',
    ],
    [
      'what does not compile',
      (sources: string) => sources.replace('keyturn.yaml', '../x.yaml'),
      '../x.yaml:1:1',
    ],
    ['no files', () => 'null', 'no texts of files'],
  ])('are refused by the worker where they were changed to %s', async (_what, change, detail) => {
    const { body } = await propose('olga', 'the title');
    expect(await checked(body.digest)).toMatchObject({ kind: 'good' });
    const { rows } = await api.db.query<{ sources: string }>('select sources from keyturn.policy_candidate');
    const update = 'update keyturn.policy_candidate set sources = $1';
    await api.db.query(update, [change(rows[0]?.sources ?? '')]);
    expect(await checked(body.digest)).toMatchObject(refusedWith(detail));
  });
});
