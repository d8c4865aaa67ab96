import { Client } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { Leaf } from '../../../domain/audit/leaf.ts';
import { policyDigest, type PolicySet, type Rule } from '../../../domain/policy/policy.ts';
import type { Proposal } from '../../../contract/policies.ts';
import type { Problem } from '../../../contract/problem.ts';
import type { RequestView } from '../../../contract/requests.ts';
import type { Reply } from '../../stack/http.ts';
import { waitFor } from '../../stack/wait.ts';
import { sourcesOf } from '../../policy-files/decompile.ts';
import { activate } from '../../workflows/policies.ts';
import { openCast, refusal, type Cast } from './cast.ts';

/** Rules change by the same rules: publishing a policy is a request like any other, and reviewed as one. */

let cast: Cast;
let files: PolicySet;
beforeAll(async () => {
  cast = await openCast();
  files = (await active()).body;
});
// Whatever an earlier test, or an earlier try of the same, has published.
beforeEach(() => activate(cast.stack.keyturnDb, files));
afterAll(async () => {
  await cast.stack.stop();
});

type ActiveRow = Readonly<{ generation: string; digest: string; body: PolicySet }>;

async function active(): Promise<ActiveRow> {
  const { rows } = await cast.stack.keyturnDb.query<ActiveRow>(
    'select generation, digest, body from keyturn.policy_active join keyturn.policy_set using (digest)',
  );
  const [row] = rows;
  if (!row) throw new Error('No policy is active.');
  return row;
}

async function installations(): Promise<Leaf[]> {
  const { rows } = await cast.stack.keyturnDb.query<{ leaf: string }>(
    `select leaf from audit.entry where type = 'policy.installed' order by n`,
  );
  return rows.map(({ leaf }) => JSON.parse(leaf) as Leaf);
}

function propose<T = Proposal>(token: string, policy: PolicySet): Promise<Reply<T>> {
  return cast.post<T>(token, '/v1/policies', sourcesOf(policy));
}

function requestTo<T = RequestView>(
  token: string,
  args: { readonly candidate: string; readonly base: string },
): Promise<Reply<T>> {
  return cast.stack.request<T>(token, {
    action: 'keyturn.policy.publish',
    target: 'keyturn',
    arguments: args,
  });
}

/** Proposes a policy and asks for it to be published, as `keyturn policy publish` does. */
async function publish(token: string, policy: PolicySet): Promise<RequestView> {
  const proposed = await propose(token, policy);
  expect(proposed.status).toBe(201);
  const { digest: candidate, active: base } = proposed.body;
  const request = await requestTo(token, { candidate, base });
  expect(request.status).toBeLessThan(300);
  return request.body;
}

async function approve(token: string, id: string): Promise<number> {
  return (await cast.stack.decide(token, id)).status;
}

function forbid(id: string, env: string): Rule {
  return {
    id,
    on: { action: ['postgres.execute'], env: [env] },
    effect: 'forbid',
    because: 'Nothing is changed there now',
    require: null,
    replaces_default: false,
    source: `rules/${id}.yaml:1`,
  };
}

async function plus(rule: Rule): Promise<PolicySet> {
  const { body } = await active();
  return { ...body, rules: [...body.rules, rule] };
}

describe('a policy that only adds a forbid rule', () => {
  it('takes one operator who did not propose it, is on record, and stops what is pending', async () => {
    const before = await active();
    const pending = await cast.ask();
    const request = await publish(cast.petra, await plus(forbid('stop-prod', 'prod')));
    expect(request.status).toBe('pending');
    const shown = await cast.show(cast.olga, request.id);
    expect(shown.plan?.operation).toContain('+ rule stop-prod (rules/stop-prod.yaml:1): tightening');
    expect(shown.plan?.effects).toMatchObject([{ resource: 'rules', inserted: 1, updated: 0, deleted: 0 }]);
    expect(shown.plan?.warnings).toContainEqual(
      expect.stringMatching(/^Look at rules\/usual\.yaml:1:\d+ usual rule_shadowed: decides nothing/),
    );
    expect(refusal(await cast.stack.decide(cast.petra, request.id))).toEqual([403, 'self_approval']);
    expect(refusal(await cast.stack.decide(cast.dmitri, request.id))).toEqual([403, 'not_eligible']);
    expect(await approve(cast.olga, request.id)).toBe(200);
    await cast.stack.waitForStatus(request.id, 'succeeded');
    const now = await active();
    expect(Number(now.generation)).toBe(Number(before.generation) + 1);
    expect((await installations()).at(-1)?.facts).toMatchObject({
      request: request.id,
      digest: now.digest,
      replaces: before.digest,
    });
    // Already denied where the worker looked at it first.
    expect([200, 409]).toContain(await approve(cast.dmitri, pending.id));
    expect((await cast.stack.waitForStatus(pending.id, 'denied'))['denied_by']).toBe('policy');
  });
});

