import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { policyDigest, type PolicySet } from '../../domain/policy/policy.ts';
import type { RequestView } from '../../contract/requests.ts';
import { activate, type TestApi } from '../api/api.ts';
import { provider } from '../api/scim/provisioning.ts';
import { synchronise } from '../workflows/policies.ts';
import type { Reply } from '../stack/http.ts';
import { startGateApi } from './api.ts';
import { release } from './policies.ts';

let api: TestApi;
let policy: PolicySet;
let agent: string;

beforeAll(async () => {
  ({ api, policy } = await startGateApi());
  agent = await api.issuer.agentToken('agent-billing');
});
afterAll(async () => {
  await api.stop();
});

function ask(body: unknown, key: string = randomUUID(), token = agent): Promise<Reply<RequestView>> {
  return api.create<RequestView>(token, body, { 'idempotency-key': key });
}

async function count(sql: string, ...values: unknown[]): Promise<number> {
  const { rows } = await api.db.query<{ count: string }>(`select count(*) as count from ${sql}`, values);
  return Number(rows[0]?.count);
}

async function leavesOf(id: string): Promise<Record<string, unknown>[]> {
  const { rows } = await api.db.query<{ leaf: string }>('select leaf from audit.entry where request = $1', [
    id,
  ]);
  return rows.map(({ leaf }) => JSON.parse(leaf) as Record<string, unknown>);
}

async function hasWorkflow(id: string): Promise<boolean> {
  return api.context.temporal.workflow
    .getHandle(id)
    .describe()
    .then(
      () => true,
      () => false,
    );
}

async function backdate(id: string): Promise<void> {
  await api.db.query(
    `update keyturn.gate_answer set valid_until = now() - interval '1 second' where request = $1`,
    [id],
  );
}

/** Makes a changed policy the active one for the time of `work`. */
async function under(changed: PolicySet, work: () => Promise<void>): Promise<void> {
  await activate(api.databases, changed, policyDigest(changed));
  try {
    await work();
  } finally {
    await activate(api.databases, policy, policyDigest(policy));
  }
}

function allowEverything(base: PolicySet): PolicySet {
  const rules = base.rules.map((rule) =>
    rule.on.action.includes('deploy.release') && rule.effect === 'review'
      ? { ...rule, effect: 'allow' as const, require: null, replaces_default: false }
      : rule,
  );
  return { ...base, rules };
}

