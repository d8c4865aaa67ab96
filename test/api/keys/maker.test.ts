import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { recordOf } from '../../../apps/api/entries.ts';
import { lockKeyLog, storeKey } from '../../../database/api-keys.ts';
import { lastLeafOf } from '../../../domain/audit/leaf.ts';
import { sha256 } from '../../../domain/crypto/digest.ts';
import { pseudonymOf } from '../../../domain/identity/ids.ts';
import type { Lineage } from '../../../domain/identity/identity.ts';
import { withPolicy, type PolicyChange } from '../../workflows/policies.ts';
import { GOOD_BODY, type TestApi } from '../api.ts';
import { storeRequest } from '../rows.ts';
import { inDays, insertKey, makeKey, signInFreshly, startApiWithKeys } from './keys.ts';

/** Who makes a key knows it: what it asks for is a request of theirs too, also where another person owns the agent. */
let api: TestApi;
let key: string;
beforeAll(async () => {
  api = await startApiWithKeys();
  ({ key } = await makeKey(await signInFreshly(api, 'olga')));
});
afterAll(async () => {
  await api.stop();
});

async function lineageOf(token: string): Promise<Lineage> {
  const { status, body } = await api.create(token);
  expect(status).toBe(202);
  return body['lineage'] as Lineage;
}

describe('who makes a key of an agent of somebody else', () => {
  it('is behind what it asks for, and does not decide that', async () => {
    const lineage = await lineageOf(key);
    expect(lineage).toMatchObject([
      { role: 'requester', subject: 'nightly' },
      { role: 'owner', subject: 'ada' },
      { role: 'key_maker', subject: 'olga' },
    ]);
    const { id, decisionDigest } = await storeRequest(api, { lineage });
    const { status, body } = await api.http({
      path: `/v1/requests/${id}/decisions`,
      token: await api.issuer.humanToken('olga'),
      headers: { 'idempotency-key': id },
      body: { verdict: 'approve', decision_digest: decisionDigest, reason: 'x' },
    });
    expect([status, body['code']]).toEqual([403, 'self_approval']);
  });

  it('is behind it once where she owns the agent', async () => {
    const lineage = await lineageOf(await insertKey(api));
    expect(lineage.map(({ role }) => role)).toEqual(['requester', 'owner']);
  });

  it('takes its keys along when deactivated, or taken out of the directory', async () => {
    const statusOf = async (): Promise<number> => (await api.http({ path: '/v1/me', token: key })).status;
    const without: PolicyChange = ({ directory, ...policy }) => ({
      ...policy,
      operators: [],
      directory: { ...directory, people: directory.people.filter(({ id }) => id !== 'olga') },
    });
    const asleep: PolicyChange = ({ directory, ...policy }) => ({
      ...policy,
      directory: {
        ...directory,
        people: directory.people.map((one) => (one.id === 'olga' ? { ...one, active: false } : one)),
      },
    });
    expect(await statusOf()).toBe(200);
    for (const change of [asleep, without])
      await withPolicy(api.db, change, async () => expect(await statusOf()).toBe(401));
  });
});

describe('for whom an agent with a key acts', () => {
  it('is named with an issuer: nobody signs in at that of keys', async () => {
    const on_behalf_of = { subject: 'mei' };
    const { status, body } = await api.create(key, { ...GOOD_BODY, on_behalf_of });
    expect([status, body['code']]).toEqual([400, 'invalid_request']);
    const named = { ...GOOD_BODY, on_behalf_of: { ...on_behalf_of, issuer: api.issuer.url } };
    expect((await api.create(key, named)).status).toBe(202);
  });
});

it('the database takes a key with the entry about it alone', async () => {
  const { source, keys } = api.context;
  const session = (await (await signInFreshly(api, 'ada')).session()).id;
  const account = { issuer: 'keyturn', subject: 'nightly' };
  const agent = pseudonymOf(keys.identity, account);
  const [id, own, other] = [`key_${'a'.repeat(26)}`, 'a'.repeat(64), 'b'.repeat(64)];
  const store = async (digest: string): Promise<unknown> =>
    source.transaction(async (manager) => {
      const last = await lockKeyLog(manager);
      const at = lastLeafOf(last).at ?? new Date().toISOString();
      const identity = { issuer: api.issuer.url, subject: 'ada' };
      const by = { person: 'ada', identity, channel: 'console' as const, policyDigest: api.policyDigest };
      const row_digest = sha256([own, 'nightly', 'ada'].join('\n'));
      const about = { key: id, agent, session, actions: null, targets: null, row_digest };
      const facts = { ...about, expires_at: inDays(1) };
      const { entries, subjects } = recordOf({ identityKey: keys.identity, stream: 'keys', by, at, last }, [
        { type: 'key.created', facts, parts: {} },
      ]);
      return storeKey(
        manager,
        { id, digest, prefix: 'kt_aaaaaaaa', agent: 'nightly', title: 'x', created_by: 'ada' },
        { leaf: entries[0]?.leaf ?? '', subjects: { ...subjects, [agent]: account } },
      );
    });
  await expect(store(other)).rejects.toThrow('about another key');
  expect(await store(own)).toMatchObject({ id });
});
