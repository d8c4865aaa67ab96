import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { PasskeyList } from '../../../contract/passkeys.ts';
import { digestOfSecret } from '../../../apps/api/auth/session-cookie.ts';
import { readStream, readStreamState } from '../../../database/audit-streams.ts';
import { storeLink, storePasskey } from '../../../database/passkeys.ts';
import { verifyStream } from '../../../domain/audit/verification/streams.ts';
import { startApi, type TestApi } from '../api.ts';
import { Authenticator } from '../../domain/proof/authenticator.ts';
import { postJson, signInFreshly } from '../keys/keys.ts';
import { signIn, type Browser } from '../sign-in/browser.ts';
import { linkOf, outcomeOf, register, SITE, tryRegistering } from './passkeys.ts';

let api: TestApi;
let ada: Browser;
beforeAll(async () => {
  api = await startApi();
});
afterAll(async () => {
  await api.stop();
});
beforeEach(async () => {
  ada = await signInFreshly(api, 'ada');
});

/** As if the person had never had one. */
async function forget(person: string): Promise<void> {
  await api.db.query('delete from keyturn.passkey where person = $1', [person]);
}

async function passkeysOf(browser: Browser): Promise<PasskeyList['items']> {
  return (JSON.parse((await browser.get('/v1/passkeys')).text) as PasskeyList).items;
}

/** What the log of passkeys proves beside the database. */
async function verified(): Promise<string> {
  const { manager } = api.context.source;
  const leaves = await readStream(manager, 'passkeys', { from: 0, limit: 1_000 });
  const state = await readStreamState(manager, 'passkeys');
  const { ok, checks } = verifyStream({ stream: 'passkeys', leaves, state }, new Date().toISOString());
  return ok ? 'ok' : JSON.stringify(checks);
}

// First: what the log says of the database holds until a test takes rows away.
describe('two operators recover somebody who lost all passkeys', () => {
  it('with a link that is for that person alone, once, after the old ones are revoked', async () => {
    const [lost, fresh] = [new Authenticator(), new Authenticator('RS256')];
    const dmitri = await signInFreshly(api, 'dmitri');
    const first = await register(dmitri, { passkey: lost });
    const olga = await signInFreshly(api, 'olga');
    const begun = await postJson(olga, '/v1/passkey-links', { person: 'dmitri', kind: 'recovery' });
    expect([begun.status, linkOf(begun).address]).toEqual([201, null]);
    const agree = (by: Browser) => postJson(by, `/v1/passkey-links/${linkOf(begun).id}/agree`);
    expect(outcomeOf(await agree(olga))).toEqual([403, 'forbidden']);
    expect(outcomeOf(await agree(dmitri))).toEqual([403, 'forbidden']);
    expect((await passkeysOf(dmitri))[0]?.revoked_at).toBeNull();

    const agreed = await agree(await signInFreshly(api, 'omar'));
    const { secret, agreed_by: second } = linkOf(agreed);
    expect([agreed.status, second]).toEqual([200, 'omar']);
    expect((await passkeysOf(dmitri)).map(({ revoked_at: at }) => at !== null)).toEqual([true]);
    expect(outcomeOf(await tryRegistering(dmitri))).toEqual([409, 'passkey_needed']);
    const of = async (browser: Browser) =>
      outcomeOf(await tryRegistering(browser, { link: secret, passkey: fresh }));
    expect(await of(ada)).toEqual([404, 'not_found']);
    expect(await of(olga)).toEqual([404, 'not_found']);
    expect(await of(await signIn(api, 'dmitri'))).toEqual([403, 'sign_in_again']);
    expect(await of(dmitri)).toEqual([201]);
    expect(await of(dmitri)).toEqual([404, 'not_found']);
    const [now, before] = await passkeysOf(dmitri);
    expect(now).toMatchObject({ how: 'recovery', counts_from: now?.made_at, revoked_at: null });
    expect(before?.id).toBe(first.id);
    // What it confirms counts no earlier than it does itself: two of a recovery are no way to what waits.
    const further = await register(dmitri, { confirmation: fresh });
    expect(further).toMatchObject({ how: 'recovery', counts_from: further.made_at });
    expect(await verified()).toBe('ok');
  });

  it('and what is changed by hand afterwards is found', async () => {
    const change = async (sql: string, back: string): Promise<string> => {
      await api.db.query(sql);
      const found = await verified();
      await api.db.query(back);
      return found;
    };
    const other = `(select id from keyturn.passkey where how = 'self' limit 1)`;
    const found = [
      await change(
        `update keyturn.passkey set person = 'ada' where id = ${other}`,
        `update keyturn.passkey set person = 'dmitri' where id = ${other}`,
      ),
      await change(
        `update keyturn.passkey set revoked_at = null where id = ${other}`,
        `update keyturn.passkey set revoked_at = now() where id = ${other}`,
      ),
      await change(
        `update keyturn.passkey set origin = 'https://evil.example' where id = ${other}`,
        `update keyturn.passkey set origin = '${SITE.origin}' where id = ${other}`,
      ),
    ];
    for (const text of found) expect(text).toContain('stands otherwise than its entries say');
    expect(await verified()).toBe('ok');
  });
});

