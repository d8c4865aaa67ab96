import { randomUUID } from 'node:crypto';

import { Client } from 'pg';
import { afterEach, afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { commitment, leafHash, type Leaf } from '../../domain/audit/leaf.ts';
import type { SwitchView } from '../../contract/switches.ts';
import type { Reply } from '../stack/http.ts';
import { GOOD_BODY, startApi, type TestApi } from './api.ts';
import { synchronise } from '../workflows/policies.ts';
import { InSession } from './sign-in/in-session.ts';

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

type Scope = SwitchView['scope'];
const ALL: Scope = { kind: 'all', value: null };
const SHOP: Scope = { kind: 'target', value: 'shop' };

async function throwAs<T = SwitchView>(token: string, scope: object = SHOP, more = {}): Promise<Reply<T>> {
  const body = { scope, reason: 'tell_tale', ...more };
  return api.http<T>({ path: '/v1/switches', token, body });
}

async function engage(scope: Scope = SHOP, name = 'olga'): Promise<SwitchView> {
  const reply = await throwAs(await api.issuer.humanToken(name), scope);
  expect(reply.status).toBe(201);
  return reply.body;
}

async function liftAs(token: string, id: string): Promise<Reply> {
  return sessions.post(token, `/v1/switches/${id}/lift`, { reason: 'it is mended' });
}

async function listAs(token: string): Promise<readonly SwitchView[]> {
  return (await api.http<{ items: SwitchView[] }>({ path: '/v1/switches', token })).body.items;
}

async function listReleased(token: string): Promise<readonly SwitchView[]> {
  return (await api.http<{ items: SwitchView[] }>({ path: '/v1/switches?state=lifted', token })).body.items;
}

async function leaves(): Promise<{ text: string; leaf: Leaf }[]> {
  const { rows } = await api.db.query<{ leaf: string }>(
    `select leaf from audit.entry where request = 'switches' order by n`,
  );
  return rows.map(({ leaf }) => ({ text: leaf, leaf: JSON.parse(leaf) as Leaf }));
}

describe('throwing', () => {
  it('takes one operator, and is on record with the reason committed, not shown', async () => {
    const { id } = await engage();
    const last = (await leaves()).at(-1);
    expect(last?.leaf).toMatchObject({
      type: 'switch.thrown',
      actor: { kind: 'person', via: 'api' },
      facts: { switch: id, kind: 'target', scope: 'shop' },
    });
    expect(last?.text).not.toMatch(/tell_tale|olga/);
    const { rows } = await api.db.query<{ salt: string; body: string }>(
      'select salt, body from audit.payload where event_id = $1',
      [last?.leaf.id],
    );
    expect(rows.map(({ body }) => body)).toEqual(['"tell_tale"']);
    expect(commitment(rows[0]?.salt ?? '', rows[0]?.body ?? '')).toBe(last?.leaf.commit['reason']);
  });

  it.each([
    ['an agent', () => api.issuer.agentToken('agent-dba'), 'machine_cannot_decide'],
    [
      'an agent that acts for an operator',
      () => api.issuer.agentToken('agent-assistant', { onBehalfOf: 'olga' }),
      'machine_cannot_decide',
    ],
    [
      'an operator without the scope to decide',
      () => api.issuer.humanToken('olga', { scope: 'openid' }),
      'machine_cannot_decide',
    ],
    ['a reviewer who is no operator', () => api.issuer.humanToken('dmitri'), 'forbidden'],
    ['an operator who left', () => api.issuer.humanToken('ines'), 'reviewer_inactive'],
    ['a stranger', () => api.issuer.humanToken('stranger'), 'reviewer_unknown'],
  ])('is refused to %s, as lifting is', async (_who, token, code) => {
    const { id } = await engage(ALL);
    const before = (await leaves()).length;
    expect(await throwAs(await token(), ALL)).toMatchObject({ status: 403, body: { code } });
    expect(await liftAs(await token(), id)).toMatchObject({ status: 403, body: { code } });
    expect(await leaves()).toHaveLength(before);
  });

  it.each([
    [{ kind: 'target', value: 'shop-prodution' }, 422, 'unknown_target'],
    [{ kind: 'action', value: 'postgres' }, 422, 'unknown_action'],
    [{ kind: 'agent', value: 'agent-biling' }, 422, 'unknown_agent'],
    [{ kind: 'action', value: 'keyturn.publish-policy' }, 400, 'invalid_request'],
    [{ kind: 'all', value: 'shop' }, 400, 'invalid_request'],
    [{ kind: 'target' }, 400, 'invalid_request'],
  ])('refuses %j, which would stop nothing', async (scope, status, code) => {
    const reply = await throwAs(await api.issuer.humanToken('olga'), scope);
    expect(reply).toMatchObject({ status, body: { code } });
  });

  it('with a key that threw one is the same one, and never answers that a lifted one is on', async () => {
    const token = await api.issuer.humanToken('olga');
    const headers = { 'idempotency-key': randomUUID() };
    const again = (): Promise<Reply<SwitchView>> =>
      api.http({ path: '/v1/switches', token, body: { scope: SHOP, reason: 'once' }, headers });
    const { id } = (await again()).body;
    expect(await again()).toMatchObject({ status: 201, body: { id } });
    for (const name of ['olga', 'omar']) await liftAs(await api.issuer.humanToken(name), id);
    expect(await again()).toMatchObject({ status: 409, body: { code: 'switch_lifted' } });
    expect(await listAs(token)).toEqual([]);
  });

  it('at the same moment by many keeps one unbroken chain', async () => {
    const tokens = await Promise.all(['olga', 'omar', 'petra'].map((name) => api.issuer.humanToken(name)));
    const replies = await Promise.all([...tokens, ...tokens, ...tokens].map((token) => throwAs(token)));
    expect(replies.map(({ status }) => status)).toEqual(Array.from({ length: 9 }, () => 201));
    const chain = await leaves();
    for (const [index, { leaf }] of chain.entries()) {
      expect(leaf.n).toBe(index);
      expect(leaf.prev).toBe(index === 0 ? null : leafHash(chain[index - 1]?.text ?? ''));
    }
  });
});

describe('lifting', () => {
  it('takes two different people; the one who threw it may be one of them', async () => {
    const { id } = await engage();
    const [olga, omar] = [await api.issuer.humanToken('olga'), await api.issuer.humanToken('omar')];
    expect(await liftAs(olga, id)).toMatchObject({ status: 202, body: { state: 'one more person needed' } });
    expect(await listAs(olga)).toMatchObject([{ id, agreed_to_lift: [{ person: 'olga' }] }]);
    expect(await liftAs(omar, id)).toMatchObject({ status: 200, body: { state: 'lifted' } });
    expect(await listAs(olga)).toEqual([]);
    expect((await listReleased(olga)).at(0)).toMatchObject({
      id,
      lifted_at: expect.stringMatching(/Z$/),
      agreed_to_lift: [{ person: 'olga' }, { person: 'omar' }],
    });
    const types = (await leaves()).slice(-4).map(({ leaf }) => leaf.type);
    const word = 'switch.lift_confirmed';
    expect(types).toEqual(['switch.thrown', word, word, 'switch.lifted']);
    const again = await liftAs(await api.issuer.humanToken('petra'), id);
    expect(again).toMatchObject({ status: 409, body: { code: 'switch_lifted' } });
  });

  it('by the same person twice is refused, also through another account of hers', async () => {
    const { id } = await engage();
    expect((await liftAs(await api.issuer.humanToken('olga'), id)).status).toBe(202);
    const { directory } = api.policy;
    const second = { issuer: api.issuer.url, subject: 'olga-two' };
    const people = directory.people.map((one) =>
      one.id === 'olga' ? { ...one, accounts: [...one.accounts, second] } : one,
    );
    await synchronise(api.db, { ...directory, people });
    for (const name of ['olga', 'olga-two'])
      expect(await liftAs(await api.issuer.humanToken(name), id)).toMatchObject({
        body: { code: 'already_decided' },
      });
    await synchronise(api.db, directory);
    expect(await listAs(await api.issuer.humanToken('olga'))).toHaveLength(1);
  });

  it.each<[string, () => Scope]>([
    ['by its id', () => ({ kind: 'agent', value: 'agent-dba' })],
    ['by its account', () => ({ kind: 'agent', value: `${api.issuer.url} agent-dba` })],
    ['of her own account', () => ({ kind: 'agent', value: `${api.issuer.url} olga` })],
  ])('is not for the owner of what is stopped: %s', async (_what, scope) => {
    const { id } = await engage(scope(), 'omar');
    const refused = await liftAs(await api.issuer.humanToken('olga'), id);
    expect(refused).toMatchObject({ status: 403, body: { code: 'self_approval' } });
    await api.db.query('insert into keyturn.kill_switch_lift values ($1, $2, now())', [id, 'olga']);
    expect((await liftAs(await api.issuer.humanToken('omar'), id)).status).toBe(202);
    expect((await liftAs(await api.issuer.humanToken('petra'), id)).status).toBe(200);
  });

  it('at the same moment by the same person counts once', async () => {
    const { id } = await engage();
    const token = await api.issuer.humanToken('olga');
    const replies = await Promise.all(Array.from({ length: 6 }, () => liftAs(token, id)));
    expect(replies.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
      202, 409, 409, 409, 409, 409,
    ]);
    expect(await listAs(token)).toHaveLength(1);
  });

  it('does not count the word of somebody who is no operator any more', async () => {
    const { id } = await engage();
    await api.db.query('insert into keyturn.kill_switch_lift values ($1, $2, now())', [id, 'dmitri']);
    expect((await liftAs(await api.issuer.humanToken('olga'), id)).status).toBe(202);
    expect((await liftAs(await api.issuer.humanToken('omar'), id)).status).toBe(200);
  });

  it('one switch leaves another on the same thing on', async () => {
    const [first, second] = [await engage(), await engage(SHOP, 'petra')];
    for (const name of ['olga', 'omar']) await liftAs(await api.issuer.humanToken(name), first.id);
    const refused = await api.create(await api.issuer.agentToken('agent-billing'));
    expect(refused.body).toMatchObject({ code: 'switched_off' });
    expect(await listAs(await api.issuer.humanToken('olga'))).toMatchObject([{ id: second.id }]);
  });

  it.each(['swi_none', `swi_${'a'.repeat(26)}`, '%00'])('answers 404 for %s', async (id) => {
    const reply = await liftAs(await api.issuer.humanToken('olga'), id);
    expect(reply).toMatchObject({ status: 404, body: { code: 'not_found' } });
  });
});

