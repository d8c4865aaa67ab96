import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { openEnvelope, signEnvelope } from '../../domain/crypto/envelope.ts';
import { policyDigest, type PolicySet } from '../../domain/policy/policy.ts';
import type { RequestView } from '../../contract/requests.ts';
import { activate, GOOD_BODY, type TestApi } from '../api/api.ts';
import type { Reply } from '../stack/http.ts';
import { startGateApi } from './api.ts';
import { release } from './policies.ts';

let api: TestApi;
let policy: PolicySet;
let assistant: string;

beforeAll(async () => {
  ({ api, policy } = await startGateApi());
  assistant = await api.issuer.agentToken('agent-assistant');
});
afterAll(async () => {
  await api.stop();
});

function ask(body: unknown, key: string, token = assistant): Promise<Reply<RequestView>> {
  return api.create<RequestView>(token, body, { 'idempotency-key': key });
}

const OLGA = { on_behalf_of: { subject: 'olga' } };
const REUSED = { status: 422, body: { code: 'idempotency_key_reused' } };

/** Each way that the key of a request can go. */
const WAYS = [
  { way: 'an answer on the spot', body: release('free', OLGA) },
  { way: 'a gate request that waits for people', body: release('asked', OLGA) },
  { way: 'a request that Keyturn executes', body: { ...GOOD_BODY, ...OLGA } },
];

/** Stands for the address of the second issuer. */
const SECOND = 'second issuer';

/** What a caller may say beside action, target and arguments. */
const OTHERS = [
  { what: 'for another person', change: { on_behalf_of: { subject: 'dmitri' } } },
  { what: 'for somebody who was deactivated', change: { on_behalf_of: { subject: 'ines' } } },
  {
    what: 'for a namesake at another issuer',
    change: { on_behalf_of: { subject: 'olga', issuer: SECOND } },
  },
  { what: 'with a start window', change: { start: { not_before: '2099-01-01T00:00:00Z' } } },
  { what: 'as break-glass', change: { break_glass: true } },
  { what: 'with another justification', change: { claims: { justification: 'another one' } } },
];

describe.each(WAYS)('the key of $way', ({ body }) => {
  it.each(OTHERS)('is not good for the same $what', async ({ change }) => {
    const key = randomUUID();
    const first = await ask(body, key);
    expect([201, 202]).toContain(first.status);
    const other = JSON.stringify({ ...body, ...change }).replace(SECOND, api.secondIssuer.url);
    expect(await ask(JSON.parse(other), key)).toMatchObject(REUSED);
    expect((await ask(body, key)).body.id).toBe(first.body.id);
  });

  it('is not good for the same with more people behind the token, or fewer', async () => {
    const delegated = await api.issuer.agentToken('agent-assistant', { onBehalfOf: 'dmitri' });
    const [plain, acting] = [randomUUID(), randomUUID()];
    await ask(body, plain);
    expect(await ask(body, plain, delegated)).toMatchObject(REUSED);
    await ask(body, acting, delegated);
    expect(await ask(body, acting)).toMatchObject(REUSED);
  });

  it('finds it again when the same is said in other words', async () => {
    const key = randomUUID();
    const said = { ...body, start: { not_before: '2026-01-01T00:00:00Z' }, claims: { justification: 'why' } };
    const first = await ask(said, key);
    const repeated = {
      ...said,
      on_behalf_of: { subject: 'olga', issuer: api.issuer.url },
      start: { not_before: '2026-01-01T01:00:00+01:00' },
      break_glass: false,
    };
    expect((await ask(repeated, key)).body.id).toBe(first.body.id);
  });

  it('finds it again when the agent whose client holds the token became known meanwhile', async () => {
    const key = randomUUID();
    const omar = await api.issuer.sign({ sub: 'omar', client_id: 'agent-billing' });
    const { agents } = policy.directory;
    const fewer = agents.filter(({ subject }) => subject !== 'agent-billing');
    const before = { ...policy, directory: { ...policy.directory, agents: fewer } };
    await activate(api.databases, before, policyDigest(before));
    const first = await ask(body, key, omar);
    await activate(api.databases, policy, policyDigest(policy));
    expect((await ask(body, key, omar)).body.id).toBe(first.body.id);
  });

  it('finds it again when the agent was handed to another owner meanwhile', async () => {
    const key = randomUUID();
    const first = await ask(body, key);
    const agents = policy.directory.agents.map((agent) => ({ ...agent, owner: 'omar' }));
    const handedOver = { ...policy, directory: { ...policy.directory, agents } };
    await activate(api.databases, handedOver, policyDigest(handedOver));
    try {
      expect((await ask(body, key)).body.id).toBe(first.body.id);
    } finally {
      await activate(api.databases, policy, policyDigest(policy));
    }
  });
});

it('an answer is found again whose signed form does not say who vouches for a name', async () => {
  const key = randomUUID();
  const body = release('free', OLGA);
  const first = await ask(body, key);
  const { rows } = await api.db.query<{ envelope: string }>(
    'select envelope from keyturn.gate_answer where request = $1',
    [first.body.id],
  );
  const signed = await openEnvelope('request', rows[0]?.envelope ?? '', api.context.keys.verification);
  const lineage = signed.lineage.map(({ role, issuer, subject }) => ({ role, issuer, subject }));
  expect(lineage).not.toEqual(signed.lineage);
  const earlier = await signEnvelope({ ...signed, lineage }, api.context.keys.signing);
  await api.db.query('update keyturn.gate_answer set envelope = $2 where request = $1', [
    first.body.id,
    earlier,
  ]);
  expect((await ask(body, key)).body.id).toBe(first.body.id);
});