describe('a passkey is registered', () => {
  it('by a person who signed in just before, and stands in the log with its public key', async () => {
    await forget('ada');
    const passkey = new Authenticator('EdDSA');
    const made = await register(ada, { passkey });
    expect(made).toMatchObject({ person: 'ada', how: 'self', counts_from: null, used_at: null });
    const { rows } = await api.db.query<{ facts: object }>(
      `select leaf::jsonb -> 'facts' as facts from audit.entry where request = 'passkeys' order by n desc limit 1`,
    );
    expect(rows[0]?.facts).toMatchObject({
      passkey: made.id,
      credential: passkey.credential,
      public_key: passkey.jwk,
      rp_id: SITE.rpId,
      origin: SITE.origin,
      confirmed_by: null,
    });
    expect(JSON.stringify(rows)).not.toContain('ada');
  });

  it('as a further one where an earlier one confirms it, and not otherwise', async () => {
    await forget('ada');
    const [old, other] = [new Authenticator(), new Authenticator()];
    const first = await register(ada, { passkey: old });
    expect(outcomeOf(await tryRegistering(ada))).toEqual([409, 'passkey_needed']);
    const refused = [409, 'passkey_needed'];
    expect(outcomeOf(await tryRegistering(ada, { confirmation: other }))).toEqual(refused);
    const invalid = [422, 'passkey_invalid'];
    for (const wrongConfirmation of [
      { challenge: 'YW5vdGhlcg' },
      { flags: 0x01 },
      { origin: 'http://127.0.0.1:9999' },
    ])
      expect(outcomeOf(await tryRegistering(ada, { confirmation: old, wrongConfirmation }))).toEqual(invalid);
    await register(ada, { passkey: other, confirmation: old });
    await postJson(ada, `/v1/passkeys/${first.id}/revoke`);
    expect(outcomeOf(await tryRegistering(ada, { confirmation: old }))).toEqual(invalid);
    // A copy of it would count from where it was copied.
    await register(ada, { confirmation: other, wrongConfirmation: { counter: 5 } });
    for (const counter of [5, 4, 0])
      expect(
        outcomeOf(await tryRegistering(ada, { confirmation: other, wrongConfirmation: { counter } })),
      ).toEqual(invalid);
    await register(ada, { confirmation: other, wrongConfirmation: { counter: 6 } });
  });

  it('not anew by who revoked the last one: then it takes two operators', async () => {
    await forget('ada');
    const { id } = await register(ada);
    expect((await postJson(ada, `/v1/passkeys/${id}/revoke`)).status).toBe(200);
    expect(outcomeOf(await tryRegistering(ada))).toEqual([409, 'passkey_needed']);
  });
});