describe('what policy allows is answered on the spot', () => {
  it('with 201, a decision, its end, and one audit entry of its own', async () => {
    const before = Date.now();
    const reply = await ask(release('free'));
    expect(reply).toMatchObject({
      status: 201,
      body: {
        status: 'succeeded',
        mode: 'gate',
        result: { decision: 'allowed', performed_by_keyturn: false },
        matched_rules: [{ id: 'small', because: 'Small releases need nobody', effect: 'allow' }],
        arguments: { version: '1.2.3', size: 3 },
      },
    });
    const { id, result } = reply.body;
    const validMs = Date.parse((result as { valid_until: string }).valid_until) - before;
    expect(validMs).toBeGreaterThanOrEqual(300_000);
    expect(validMs).toBeLessThan(360_000);
    expect(await hasWorkflow(id)).toBe(false);
    expect(await count('keyturn.request where id = $1', id)).toBe(0);
    const [leaf, ...others] = await leavesOf(id);
    expect(others).toEqual([]);
    expect(leaf).toMatchObject({ type: 'gate.allowed', n: 0, stream: { request: id, run: 'gate' } });
    expect(JSON.stringify(leaf)).not.toMatch(/agent-billing|1\.2\.3|"ada"/);
    const facts = leaf?.['facts'] as { facts_digest: string };
    expect(await count('keyturn.fact_set where digest = $1', facts.facts_digest)).toBe(1);
    expect(
      await count(`keyturn.evaluation where request = $1 and facts_digest = $2`, id, facts.facts_digest),
    ).toBe(1);
  });

  it('for as long as the strictest rule that allows it says', async () => {
    const { body } = await ask(release('free', { arguments: { version: '1', size: 1 } }));
    const validMs =
      Date.parse((body.result as { valid_until: string }).valid_until) - Date.parse(body.created_at);
    expect(validMs).toBe(60_000);
  });

  it('and can be shown, with its timeline, to those who may know of it, and to nobody else', async () => {
    const { body } = await ask(release('free'));
    const path = `/v1/requests/${body.id}`;
    const olga = await api.issuer.humanToken('olga');
    for (const token of [agent, olga]) {
      const shown = await api.http<RequestView>({ path: `${path}?wait=20`, token });
      expect(shown).toMatchObject({
        status: 200,
        body: { status: 'succeeded', arguments: { version: '1.2.3' } },
      });
      const timeline = await api.http<{ items: unknown[] }>({ path: `${path}/timeline`, token });
      expect(timeline.body.items).toMatchObject([{ type: 'gate.allowed', actor: { name: 'Billing agent' } }]);
    }
    const stranger = await api.issuer.agentToken('agent-dba');
    expect((await api.http({ path, token: stranger })).status).toBe(404);
    const withdrawn = await api.http({ path: `${path}/withdraw`, token: agent, body: {} });
    expect(withdrawn.body).toMatchObject({ code: 'request_finished' });
  });

  it('to a person whom only provisioning brought as well, by her name', async () => {
    await provider(api).addUser('nora', { displayName: 'Nora Okta' });
    const token = await api.issuer.humanToken('nora');
    const { status, body } = await ask(release('free'), randomUUID(), token);
    expect(status).toBe(201);
    const timeline = await api.http({ path: `/v1/requests/${body.id}/timeline`, token });
    expect(timeline.body).toMatchObject({ items: [{ actor: { kind: 'person', name: 'Nora Okta' } }] });
  });

  it('counts as a request in the past of the requester', async () => {
    const token = await api.issuer.agentToken('agent-dba');
    const first = await ask(release('free'), randomUUID(), token);
    const second = await ask(release('free'), randomUUID(), token);
    const { rows } = await api.db.query<{ past: number }>(
      `select (body -> 'history' ->> 'requests_24h')::int as past from keyturn.evaluation
       join keyturn.fact_set on digest = facts_digest where request = any($1) order by evaluation.id`,
      [[first.body.id, second.body.id]],
    );
    expect(rows.map(({ past }) => past)).toEqual([0, 1]);
  });

  it('counts with all that were given at the same time, and no longer than a day', async () => {
    const token = await api.issuer.agentToken('agent-dba');
    const pastOf = async (reply: Reply<RequestView>): Promise<number> => {
      const { rows } = await api.db.query<{ past: number }>(
        `select (body -> 'history' ->> 'requests_24h')::int as past from keyturn.evaluation
         join keyturn.fact_set on digest = facts_digest where request = $1`,
        [reply.body.id],
      );
      return rows[0]?.past ?? -1;
    };
    // No window counts it: nothing else makes one wait for another.
    const body = release('free', { action: 'deploy.announce' });
    const one = (): Promise<Reply<RequestView>> => ask(body, randomUUID(), token);
    const before = await pastOf(await one());
    // Several are numbered before the first of them is committed.
    const holder = new Client({ connectionString: api.databases.keyturn.admin });
    await holder.connect();
    await holder.query('begin; lock table audit.entry in share mode');
    const together = Promise.all(Array.from({ length: 20 }, one));
    try {
      const waiting = `pg_stat_activity where wait_event_type = 'Lock' and usename = 'keyturn_api'
        and datname = current_database()`;
      await expect.poll(() => count(waiting), { timeout: 10_000 }).toBeGreaterThan(3);
    } finally {
      await holder.end();
    }
    await together;
    expect(await pastOf(await one())).toBe(before + 21);
    await api.db.query(
      `update keyturn.gate_answer set counted_at = counted_at - interval '25 hours' where requester_subject = $1`,
      ['agent-dba'],
    );
    const afterADay = await one();
    expect([await pastOf(afterADay), await pastOf(await one())]).toEqual([0, 1]);
  });
});