describe('a policy that may let more through', () => {
  it('takes two different operators: here a rule is removed', async () => {
    await activate(cast.stack.keyturnDb, await plus(forbid('stop-prod', 'prod')));
    const { body } = await active();
    const request = await publish(cast.ada, {
      ...body,
      rules: body.rules.filter(({ id }) => id !== 'stop-prod'),
    });
    expect((await cast.show(cast.olga, request.id)).plan?.warnings.join()).toContain('two different people');
    expect(await approve(cast.olga, request.id)).toBe(200);
    expect((await cast.show(cast.olga, request.id)).status).toBe('pending');
    expect(refusal(await cast.stack.decide(cast.olga, request.id))).toEqual([409, 'already_decided']);
    expect(await approve(cast.omar, request.id)).toBe(200);
    await cast.stack.waitForStatus(request.id, 'succeeded');
    expect((await active()).digest).toBe(policyDigest((await active()).body));
  });

  it.each<[string, (set: PolicySet) => PolicySet]>([
    ['a member of a group', (set) => withMember(set, 'operators', 'dmitri')],
    [
      'a calendar with a holiday',
      (set) => ({
        ...set,
        calendars: [
          {
            id: 'office',
            time_zone: 'Europe/Berlin',
            week: {
              mon: [{ from: '09:00', to: '17:00' }],
              tue: [],
              wed: [],
              thu: [],
              fri: [],
              sat: [],
              sun: [],
            },
            holidays: ['2027-01-01'],
          },
        ],
      }),
    ],
    [
      'a rule that forbids publishing at times',
      (set) =>
        withRule(set, { on: { action: ['keyturn.policy.publish'], env: null }, when: 'plan.reversible' }),
    ],
    ['a review rule that replaces the default', (set) => ({ ...set, rules: [...set.rules, replacing(set)] })],
  ])('takes two different people: here %s is added', async (_what, change) => {
    const request = await publish(cast.ada, change((await active()).body));
    expect((await cast.show(cast.olga, request.id)).requirement?.distinct_people).toBe(2);
    await cast.post(cast.ada, `/v1/requests/${request.id}/withdraw`, {});
  });
});

function withMember(set: PolicySet, group: string, person: string): PolicySet {
  const groups = set.directory.groups.map((known) =>
    known.id === group ? { ...known, members: [...known.members, person] } : known,
  );
  return { ...set, directory: { ...set.directory, groups } };
}

function replacing(set: PolicySet): Rule {
  const [usual] = set.rules;
  if (!usual?.require) throw new Error('The first rule is a review rule.');
  return { ...usual, id: 'replacing', require: { ...usual.require, rule: 'replacing' } };
}

describe('who wrote a policy', () => {
  it('cannot approve it, also when somebody else asks for it', async () => {
    const { body: proposal } = await propose(cast.olga, await plus(forbid('by-olga', 'prod')));
    const request = await requestTo(cast.agent, { candidate: proposal.digest, base: proposal.active });
    expect(request.body.lineage).toContainEqual(expect.objectContaining({ role: 'editor', subject: 'olga' }));
    expect(refusal(await cast.stack.decide(cast.olga, request.body.id))).toEqual([403, 'self_approval']);
    await cast.post(cast.agent, `/v1/requests/${request.body.id}/withdraw`, {});
  });

  it('is a person: machines may ask for what people proposed, and for nothing else', async () => {
    const policy = await plus(forbid('by-machine', 'prod'));
    expect(refusal(await propose<Problem>(cast.agent, policy))).toEqual([403, 'machine_cannot_decide']);
    const args = { candidate: policyDigest(policy), base: (await active()).digest };
    expect(refusal(await requestTo<Problem>(cast.agent, args))).toEqual([422, 'unknown_policy']);
    expect(refusal(await cast.get(cast.agent, `/v1/policies/${args.base}`))).toEqual([
      403,
      'machine_cannot_decide',
    ]);
  });
});