describe('no passkey is registered', () => {
  beforeEach(() => forget('ada'));

  it.each([
    ['the answer is to another challenge', { challenge: 'YW5vdGhlcg' }],
    ['the person was not verified', { flags: 0x01 }],
    ['another page made it', { origin: 'http://127.0.0.1:9999' }],
    ['it is for another site', { rpId: 'localhost' }],
    ['it is an assertion', { client: { type: 'webauthn.get' } }],
  ])('where %s', async (_why, wrong) => {
    expect(outcomeOf(await tryRegistering(ada, { wrong }))).toEqual([422, 'passkey_invalid']);
  });

  it('where the challenge is of another session, or of nobody', async () => {
    const other = await signInFreshly(api, 'ada');
    const begun = await postJson(other, '/v1/passkeys/registrations');
    const { challenge } = JSON.parse(begun.text) as { challenge: string };
    for (const one of [challenge, 'YW5vdGhlcg', 'A'.repeat(72)]) {
      const made = new Authenticator().register({ ...SITE, challenge: one });
      expect(outcomeOf(await postJson(ada, '/v1/passkeys', { challenge: one, ...made }))).toEqual([
        422,
        'passkey_invalid',
      ]);
    }
  });

  it('that has an attestation: its certificates would name addresses to fetch', async () => {
    const begun = await postJson(ada, '/v1/passkeys/registrations');
    const { challenge } = JSON.parse(begun.text) as { challenge: string };
    const made = new Authenticator().register({ ...SITE, challenge });
    const attestation = Buffer.from(made.attestation, 'base64url');
    // {"attStmt": {"x5c": []}} under the format `packed`.
    const none = Buffer.from([0x64, ...Buffer.from('none')]);
    const packed = Buffer.from([0x66, ...Buffer.from('packed')]);
    const at = attestation.indexOf(none);
    const empty = attestation.indexOf(Buffer.from('attStmt')) + 'attStmt'.length;
    const changed = Buffer.concat([
      attestation.subarray(0, at),
      packed,
      attestation.subarray(at + none.length, empty),
      Buffer.from([0xa1, 0x63, ...Buffer.from('x5c'), 0x80]),
      attestation.subarray(empty + 1),
    ]).toString('base64url');
    const answer = await postJson(ada, '/v1/passkeys', { challenge, ...made, attestation: changed });
    expect(answer.text).toContain('an attestation, which is not asked for');
  });

  it('where nobody asked the person just now, nor with a token', async () => {
    expect(outcomeOf(await tryRegistering(await signIn(api, 'ada')))).toEqual([403, 'sign_in_again']);
    const token = await api.issuer.humanToken('ada');
    const { body } = await api.http({ path: '/v1/passkeys/registrations', token, body: {} });
    expect(body).toMatchObject({ code: 'sign_in_again' });
  });

  it('where the sign-in was too long ago by the end', async () => {
    const begun = await postJson(ada, '/v1/passkeys/registrations');
    const { challenge } = JSON.parse(begun.text) as { challenge: string };
    await api.db.query(
      `update keyturn.session set authenticated_at = now() - interval '601 seconds' where id = $1`,
      [(await ada.session()).id],
    );
    const made = new Authenticator().register({ ...SITE, challenge });
    expect(outcomeOf(await postJson(ada, '/v1/passkeys', { challenge, ...made }))).toEqual([
      403,
      'sign_in_again',
    ]);
  });

  it('twice, nor one of somebody else', async () => {
    const passkey = new Authenticator();
    await register(ada, { passkey });
    await forget('petra');
    const petra = await signInFreshly(api, 'petra');
    expect(outcomeOf(await tryRegistering(petra, { passkey }))).toEqual([422, 'passkey_invalid']);
  });
});

