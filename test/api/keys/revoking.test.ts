import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { ApiKeyView, CreatedKey, KeyList } from '../../../contract/api-keys.ts';
import type { StreamPage } from '../../../contract/streams.ts';
import { verifyStream } from '../../../domain/audit/verification/streams.ts';
import type { TestApi } from '../api.ts';
import { signIn, type Browser } from '../sign-in/browser.ts';
import { insertKey, makeKey, postJson, signInFreshly, startApiWithKeys } from './keys.ts';

let api: TestApi;
let ada: Browser;
let made: CreatedKey;
beforeAll(async () => {
  api = await startApiWithKeys();
  ada = await signInFreshly(api, 'ada');
});
afterAll(async () => {
  await api.stop();
});
beforeEach(async () => {
  await api.db.query('delete from keyturn.api_key');
  made = await makeKey(ada);
});

const isLive = async (): Promise<boolean> =>
  (await api.http({ path: '/v1/me', token: made.key })).status === 200;

async function revokeWith(token: string): Promise<[number, unknown]> {
  const { status, body } = await api.http({ path: `/v1/api-keys/${made.id}/revoke`, method: 'POST', token });
  return [status, body['code']];
}

async function entriesOf(id: string): Promise<readonly Record<string, unknown>[]> {
  const { rows } = await api.db.query<{ leaf: string }>(
    `select leaf from audit.entry where request = 'keys' and leaf::jsonb -> 'facts' ->> 'key' = $1 order by n`,
    [id],
  );
  return rows.map(({ leaf }) => JSON.parse(leaf) as Record<string, unknown>);
}

describe('a key is revoked', () => {
  it('by the owner of its agent, in any session, and once', async () => {
    expect(await isLive()).toBe(true);
    const browser = await signIn(api, 'ada');
    const { status, text } = await postJson(browser, `/v1/api-keys/${made.id}/revoke`);
    expect([status, await isLive()]).toEqual([200, false]);
    const { revoked_at: at } = JSON.parse(text) as ApiKeyView;
    const again = await postJson(browser, `/v1/api-keys/${made.id}/revoke`);
    expect(JSON.parse(again.text)).toMatchObject({ revoked_at: at });
    expect(await entriesOf(made.id)).toMatchObject([
      { type: 'key.created', actor: { kind: 'person', via: 'console' } },
      { type: 'key.revoked', facts: { how: 'owner' } },
    ]);
  });

  it('by an operator, in any session', async () => {
    expect((await postJson(await signIn(api, 'olga'), `/v1/api-keys/${made.id}/revoke`)).status).toBe(200);
    expect(await isLive()).toBe(false);
    expect((await entriesOf(made.id)).at(-1)).toMatchObject({ facts: { how: 'operator' } });
  });

  it('by nobody else, and by no machine', async () => {
    for (const who of ['dmitri', 'reviewer-01', 'ada', 'olga'])
      expect(await revokeWith(await api.issuer.humanToken(who))).toEqual([403, 'sign_in_again']);
    expect(await revokeWith(made.key)).toEqual([403, 'machine_cannot_decide']);
    for (const who of ['dmitri', 'reviewer-01']) {
      const stranger = await signInFreshly(api, who);
      expect((await postJson(stranger, `/v1/api-keys/${made.id}/revoke`)).status).toBe(404);
    }
    expect(await isLive()).toBe(true);
  });

  it('without the others of its agent: so it is rotated', async () => {
    const second = await makeKey(ada);
    await postJson(ada, `/v1/api-keys/${made.id}/revoke`);
    expect(await isLive()).toBe(false);
    expect((await api.http({ path: '/v1/me', token: second.key })).status).toBe(200);
  });
});

