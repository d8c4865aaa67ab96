import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { sha256 } from '../../../domain/crypto/digest.ts';
import type { TestApi } from '../api.ts';
import { begin, comeBack, signIn, type Browser } from '../sign-in/browser.ts';
import { inDays, makeKey, postJson, signInFreshly, startApiWithKeys, TERMS } from './keys.ts';

let api: TestApi;
let ada: Browser;
beforeAll(async () => {
  api = await startApiWithKeys();
});
afterAll(async () => {
  await api.stop();
});
beforeEach(async () => {
  await api.db.query('update keyturn.api_key set revoked_at = now()');
  ada = await signInFreshly(api, 'ada');
});

const PATH = '/v1/api-keys';

async function ask(browser: Browser, terms: object = {}): Promise<[number, string?]> {
  const { status, text } = await postJson(browser, PATH, { ...TERMS, ...terms });
  const { code } = JSON.parse(text) as { code?: string };
  return code === undefined ? [status] : [status, code];
}

const AGAIN = [403, 'sign_in_again'];

describe('a key is made', () => {
  it('by the owner of the agent, who is shown it once', async () => {
    const made = await makeKey(ada, { actions: ['postgres.execute'] });
    expect(made.key).toMatch(/^kt_[a-z2-7]{8}_[A-Za-z0-9_-]{43}$/);
    expect(made).toMatchObject({
      prefix: made.key.slice(0, 11),
      agent: 'nightly',
      created_by: 'ada',
      actions: ['postgres.execute'],
      targets: null,
      used_at: null,
      revoked_at: null,
    });
    expect(made.id.slice(4, 12)).toBe(made.prefix.slice(3));
    expect((await ada.get(PATH)).text).not.toContain(made.key.slice(12));
  });

  it('by an operator', async () => {
    expect((await makeKey(await signInFreshly(api, 'olga'))).created_by).toBe('olga');
  });

  it('and stands in the database as its SHA-256 alone, in no entry at all', async () => {
    const { key, id } = await makeKey(ada);
    const { rows } = await api.db.query<{ row: string; digest: string }>(
      'select to_jsonb(api_key)::text as row, digest from keyturn.api_key where id = $1',
      [id],
    );
    expect(rows[0]?.digest).toBe(sha256(key).replace('sha256:', ''));
    expect(rows[0]?.row).not.toContain(key.slice(12));
    const { rows: entries } = await api.db.query<{ leaf: string }>(
      `select leaf from audit.entry where request = 'keys' order by n desc limit 1`,
    );
    expect(entries[0]?.leaf).toContain(id);
    expect(entries[0]?.leaf).not.toContain(key.slice(12));
    expect(entries[0]?.leaf).not.toContain(rows[0]?.digest);
  });

  it('for an instant and names that exist', async () => {
    for (const expires_at of [
      inDays(-1),
      new Date(Date.now() + 30_000).toISOString(),
      inDays(367),
      'tomorrow',
    ])
      expect(await ask(ada, { expires_at })).toEqual([400, 'invalid_request']);
    expect(await ask(ada, { actions: ['postgres.exec'] })).toEqual([422, 'unknown_action']);
    expect(await ask(ada, { targets: ['shopp'] })).toEqual([422, 'unknown_target']);
    for (const title of ['', ' ', '\u0001', 'two\nlines', 'x'.repeat(101), 'a\u202eb', 'a\u200b'])
      expect(await ask(ada, { title })).toEqual([400, 'invalid_request']);
    expect(await ask(ada, { actions: [] })).toEqual([400, 'invalid_request']);
    expect(await ask(ada, { expires_at: inDays(365.9) })).toEqual([201]);
  });

  it('ten times for an agent, and again when one was revoked', async () => {
    const made = await Promise.all(Array.from({ length: 10 }, async () => makeKey(ada)));
    expect(await ask(ada)).toEqual([409, 'too_many_keys']);
    expect(await ask(await signInFreshly(api, 'dmitri'), { agent: 'elsewhere' })).toEqual([201]);
    await postJson(ada, `/v1/api-keys/${made[0]?.id}/revoke`);
    expect(await ask(ada)).toEqual([201]);
  });
});

