import type { JWTPayload } from 'jose';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { startApi, type TestApi } from '../api.ts';
import { postJson, signInFreshly } from '../keys/keys.ts';
import { outcomeOf } from '../passkeys/passkeys.ts';
import { begin, Browser, comeBack, signIn } from '../sign-in/browser.ts';
import { accountsOf, beginLink, link, signInAsWell, tryLinking, unlink, verifiedLinks } from './linking.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(async () => {
  await api.stop();
});

/** Whether somebody can sign in with an account, and as whom. */
async function signedInAs(subject: string, issuer = api.issuer): Promise<string> {
  const browser = new Browser(api.url);
  const page = await comeBack(browser, { issuer, begun: await begin(browser, issuer), subject });
  if (page.status !== 303) return /no person with the account/.test(page.text) ? 'unknown' : page.text;
  return (JSON.parse((await browser.get('/v1/session')).text) as { person: string }).person;
}

it('a person links a further account, signs in with it, and removes the link', async () => {
  const ada = await signInFreshly(api, 'ada');
  expect(await signedInAs('ada-private', api.secondIssuer)).toBe('unknown');
  const { id, begun } = await beginLink(ada, api.secondIssuer);
  expect([begun.get('prompt'), begun.get('max_age')]).toEqual(['login', '0']);
  const early = await postJson(ada, `/v1/account-links/${id}/confirm`);
  expect(outcomeOf(early)).toEqual([404, 'not_found']);
  const account = { issuer: api.secondIssuer, begun, subject: 'ada-private' };
  const back = await signInAsWell(ada, account, { claims: { preferred_username: 'ada@home.example' } });
  expect(new URL(back.location).pathname).toBe(`/link/${id}`);
  // Nothing is bound before the person says so.
  expect(await signedInAs('ada-private', api.secondIssuer)).toBe('unknown');
  const shown = JSON.parse((await ada.get(`/v1/account-links/${id}`)).text) as object;
  const identity = { issuer: api.secondIssuer.url, subject: 'ada-private' };
  expect(shown).toMatchObject({
    person: 'ada',
    own: { issuer: api.issuer.url, subject: 'ada' },
    account: { ...identity, shown_as: 'ada@home.example' },
  });
  const confirmed = await postJson(ada, `/v1/account-links/${id}/confirm`);
  expect(outcomeOf(confirmed)).toEqual([200]);
  const made = JSON.parse(confirmed.text) as Parameters<typeof unlink>[1];
  expect(made).toMatchObject({ id, person: 'ada', identity, unlinked_at: null });
  expect(outcomeOf(await postJson(ada, `/v1/account-links/${id}/confirm`))).toEqual([404, 'not_found']);

  expect(await signedInAs('ada-private', api.secondIssuer)).toBe('ada');
  const { items, links } = await accountsOf(ada);
  expect(items.map(({ sources, ...one }) => [one.is_current, one.link, sources[0]?.authority])).toEqual(
    expect.arrayContaining([
      [true, null, 'file'],
      [false, id, 'links'],
    ]),
  );
  expect(links).toMatchObject([{ id, session: (await ada.session()).id }]);
  expect(await verifiedLinks(api)).toBe('ok');

  const other = new Browser(api.url);
  const again = {
    issuer: api.secondIssuer,
    begun: await begin(other, api.secondIssuer),
    subject: 'ada-private',
  };
  await comeBack(other, again);
  expect((await other.session()).status).toBe(200);
  expect(outcomeOf(await unlink(ada, made))).toEqual([200]);
  expect((await other.session()).status).toBe(401);
  expect((await ada.session()).status).toBe(200);
  expect(await signedInAs('ada-private', api.secondIssuer)).toBe('unknown');
  const token = await api.secondIssuer.humanToken('ada-private');
  expect((await api.create(token)).body).toMatchObject({ code: 'forbidden' });
  expect((await accountsOf(ada)).links).toMatchObject([{ id, unlinked_by: 'ada' }]);
  expect(await verifiedLinks(api)).toBe('ok');
  // Sessions that the link let in stay over when it is made again.
  await link(ada, api.secondIssuer, 'ada-private');
  expect((await other.session()).status).toBe(401);
});