describe('one key gets one answer', () => {
  it('a repeat gets the stored answer while it is valid, then 409, and never another one', async () => {
    const key = randomUUID();
    const first = await ask(release('free'), key);
    const again = await ask(release('free'), key);
    expect(again).toMatchObject({ status: 200, body: { id: first.body.id, result: first.body.result } });
    await backdate(first.body.id);
    const late = await ask(release('free'), key);
    expect(late).toMatchObject({ status: 409, body: { code: 'gate_answer_expired' } });
    expect(await leavesOf(first.body.id)).toHaveLength(1);
  });

  it('a repeat is refused once somebody behind it is deactivated', async () => {
    const key = randomUUID();
    await ask(release('free'), key);
    const people = policy.directory.people.map((one) => (one.id === 'ada' ? { ...one, active: false } : one));
    await under({ ...policy, directory: { ...policy.directory, people } }, async () => {
      expect(await ask(release('free'), key)).toMatchObject({
        status: 403,
        body: { code: 'requester_inactive' },
      });
      // A new key is not allowed on the spot, either: it waits on record for a worker, which denies it.
      expect((await ask(release('free'))).status).toBe(202);
    });
  });

  it('a new one is not allowed on the spot once another authority than the files deactivated somebody behind it', async () => {
    const admin = new Client({ connectionString: api.databases.keyturn.admin });
    await admin.connect();
    const people = policy.directory.people.map((one) => (one.id === 'ada' ? { ...one, active: false } : one));
    try {
      await synchronise(admin, { ...policy.directory, people });
      expect((await ask(release('free'))).status).toBe(202);
    } finally {
      await synchronise(admin, policy.directory);
      await admin.end();
    }
    expect((await ask(release('free'))).status).toBe(201);
  });

  it('none is relied upon into a freeze', async () => {
    const from = new Date(Date.now() + 120_000).toISOString();
    const to = new Date(Date.now() + 600_000).toISOString();
    const freeze = { id: 'soon', title: 'Soon', from, to, environments: null, actions: null };
    await under({ ...policy, freezes: [freeze] }, async () => {
      expect((await ask(release('free'))).body.result).toMatchObject({ valid_until: from });
    });
  });

  it('another intent under the key is refused, in whatever way the key went', async () => {
    const key = randomUUID();
    await ask(release('free'), key);
    const other = { arguments: { version: '6.6.6', size: 3 } };
    expect(await ask(release('free', other), key)).toMatchObject({
      status: 422,
      body: { code: 'idempotency_key_reused' },
    });
    const waiting = randomUUID();
    await ask(release('asked'), waiting);
    expect(await ask(release('asked', other), waiting)).toMatchObject({ status: 422 });
    const execute = { action: 'postgres.execute', target: 'shop', arguments: { statement: 'select 1' } };
    expect(await ask(execute, key)).toMatchObject({ status: 422, body: { code: 'idempotency_key_reused' } });
  });

  it('thirty calls at once with one key leave one entry and one reservation', async () => {
    for (const target of ['free', 'counted']) {
      const key = randomUUID();
      const replies = await Promise.all(
        Array.from({ length: 30 }, () => ask(release(target, { arguments: { version: '1', size: 1 } }), key)),
      );
      const id = replies[0]?.body.id ?? '';
      expect(new Set(replies.map(({ body }) => JSON.stringify([body.id, body.result]))).size).toBe(1);
      expect(replies.filter(({ status }) => status === 201)).toHaveLength(1);
      expect(replies.filter(({ status }) => status === 200)).toHaveLength(29);
      expect(await leavesOf(id)).toHaveLength(1);
      expect(await count('keyturn.window_reservation where request = $1', id)).toBe(1);
    }
  });
});