describe('listing', () => {
  it('tells agents what is stopped since when, and people of the directory why and by whom', async () => {
    const { id, since } = await engage();
    expect(await listAs(await api.issuer.agentToken('agent-billing'))).toEqual([{ id, scope: SHOP, since }]);
    expect(await listAs(await api.issuer.humanToken('dmitri'))).toEqual([
      {
        id,
        scope: SHOP,
        since,
        reason: 'tell_tale',
        thrown_by: 'olga',
        engaged_by_name: 'Olga Petrenko',
        agreed_to_lift: [],
      },
    ]);
    expect((await api.http({ path: '/v1/switches' })).status).toBe(401);
  });
});

describe('asking under a switch', () => {
  const asAgent = (agent = 'agent-billing', options = {}) => api.issuer.agentToken(agent, options);

  it.each<[string, Scope]>([
    ['everything', ALL],
    ['its target', SHOP],
    ['its action', { kind: 'action', value: 'postgres.execute' }],
    ['the agent', { kind: 'agent', value: 'agent-billing' }],
  ])('on %s is refused with the kind of scope and not the reason', async (_what, scope) => {
    await engage(scope);
    const reply = await api.create(await asAgent());
    expect(reply).toMatchObject({ status: 403, body: { code: 'switched_off' } });
    expect(String(reply.body['detail'])).toContain(`(${scope.kind})`);
    expect(JSON.stringify(reply.body)).not.toContain('tell_tale');
  });

  it('on something else is taken', async () => {
    await engage({ kind: 'target', value: 'shop-strict' });
    await engage({ kind: 'agent', value: 'agent-dba' });
    expect((await api.create(await asAgent())).status).toBe(202);
  });

  it('on an account behind it is refused, for any caller', async () => {
    await engage({ kind: 'agent', value: `${api.issuer.url} omar` });
    const onBehalf = await api.create(await asAgent('agent-assistant', { onBehalfOf: 'omar' }));
    expect(onBehalf.body).toMatchObject({ code: 'switched_off' });
    const declared = { ...GOOD_BODY, on_behalf_of: { subject: 'omar' } };
    expect((await api.create(await asAgent(), declared)).body).toMatchObject({ code: 'switched_off' });
    expect((await api.create(await asAgent('agent-assistant', { onBehalfOf: 'petra' }))).status).toBe(202);
  });

  it('repeats a known key, recorded or not, and still refuses it for something else', async () => {
    const headers = { 'idempotency-key': randomUUID() };
    const first = await api.create(await asAgent(), GOOD_BODY, headers);
    expect(first.status).toBe(202);
    await engage(ALL);
    const again = await api.create(await asAgent(), GOOD_BODY, headers);
    expect([again.status, again.body['id']]).toEqual([202, first.body['id']]);
    const other = { ...GOOD_BODY, arguments: { statement: 'delete from accounts' } };
    const reused = await api.create(await asAgent(), other, headers);
    expect(reused).toMatchObject({ status: 422, body: { code: 'idempotency_key_reused' } });
  });

  it('refuses as ever while Temporal is away, and does not ask it about a call that is wrong in itself', async () => {
    const outage = { code: 14, details: '', metadata: {} };
    const history = vi
      .spyOn(api.context.temporal.connection.workflowService, 'getWorkflowExecutionHistory')
      .mockRejectedValue(Object.assign(new Error('away'), outage));
    const wrong = await api.create(await asAgent(), { ...GOOD_BODY, arguments: { statement: 7 } });
    expect(wrong).toMatchObject({ status: 422, body: { code: 'arguments_invalid' } });
    expect(history).not.toHaveBeenCalled();
    await engage(ALL);
    const stopped = await api.create(await asAgent());
    expect(stopped).toMatchObject({ status: 403, body: { code: 'switched_off' } });
    expect(history).toHaveBeenCalled();
  });
});