describe('an operator lets somebody enrol', () => {
  it('who never had a passkey, with a link that a newer one replaces', async () => {
    await forget('ada');
    const olga = await signInFreshly(api, 'olga');
    const make = async (person: string, by = olga) =>
      postJson(by, '/v1/passkey-links', { person, kind: 'enrolment' });
    const [before, link] = [linkOf(await make('ada')), linkOf(await make('ada'))];
    expect(outcomeOf(await tryRegistering(ada, { link: before.secret }))).toEqual([404, 'not_found']);
    expect(await register(ada, { link: link.secret })).toMatchObject({ how: 'enrolment', counts_from: null });
    expect(outcomeOf(await make('ada'))).toEqual([409, 'passkey_needed']);
  });

  it('after 24 hours no more', async () => {
    await forget('ada');
    const link = linkOf(
      await postJson(await signInFreshly(api, 'olga'), '/v1/passkey-links', {
        person: 'ada',
        kind: 'enrolment',
      }),
    );
    const hours = (Date.parse(link.expires_at) - Date.now()) / 3_600_000;
    expect(Math.round(hours)).toBe(24);
    await api.db.query('update keyturn.passkey_link set expires_at = now() where id = $1', [link.id]);
    expect(outcomeOf(await tryRegistering(ada, { link: link.secret }))).toEqual([404, 'not_found']);
  });

  it('and nobody any more once they are no operator themselves', async () => {
    await forget('ada');
    const omar = await signInFreshly(api, 'omar');
    const made = await postJson(omar, '/v1/passkey-links', { person: 'ada', kind: 'enrolment' });
    const set = (active: boolean) =>
      api.db.query(
        `update keyturn.person_standing set active = $1 where person = 'omar' and valid_to is null`,
        [active],
      );
    await set(false);
    expect(outcomeOf(await tryRegistering(ada, { link: linkOf(made).secret }))).toEqual([404, 'not_found']);
    await set(true);
    expect(outcomeOf(await tryRegistering(ada, { link: linkOf(made).secret }))).toEqual([201]);
  });

  it('but not themselves, not without a fresh sign-in, and nobody else does', async () => {
    const body = { person: 'olga', kind: 'enrolment' };
    const post = async (by: Browser, of: object = body) =>
      outcomeOf(await postJson(by, '/v1/passkey-links', of));
    expect(await post(await signInFreshly(api, 'olga'))).toEqual([403, 'forbidden']);
    expect(await post(await signIn(api, 'omar'))).toEqual([403, 'sign_in_again']);
    expect(await post(ada)).toEqual([403, 'forbidden']);
    expect(await post(await signInFreshly(api, 'omar'), { ...body, person: 'nobody' })).toEqual([
      404,
      'not_found',
    ]);
    const token = await api.issuer.humanToken('omar');
    const reply = await api.http({ path: '/v1/passkey-links', token, body });
    expect(reply.body).toMatchObject({ code: 'sign_in_again' });
  });
});

it('the database refuses by itself what the API did not', async () => {
  const { manager } = api.context.source;
  const session = (await ada.session()).id;
  const record = (facts: object) => ({ leaf: JSON.stringify({ facts }), subjects: {} });
  const link = { id: 'pkl_x', digest: null };
  const own = storeLink(manager, { ...link, person: 'olga', made_by: 'olga' }, record({ session }));
  await expect(own).rejects.toMatchObject({ code: 'KT003' });
  const byNobody = storeLink(manager, { ...link, person: 'dmitri', made_by: 'ada' }, record({ session }));
  await expect(byNobody).rejects.toMatchObject({ code: 'KT003' });
  const olga = await signInFreshly(api, 'olga');
  await forget('petra');
  const made = await postJson(olga, '/v1/passkey-links', { person: 'petra', kind: 'enrolment' });
  const { id, secret } = linkOf(made);
  const others = storePasskey(
    manager,
    {
      id: 'psk_x',
      person: 'ada',
      salt: '',
      counter: 0,
      is_synced: false,
      transports: [],
      link: digestOfSecret(secret),
    },
    record({ session, how: 'enrolment', link: id }),
  );
  await expect(others).rejects.toMatchObject({ code: 'KT009' });
});

it('the database refuses to let a passkey count for more than the one that confirmed it', async () => {
  await forget('ada');
  const { id } = await register(ada);
  await api.db.query(`update keyturn.passkey set how = 'recovery' where id = $1`, [id]);
  const facts = { session: (await ada.session()).id, confirmed_by: id };
  const further = {
    id: 'psk_x',
    person: 'ada',
    salt: '',
    counter: 0,
    is_synced: false,
    transports: [],
    link: null,
  };
  for (const how of ['self', 'enrolment']) {
    const record = { leaf: JSON.stringify({ facts: { ...facts, how } }), subjects: {} };
    const stored = storePasskey(api.context.source.manager, further, record);
    await expect(stored).rejects.toMatchObject({ code: 'KT010' });
  }
});

it('people see their own passkeys, and operators those of all', async () => {
  expect((await ada.get('/v1/passkeys?person=dmitri')).status).toBe(403);
  const olga = await signIn(api, 'olga');
  expect((await olga.get('/v1/passkeys?person=dmitri')).status).toBe(200);
  expect((await olga.get('/v1/passkey-links')).status).toBe(200);
  expect((await ada.get('/v1/passkey-links')).status).toBe(403);
  const { items } = JSON.parse((await olga.get('/v1/passkeys?person=dmitri')).text) as PasskeyList;
  expect(outcomeOf(await postJson(olga, `/v1/passkeys/${items[0]?.id}/revoke`))).toEqual([404, 'not_found']);
});