describe('what is not simply allowed goes to a workflow, and the key with it', () => {
  it.each([
    ['a review', release('asked')],
    ['a forbid', release('shut')],
    ['a condition in doubt', release('odd')],
    ['nothing that matches', release('free', { arguments: { version: '1', size: 50 } })],
    ['a start in the future', release('free', { start: { not_before: '2999-01-01T00:00:00Z' } })],
  ])('%s', async (_name, body) => {
    const reply = await ask(body);
    expect(reply).toMatchObject({ status: 202, body: { status: 'planning' } });
    expect(await hasWorkflow(reply.body.id)).toBe(true);
    expect(await leavesOf(reply.body.id)).toEqual([]);
    expect(await count('keyturn.window_reservation where request = $1', reply.body.id)).toBe(0);
  });

  it('everything while a freeze is on, as what is executed here waits for its end', async () => {
    const [from, to] = ['2000-01-01T00:00:00.000Z', '2999-01-01T00:00:00.000Z'];
    const freeze = { id: 'peak', title: 'Peak season', from, to, environments: ['sandbox'], actions: null };
    await under({ ...policy, freezes: [freeze] }, async () => {
      const reply = await ask(release('free'));
      expect(reply).toMatchObject({ status: 202, body: { status: 'planning' } });
      expect(await leavesOf(reply.body.id)).toEqual([]);
    });
  });

  it('what an agent asks whose owner was deactivated by provisioning, though the policy file knows nothing of it', async () => {
    const okta = provider(api);
    const ada = await okta.addUser('ada@example.com', { externalId: 'ada' });
    await okta.patch(`Users/${ada}`, [{ op: 'replace', path: 'active', value: false }]);
    const reply = await ask(release('free'));
    await okta.patch(`Users/${ada}`, [{ op: 'replace', path: 'active', value: true }]);
    expect(reply).toMatchObject({ status: 202, body: { status: 'planning' } });
    expect(await leavesOf(reply.body.id)).toEqual([]);
  });

  it('stays there when a policy allows it later, also when the start of the workflow failed then', async () => {
    const key = randomUUID();
    const first = await ask(release('asked'), key);
    const body = release('asked');
    const lost = randomUUID();
    // As a process leaves it that died between giving the key away and starting the workflow.
    const stranded = await ask(body, lost);
    await api.context.temporal.workflow.getHandle(stranded.body.id).terminate();
    await under(allowEverything(policy), async () => {
      expect(await ask(release('asked'), key)).toMatchObject({ status: 202, body: { id: first.body.id } });
      expect((await ask(body, lost)).body.id).toBe(stranded.body.id);
      expect((await ask(release('asked'))).status).toBe(201);
    });
    expect(await leavesOf(first.body.id)).toEqual([]);
  });

  /** A policy that changes all the time is answered "not now": the same key is sent again, as a client does. */
  async function askUntilAnswered(key: string): ReturnType<typeof ask> {
    for (;;) {
      const reply = await ask(release('asked'), key);
      if (reply.status !== 503) return reply;
    }
  }

  it('is one of the two and never both when the policy changes between simultaneous calls', async () => {
    const other = allowEverything(policy);
    const keys = Array.from({ length: 12 }, () => randomUUID());
    const calls = keys.flatMap((key) => Array.from({ length: 6 }, () => () => askUntilAnswered(key)));
    const flips = async (): Promise<void> => {
      for (let flip = 0; flip < 20; flip += 1) {
        const next = flip % 2 === 0 ? other : policy;
        await activate(api.databases, next, policyDigest(next));
      }
    };
    const [replies] = await Promise.all([Promise.all(calls.map((call) => call())), flips()]);
    await activate(api.databases, policy, policyDigest(policy));
    expect(replies.filter(({ status }) => ![200, 201, 202].includes(status))).toEqual([]);
    const ids = new Set(replies.map(({ body }) => body.id));
    expect(ids.size).toBe(keys.length);
    for (const id of ids) {
      const own = replies.filter(({ body }) => body.id === id);
      const isAnswered = (await leavesOf(id)).length === 1;
      expect(await hasWorkflow(id)).toBe(!isAnswered);
      for (const { body } of own) expect(body.status).toBe(isAnswered ? 'succeeded' : 'planning');
    }
  });
});

describe('counting windows', () => {
  it('let exactly as much through as they hold, however many ask at once, two agents of one owner together', async () => {
    const second = await api.issuer.agentToken('agent-assistant', { onBehalfOf: 'omar' });
    const one = { arguments: { version: '1', size: 2 } };
    const body = (index: number): Promise<Reply<RequestView>> =>
      ask(release('counted', one), randomUUID(), index % 2 === 0 ? agent : second);
    const { rows } = await api.db.query<{ sum: string }>(
      `select coalesce(sum(amount), 0) as sum from keyturn.window_reservation join keyturn.gate_answer using (request)
       where envelope is not null and valid_until - gate_answer.at = interval '2 hours'`,
    );
    const replies = await Promise.all(Array.from({ length: 20 }, (_, index) => body(index)));
    const room = Math.floor((10 - Number(rows[0]?.sum)) / 2);
    expect(replies.filter(({ status }) => ![201, 202].includes(status))).toEqual([]);
    expect(room).toBeGreaterThan(1);
    expect(replies.filter(({ status }) => status === 201)).toHaveLength(room);
    expect(replies.filter(({ status }) => status === 202)).toHaveLength(20 - room);
  });
});