describe('one with the role of the API', () => {
  let role: Client;
  beforeAll(async () => {
    role = new Client({ connectionString: api.databases.keyturn.api });
    await role.connect();
  });
  afterAll(async () => {
    await role.end();
  });

  it.each([
    `update keyturn.kill_switch set lifted_at = now()`,
    `delete from keyturn.kill_switch`,
    `insert into keyturn.kill_switch_lift values ('swi_1', 'olga', now())`,
    `update keyturn.kill_switch_state set generation = 0`,
    `insert into audit.entry (leaf) values ('{}')`,
    `select keyturn.append_switch_leaf('{}', 'request.approved', 'x', '{}')`,
  ])('cannot: %s', async (sql) => {
    await expect(role.query(sql)).rejects.toMatchObject({ code: '42501' });
  });

  it('throws nothing with an entry about something else, out of line, or none', async () => {
    await engage();
    const chain = await leaves();
    const last = chain.at(-1);
    const good = {
      ...last?.leaf,
      id: `switches/${chain.length}`,
      n: chain.length,
      prev: leafHash(last?.text ?? ''),
      facts: { ...last?.leaf.facts, switch: 'swi_2' },
    };
    const forged = [
      { type: 'request.approved' },
      { id: `req_${'a'.repeat(26)}/run/execute/1` },
      { type: 'switch.lifted' },
      { stream: { request: 'policy', run: 'policy' } },
      { n: chain.length + 1 },
      { n: String(chain.length) },
      { at: last?.leaf.at.replace(/\d\d\.\d{3}Z$/, '60.000Z') },
      { id: `switches/${chain.length + 1}` },
      { prev: null },
      { facts: last?.leaf.facts },
      { actor: { ...last?.leaf.actor, kind: 'system' } },
    ].map((change) => [{ leaf: JSON.stringify({ ...good, ...change }), parts: {} }]);
    const row = { id: 'swi_2', scope: ALL, account: null, reason: 'r', thrown_by: 'olga', thrown_at: 'now' };
    const throwWith = (entries: object): Promise<unknown> =>
      role.query('select keyturn.throw_kill_switch($1, $2, $3)', [
        JSON.stringify(row),
        JSON.stringify(entries),
        '{}',
      ]);
    for (const entries of [...forged, []]) await expect(throwWith(entries)).rejects.toThrow();
    expect(await leaves()).toHaveLength(chain.length);
    // With the entry that belongs to it, the same call works.
    await throwWith([{ leaf: JSON.stringify(good), parts: {} }]);
    expect(await leaves()).toHaveLength(chain.length + 1);
  });

  it.each<[string, () => Scope, string | null]>([
    ['alone', () => ALL, null],
    ['with somebody who answers for the agent', () => ({ kind: 'agent', value: 'agent-dba' }), 'olga'],
    ['with whom it stops', () => ({ kind: 'agent', value: `${api.issuer.url} olga` }), 'olga'],
  ])('lifts nothing %s', async (_how, scope, other) => {
    const { id } = await engage(scope(), 'omar');
    if (other !== null)
      await api.db.query('insert into keyturn.kill_switch_lift values ($1, $2, now())', [id, other]);
    await expect(lift(id, 'omar')).rejects.toThrow('two different people');
  });

  it.each<[string, () => Scope]>([
    ['for its owner, by the id of the agent', () => ({ kind: 'agent', value: 'agent-dba' })],
    ['for its owner, by the account', () => ({ kind: 'agent', value: `${api.issuer.url} agent-dba` })],
    ['for whom it stops', () => ({ kind: 'agent', value: `${api.issuer.url} olga` })],
  ])('takes no word %s', async (_who, scope) => {
    const { id } = await engage(scope(), 'omar');
    await expect(lift(id, 'olga')).rejects.toThrow('themselves or their agents');
  });

  /** Both entries of a last word, as the API writes them; nothing stays of what is refused. */
  const lift = async (id: string, person: string): Promise<unknown> => {
    const chain = await leaves();
    const entryOf = (type: string, n: number, prev: string | undefined) =>
      JSON.stringify({ ...chain.at(-1)?.leaf, type, id: `switches/${n}`, n, prev });
    const first = entryOf('switch.lift_confirmed', chain.length, leafHash(chain.at(-1)?.text ?? ''));
    const second = entryOf('switch.lifted', chain.length + 1, leafHash(first));
    const entries = [first, second].map((leaf) => ({ leaf, parts: {} }));
    const word = { switch: id, person, at: new Date().toISOString() };
    const values = [JSON.stringify(word), JSON.stringify(entries), '{}'];
    const lifting = role.query('select keyturn.confirm_kill_switch_lift($1, $2, $3)', values);
    await lifting.catch(() => undefined);
    expect(await leaves()).toHaveLength(chain.length);
    return lifting;
  };
});