describe('a policy whose base is not the active one any more', () => {
  it('is not activated although it was approved', async () => {
    const first = await publish(cast.ada, await plus(forbid('first', 'sandbox')));
    const second = await publish(cast.ada, await plus(forbid('second', 'sandbox')));
    expect(await approve(cast.olga, first.id)).toBe(200);
    await cast.stack.waitForStatus(first.id, 'succeeded');
    const { digest } = await active();
    expect(await approve(cast.olga, second.id)).toBe(200);
    const row = await cast.stack.waitForStatus(second.id, 'failed');
    expect(row['failure']).toMatchObject({ code: 'policy_base_changed' });
    expect((await active()).digest).toBe(digest);
  });
});

describe('keyturn policy publish', () => {
  it('proposes a folder, shows what changes, and asks', async () => {
    const evaluated = await publish(cast.ada, await plus(forbid('evaluated', 'sandbox')));
    await cast.stack.waitForStatus(evaluated.id, 'pending', 120_000);
    await activate(cast.stack.keyturnDb, await plus(forbid('not-in-the-files', 'sandbox')));
    const args = ['policy', 'publish', 'test/stack/policies', '--justification', 'back to the files'];
    const request = await cast.stack.cli(args, { KEYTURN_TOKEN: cast.ada });
    expect(request.code).toBe(0);
    expect(request.stderr).toMatch(
      /^keyturn.yaml:1:1 warning people_short: .*\n(rules\/by-environment.yaml:(18|54):23 warning own_team_only: .*\n){2}To follow it: keyturn watch req_\w+\n$/,
    );
    expect(request.stdout).toMatch(/^This change is loosening overall:\n/);
    expect(request.stdout).toContain('\nWho may decide: group:operators\n');
    const id = /\breq_[a-z2-7]{26}\b/.exec(request.stdout)?.[0] ?? '';
    await cast.stack.waitForStatus(id, 'pending', 120_000);
    const shown = await cast.show(cast.olga, id);
    expect(shown.action).toBe('keyturn.policy.publish');
    const warnings = shown.plan?.warnings.join('\n');
    expect(warnings).toMatch(/Of [1-9]\d* evaluations recorded in the 30 days/);
    // The active policy of these tests was not compiled from files.
    expect(warnings).toContain('Look at every line: the active policy does not follow from the files');
    expect(shown.plan?.files?.find(({ file }) => file === 'directory.yaml')?.diff).toContain(
      '\n+  # One person with two accounts.\n',
    );
    await cast.post(cast.ada, `/v1/requests/${id}/withdraw`, {});
  });
});

describe('a hostile policy', () => {
  it.each<[string, (set: PolicySet) => PolicySet]>([
    ['a condition that does not compile', (set) => withRule(set, { when: 'plan.rowz >' })],
    [
      'an allow of publishing',
      (set) =>
        withRule(set, {
          on: { action: ['keyturn.policy.publish'], env: null },
          when: 'plan.reversible',
          effect: 'allow',
        }),
    ],
    ['many rules that are the same', (set) => ({ ...set, rules: Array(4_000).fill(forbid('r', 'prod')) })],
    ['too few operators who could sign in', (set) => ({ ...set, operators: ['user:ines'] })],
    ['operators removed', ({ operators: _gone, ...set }) => set],
  ])('is refused when it is proposed: %s', async (_what, change) => {
    const reply = await propose<Problem>(cast.ada, change((await active()).body));
    expect(refusal(reply)).toEqual([422, 'policy_invalid']);
  });

  it.each([
    ['{"files":{"__proto__":"x"}}', 422, 'not_canonical'],
    ['{"files":{"keyturn.yaml":"\\u0000"}}', 422, 'not_canonical'],
    ['{"files":["keyturn.yaml"]}', 400, 'invalid_request'],
    [`{"files":{"keyturn.yaml":"${'x'.repeat(1024 * 1024)}"}}`, 413, 'body_too_large'],
  ])('is refused as text: %#', async (body, status, code) => {
    const response = await fetch(`${cast.stack.apis[0]?.url}/v1/policies`, {
      method: 'POST',
      headers: { authorization: `Bearer ${cast.ada}`, 'content-type': 'application/json' },
      body,
    });
    expect([response.status, ((await response.json()) as Problem).code]).toEqual([status, code]);
  });
});