describe('no key is made', () => {
  it.each<[string, () => Promise<Browser>]>([
    ['the provider asked the person eleven minutes ago', async () => signInFreshly(api, 'ada', ago(660))],
    ['nobody says when the person was asked', async () => signIn(api, 'ada')],
    // The browser carries `prompt=login` to the provider, and who holds it can leave that out.
    [
      'nobody says so of a sign-in that was to be a fresh one',
      async () => signInFreshly(api, 'ada', { auth_time: undefined }),
    ],
    ['a provider says a time that is to come', async () => signInFreshly(api, 'ada', ago(-3_600))],
    [
      'the session was renewed without asking',
      async () => {
        const begun = await begin(ada, api.issuer, { prompt: 'none' });
        await comeBack(ada, { issuer: api.issuer, begun, subject: 'ada' });
        return ada;
      },
    ],
    ['a provider says that it never did', async () => signInFreshly(api, 'ada', { auth_time: 0 })],
    [
      'it was ten minutes ago here',
      async () => {
        await api.db.query(
          `update keyturn.session set authenticated_at = now() - interval '601 seconds' where id = $1`,
          [(await ada.session()).id],
        );
        return ada;
      },
    ],
  ])('where %s', async (_why, browser) => {
    expect(await ask(await browser())).toEqual(AGAIN);
  });

  it('but where it was nine minutes ago', async () => {
    expect(await ask(await signInFreshly(api, 'ada', ago(540)))).toEqual([201]);
    // A clock that is ahead makes nobody fresher.
    const ahead = await signInFreshly(api, 'ada', ago(-30));
    const { rows } = await api.db.query<{ is_past: boolean }>(
      'select authenticated_at <= now() as is_past from keyturn.session where id = $1',
      [(await ahead.session()).id],
    );
    expect(rows).toEqual([{ is_past: true }]);
  });

  it('by somebody who neither owns the agent nor is an operator', async () => {
    expect(await ask(await signInFreshly(api, 'dmitri'))).toEqual([403, 'forbidden']);
    expect(await ask(await signInFreshly(api, 'reviewer-01'))).toEqual([403, 'forbidden']);
    expect(await ask(ada, { agent: 'elsewhere' })).toEqual([403, 'forbidden']);
  });

  it('with a token, of whomever', async () => {
    const { key } = await makeKey(ada);
    const code = async (token: string): Promise<unknown> =>
      (await api.http({ path: PATH, token, body: TERMS })).body['code'];
    expect(await code(await api.issuer.humanToken('ada'))).toBe('sign_in_again');
    expect(await code(await api.issuer.humanToken('olga'))).toBe('sign_in_again');
    expect(await code(await api.issuer.agentToken('agent-dba'))).toBe('machine_cannot_decide');
    expect(await code(key)).toBe('machine_cannot_decide');
  });

  it('from the page of another server', async () => {
    const headers = { 'x-csrf-token': (await ada.session()).csrf, origin: 'http://127.0.0.1:9999' };
    expect((await ada.post(PATH, JSON.stringify(TERMS), headers)).status).toBe(403);
  });

  it('of an agent that has an issuer, is deactivated, or is not there', async () => {
    expect(await ask(ada, { agent: 'agent-billing' })).toEqual([404, 'not_found']);
    expect(await ask(ada, { agent: 'nobody' })).toEqual([404, 'not_found']);
    expect(await ask(ada, { agent: 'resting' })).toEqual([403, 'requester_inactive']);
  });
});

/** The claim of a provider that asked the person so many seconds ago. */
function ago(seconds: number): Readonly<Record<string, unknown>> {
  return { auth_time: Math.floor(Date.now() / 1_000) - seconds };
}