it('a link that Mallory begins binds nothing of Alice, whichever step is forwarded', async () => {
  const mallory = await signInFreshly(api, 'reviewer-01');
  const alice = await signInFreshly(api, 'reviewer-02');
  const nobody = new Browser(api.url);
  const issuer = api.secondIssuer;
  const { id, begun } = await beginLink(mallory, issuer);
  // The address that begins the second sign-in, to Alice with and without a session.
  for (const browser of [alice, nobody]) expect((await browser.get(`/sign-in?link=${id}`)).status).toBe(404);
  // The address of the provider: Alice signs in there, and comes back in her browser.
  for (const browser of [alice, nobody]) {
    const page = await signInAsWell(browser, { issuer, begun, subject: 'alice-private' });
    expect(page.status).toBe(400);
  }
  // Alice is at a link of her own just then: the answer to Mallory's is none to hers.
  const own = await beginLink(alice, issuer);
  const mixed = await signInAsWell(alice, { issuer, begun, subject: 'mallory-private' });
  expect(mixed.location).toContain(`/link/${own.id}?fault=refused`);
  // Mallory's cookie in Alice's browser, which a network or another port may plant.
  const planted = mallory.cookies.get('keyturn-7080-sign-in') ?? [...mallory.cookies].at(-1)?.[1] ?? '';
  const name = [...mallory.cookies.keys()].find((one) => one.includes('sign-in')) ?? '';
  expect(name).not.toBe('');
  alice.cookies.set(name, planted);
  const carried = await signInAsWell(alice, { issuer, begun, subject: 'alice-private' });
  expect(carried.location).toContain(`/link/${id}?fault=over`);
  expect(outcomeOf(await alice.get(`/v1/account-links/${id}`))).toEqual([404, 'not_found']);
  expect(outcomeOf(await postJson(alice, `/v1/account-links/${id}/confirm`))).toEqual([404, 'not_found']);
  // And what Mallory answered herself, Alice cannot be made to confirm.
  const forged = await beginLink(mallory, issuer);
  await signInAsWell(mallory, { issuer, begun: forged.begun, subject: 'mallory-private' });
  expect(outcomeOf(await postJson(alice, `/v1/account-links/${forged.id}/confirm`))).toEqual([
    404,
    'not_found',
  ]);
  for (const account of ['alice-private', 'mallory-private'])
    expect(await signedInAs(account, issuer)).toBe('unknown');
});

it('a second sign-in counts once, fresh, by a person, in the session that began it, while that is fresh', async () => {
  const issuer = api.secondIssuer;
  const dmitri = await signInFreshly(api, 'dmitri');
  const faultOf = async (claims: JWTPayload, subject = 'late'): Promise<string | null> => {
    const { begun } = await beginLink(dmitri, issuer);
    const { location } = await signInAsWell(dmitri, { issuer, begun, subject }, { claims });
    return new URL(location).searchParams.get('fault');
  };
  expect(await faultOf({ auth_time: undefined })).toBe('no_sign_in_time');
  expect(await faultOf({ auth_time: Math.floor(Date.now() / 1_000) - 300 })).toBe('signed_in_too_early');
  expect(await faultOf({ gty: 'client-credentials' })).toBe('machine');
  expect(await faultOf({ nonce: 'another' })).toBe('refused');
  expect(await faultOf({ aud: 'keyturn' })).toBe('refused');
  const { id, begun } = await beginLink(dmitri, issuer);
  await signInAsWell(dmitri, { issuer, begun, subject: 'first' });
  expect((await dmitri.get(`/sign-in?link=${id}`)).status).toBe(404);
  await api.db.query(
    `update keyturn.begun_account_link set authenticated_at = now() - interval '11 minutes' where id = $1`,
    [id],
  );
  expect(outcomeOf(await postJson(dmitri, `/v1/account-links/${id}/confirm`))).toEqual([
    403,
    'sign_in_again',
  ]);

  const stale = await signIn(api, 'dmitri');
  const refused = await postJson(stale, '/v1/account-links', { issuer: issuer.url });
  expect(outcomeOf(refused)).toEqual([403, 'sign_in_again']);
  const open = await beginLink(dmitri, issuer);
  await signInAsWell(dmitri, { issuer, begun: open.begun, subject: 'second' });
  await api.db.query(`update keyturn.session set authenticated_at = now() - interval '11 minutes'
    where person = 'dmitri'`);
  expect(outcomeOf(await postJson(dmitri, `/v1/account-links/${open.id}/confirm`))).toEqual([
    403,
    'sign_in_again',
  ]);
  for (const account of ['late', 'first', 'second'])
    expect(await signedInAs(account, issuer)).toBe('unknown');
});

it('an account of somebody else is refused, active or not, and of an agent, and nobody learns whose it is', async () => {
  const ada = await signInFreshly(api, 'ada');
  const taken = async (subject: string, issuer = api.issuer): Promise<string> =>
    new URL((await tryLinking(ada, issuer, subject)).location).searchParams.get('fault') ?? 'linked';
  expect(await taken('petra')).toBe('taken');
  expect(await taken('ines')).toBe('taken');
  expect(await taken('agent-dba')).toBe('taken');
  expect(await taken('olga.petrenko', api.secondIssuer)).toBe('taken');
  expect(await taken('ada')).toBe('own_account');
  // Where it becomes somebody's between the sign-in and the confirmation.
  const { id, begun } = await beginLink(ada, api.secondIssuer);
  await signInAsWell(ada, { issuer: api.secondIssuer, begun, subject: 'contested' });
  await link(await signInFreshly(api, 'petra'), api.secondIssuer, 'contested');
  const late = await postJson(ada, `/v1/account-links/${id}/confirm`);
  expect(outcomeOf(late)).toEqual([409, 'account_taken']);
  expect(late.text).toContain('operators merge');
  expect(late.text).not.toMatch(/petra/i);
});