function withRule(set: PolicySet, changes: Partial<Rule>): PolicySet {
  return { ...set, rules: [...set.rules, { ...forbid('hostile', 'prod'), ...changes }] };
}

describe('a worker that is killed while it publishes', () => {
  it.each([
    ['before anything is written', false],
    ['right before the commit', true],
  ])('%s leaves a policy that is activated exactly once', async (_when, isCommitting) => {
    const [worker] = cast.stack.workers;
    const before = await active();
    const known = (await installations()).length;
    const gate = await lock(`select pg_advisory_xact_lock(hashtext('keyturn.policy_active'))`);
    const request = await publish(cast.ada, await plus(forbid(`killed-${isCommitting}`, 'sandbox')));
    expect(await approve(cast.olga, request.id)).toBe(200);
    await cast.stack.waitForStatus(request.id, 'executing');
    await blocked(`%lock(hashtext('keyturn.policy_active'))%`);
    if (isCommitting) {
      const row = await lock('select 1 from keyturn.execution where request = $1 for update', [request.id]);
      await gate.end();
      await blocked('%update keyturn.execution%');
      await worker?.kill9();
      await row.end();
    } else {
      await worker?.kill9();
      await gate.end();
    }
    await worker?.start();
    await cast.stack.waitForStatus(request.id, 'succeeded', 120_000);
    const now = await active();
    expect(Number(now.generation)).toBe(Number(before.generation) + 1);
    expect(now.digest).toBe(policyDigest(now.body));
    expect(await installations()).toHaveLength(known + 1);
  });
});

/** A lock of ours, until its session ends. */
async function lock(sql: string, values: readonly string[] = []): Promise<Client> {
  const client = new Client({ connectionString: cast.stack.databases.keyturn.admin });
  await client.connect();
  await client.query('begin');
  await client.query(sql, [...values]);
  return client;
}

/** Waits until somebody waits for a lock with such a statement. */
async function blocked(statement: string): Promise<void> {
  await waitFor({
    what: `a session to wait in ${statement}`,
    check: async () => {
      const { rows } = await cast.stack.keyturnDb.query(
        `select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like $1`,
        [statement],
      );
      return rows.length > 0 || undefined;
    },
  });
}

describe('a policy in the database that allows publishing outright', () => {
  it('is asked, and people review all the same', async () => {
    const { body } = await active();
    const rule = forbid('open', 'prod');
    const open: PolicySet = {
      ...body,
      defaults: { ...body.defaults, effect: 'forbid' },
      rules: [
        { ...rule, on: { action: ['keyturn.policy.publish'], env: null }, effect: 'allow', source: 'x:1' },
      ],
    };
    const digest = policyDigest(open);
    await cast.stack.keyturnDb.query(
      `insert into keyturn.policy_set (digest, body, installed_by) values ($1, $2, 'a hostile hand')
       on conflict do nothing`,
      [digest, JSON.stringify(open)],
    );
    await cast.stack.keyturnDb.query(
      'update keyturn.policy_active set digest = $1, generation = generation + 1',
      [digest],
    );
    const request = await publish(cast.ada, body);
    expect(request.status).toBe('pending');
    const { requirement } = await cast.show(cast.olga, request.id);
    expect(requirement?.distinct_people).toBe(2);
    expect(await approve(cast.petra, request.id)).toBe(200);
    expect(await approve(cast.omar, request.id)).toBe(200);
    await cast.stack.waitForStatus(request.id, 'succeeded');
  });

  it('of a version that nobody knows is refused by every process', async () => {
    const { digest, body } = await active();
    const later = { ...body, version: 'keyturn/v9' };
    const unknown = policyDigest(later as unknown as PolicySet);
    const inserting = `insert into keyturn.policy_set (digest, body, installed_by) values ($1, $2, 'a later version')`;
    await cast.stack.keyturnDb.query(`${inserting} on conflict do nothing`, [unknown, JSON.stringify(later)]);
    const switching = 'update keyturn.policy_active set digest = $1';
    await cast.stack.keyturnDb.query(switching, [unknown]);
    for (const program of [...cast.stack.apis, ...cast.stack.workers])
      expect((await fetch(`${program.url}/readyz`)).status).toBe(503);
    expect((await cast.get(cast.ada, '/v1/inbox')).status).toBe(503);
    await cast.stack.keyturnDb.query(switching, [digest]);
    expect((await cast.get(cast.olga, '/v1/inbox')).status).toBe(200);
  });
});