describe('keys are listed', () => {
  const list = async (token: string) =>
    api.http<KeyList & { code?: string }>({ path: '/v1/api-keys', token });

  it('to the owner, operators and auditors, without the keys', async () => {
    await api.http({ path: '/v1/me', token: made.key });
    for (const who of ['ada', 'olga', 'reviewer-01']) {
      const { status, body } = await list(await api.issuer.humanToken(who));
      expect([status, body.items[0]]).toMatchObject([
        200,
        {
          id: made.id,
          prefix: made.prefix,
          title: 'nightly job',
          is_live: true,
          used_at: expect.any(String) as string,
        },
      ]);
      expect(JSON.stringify(body)).not.toContain(made.key.slice(12));
    }
  });

  it('with the agents that the reader may see, and whose keys she may change', async () => {
    const agentsOf = async (who: string): Promise<unknown> =>
      (await list(await api.issuer.humanToken(who))).body.agents.map(({ id, may_change }) => [
        id,
        may_change,
      ]);
    const all = (may: boolean) => ['elsewhere', 'nightly', 'resting'].map((id) => [id, may]);
    expect(await agentsOf('ada')).toEqual(all(true).slice(1));
    expect(await agentsOf('dmitri')).toEqual([['elsewhere', true]]);
    expect(await agentsOf('olga')).toEqual(all(true));
    expect(await agentsOf('reviewer-01')).toEqual(all(false));
  });

  it('as over, where its agent was deactivated since', async () => {
    const isShownLive = async (): Promise<unknown> =>
      (await list(await api.issuer.humanToken('ada'))).body.items.find(({ id }) => id === made.id)?.is_live;
    expect(await isShownLive()).toBe(true);
    const back = await api.db.query<{ id: string }>(
      `update keyturn.agent_standing set active = false where agent = 'nightly' and valid_to is null returning id`,
    );
    expect(await isShownLive()).toBe(false);
    await api.db.query('update keyturn.agent_standing set active = true where id = $1', [back.rows[0]?.id]);
  });

  it('to nobody else', async () => {
    expect((await list(await api.issuer.humanToken('dmitri'))).body.items).toEqual([]);
    expect((await list(await api.issuer.agentToken('agent-billing'))).body.code).toBe(
      'machine_cannot_decide',
    );
    expect((await list(made.key)).body.code).toBe('machine_cannot_decide');
  });
});

it('keys are made and revoked on record, and the database stands as the entries say', async () => {
  await makeKey(ada, { actions: ['postgres.execute'], targets: ['shop'] });
  await postJson(ada, `/v1/api-keys/${made.id}/revoke`);
  const token = await api.issuer.humanToken('reviewer-01');
  const outcome = async (): Promise<string | undefined> => {
    const { body } = await api.http<StreamPage>({ path: '/v1/audit/keys?limit=100', token });
    const evidence = { stream: 'keys', leaves: body.items, state: body.state } as const;
    return verifyStream(evidence, new Date().toISOString()).outcome;
  };
  expect(await outcome()).toBe('ok');
  for (const [change, back] of [
    ['actions = null', `actions = '["postgres.execute"]'`],
    [`targets = '["shop", "keyturn"]'`, `targets = '["shop"]'`],
    [`expires_at = expires_at + interval '1 day'`, `expires_at = expires_at - interval '1 day'`],
    [`agent = 'elsewhere'`, `agent = 'nightly'`],
    [`created_by = 'olga'`, `created_by = 'ada'`],
    [`digest = reverse(digest)`, `digest = reverse(digest)`],
  ]) {
    await api.db.query(`update keyturn.api_key set ${change} where actions is not null`);
    expect(await outcome()).toBe('failed');
    await api.db.query(`update keyturn.api_key set ${back} where revoked_at is null`);
  }
  expect(await outcome()).toBe('ok');
  await api.db.query('update keyturn.api_key set revoked_at = null');
  expect(await outcome()).toBe('failed');
});

it('a key without an entry is found', async () => {
  await insertKey(api);
  const token = await api.issuer.humanToken('olga');
  const { body } = await api.http<StreamPage>({ path: '/v1/audit/keys?limit=100', token });
  const evidence = { stream: 'keys', leaves: body.items, state: body.state } as const;
  expect(verifyStream(evidence, new Date().toISOString()).outcome).toBe('failed');
});
