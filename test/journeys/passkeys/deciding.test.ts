import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { PasskeyList } from '../../../contract/passkeys.ts';
import { decisionBinding } from '../../../domain/proof/binding.ts';
import { siteOf } from '../../../domain/proof/passkey.ts';
import { postJson } from '../../api/keys/keys.ts';
import { linkOf, outcomeOf, register } from '../../api/passkeys/passkeys.ts';
import { Authenticator, type Ceremony } from '../../domain/proof/authenticator.ts';
import { startStack, type Stack } from '../../stack/stack.ts';
import { courseOf, waitForLeaves, waitForVerdicts } from '../../workflows/facts.ts';
import { activate, activePolicy, changeRequirement } from '../../workflows/policies.ts';
import { Desk, randomId, type DecisionChange } from '../../workflows/signed.ts';
import { Reviewer } from './reviewer.ts';

let stack: Stack;
let desk: Desk;
let olga: Reviewer;
let dmitri: Reviewer;

beforeAll(async () => {
  stack = await startStack();
  const strong = ['usual', 'two-people'].map((rule) =>
    changeRequirement(rule, (requirement) => ({ ...requirement, minimum_grade: 'A' })),
  );
  const policy = await activePolicy(stack.keyturnDb);
  await activate(
    stack.keyturnDb,
    strong.reduce((changed, change) => change(changed), policy),
  );
  desk = await Desk.open(stack);
  [olga, dmitri] = [await Reviewer.enrol(stack, 'olga'), await Reviewer.enrol(stack, 'dmitri')];
});
afterAll(async () => {
  await stack.stop();
});

const ask = (target = 'shop'): Promise<string> => desk.ask({ target });

async function verified(id: string): Promise<{ readonly ok: boolean; readonly proven: string }> {
  const token = await stack.issuer.humanToken('olga');
  const { stdout } = await stack.cli(['verify', id, '--json'], { KEYTURN_TOKEN: token });
  const { ok, checks } = JSON.parse(stdout) as { ok: boolean; checks: { name: string; detail: string }[] };
  return { ok, proven: checks.find(({ name }) => name === 'grades_proven')?.detail ?? '' };
}

describe('a rule that demands a passkey', () => {
  it('is satisfied by one: it runs, and anybody can verify who signed what', async () => {
    const id = await ask();
    const { refusals, needed_grade: needed } = await olga.card(id);
    expect([refusals.approve, needed]).toEqual([null, 'A']);
    expect(outcomeOf(await olga.send(id))).toEqual([403, 'grade_too_low']);
    expect(outcomeOf(await olga.approve(id))).toEqual([200]);
    await stack.waitForStatus(id, 'succeeded');
    const { ok, proven } = await verified(id);
    expect(ok).toBe(true);
    expect(proven).toMatch(/signed with the passkey psk_[a-z2-7]{26}, registered at 20/);
  });

  it('leads somebody who has none to where one is added', async () => {
    await stack.keyturnDb.query(`delete from keyturn.passkey where person = 'petra'`);
    const petra = await Reviewer.signIn(stack, 'petra');
    const id = await desk.ask({ target: 'shop' });
    expect(outcomeOf(await petra.begin(id))).toEqual([403, 'not_eligible']);
    await stack.keyturnDb.query(`update keyturn.passkey set revoked_at = now() where person = 'dmitri'`);
    expect(outcomeOf(await dmitri.begin(id))).toEqual([409, 'passkey_needed']);
    await stack.keyturnDb.query(`update keyturn.passkey set revoked_at = null where person = 'dmitri'`);
  });
});

describe('the API refuses', () => {
  const invalid = [422, 'proof_invalid'];

  it.each<[string, Partial<Ceremony>]>([
    ['a signature over other words', { challenge: 'YW5vdGhlcg' }],
    ['one without the person being verified', { flags: 0x01 }],
    ['one of another page', { origin: 'http://127.0.0.1:9' }],
  ])('%s', async (_what, wrong) => {
    expect(outcomeOf(await olga.approve(await ask(), { wrong }))).toEqual(invalid);
  });

  it('a passkey of somebody else, also where it signed the right words', async () => {
    expect(outcomeOf(await olga.approve(await ask(), { passkey: dmitri.passkey }))).toEqual(invalid);
  });

  it('a proof of another request, of another session, of another verdict, and one that was used', async () => {
    const [one, other] = [await ask('shop-two-people'), await ask('shop-two-people')];
    const proof = await olga.prove(one);
    expect(outcomeOf(await olga.send(other, { proof }))).toEqual(invalid);
    expect(outcomeOf(await dmitri.send(one, { proof }))).toEqual(invalid);
    expect(outcomeOf(await olga.send(one, { proof, verdict: 'deny', reason: 'x' }))).toEqual(invalid);
    expect(outcomeOf(await olga.send(one, { proof }))).toEqual([200]);
    expect(outcomeOf(await dmitri.send(one, { proof }))).toEqual(invalid);
    const { rows } = await stack.keyturnDb.query<{ id: string }>(
      'select id from keyturn.decision where request = $1',
      [one],
    );
    const takes_back = rows[0]?.id ?? '';
    expect(outcomeOf(await olga.send(one, { verdict: 'take_back', takes_back }))).toEqual([200]);
    expect(outcomeOf(await olga.send(one, { proof }))).toEqual(invalid);
  });

  it('a proof with a token, which no passkey can strengthen', async () => {
    const id = await ask();
    const token = await stack.issuer.humanToken('olga');
    const reply = await stack.http({
      path: `/v1/requests/${id}/proofs`,
      token,
      body: { grade: 'A', ...(await olga.words(id)) },
    });
    expect(reply.body).toMatchObject({ code: 'sign_in_again' });
  });
});

/** What somebody sends who has the key that the API signs with. */
describe('the worker refuses', () => {
  interface Forgery {
    readonly by?: () => Authenticator;
    readonly wrong?: Partial<Ceremony>;
    /** What is signed by the passkey, over what is decided. */
    readonly words?: Partial<Parameters<typeof decisionBinding>[0]>;
    readonly more?: DecisionChange;
  }

  async function forge(
    request: string,
    { by = () => olga.passkey, wrong, words, more }: Forgery,
  ): Promise<DecisionChange> {
    const { decision_digest } = await olga.words(request);
    const random = Buffer.from(randomId('dec')).toString('base64url');
    const bound = {
      request,
      decision_digest,
      verdict: 'approve' as const,
      view_digest: null,
      random,
      ...words,
    };
    const challenge = decisionBinding(bound);
    const assertion = by().assert({ ...siteOf(olga.browser.origin), challenge, ...wrong });
    return { grade: 'A', proof: { kind: 'passkey', random, ...assertion }, ...more };
  }

  it.each<[string, Forgery]>([
    ['the passkey of another person', { by: () => dmitri.passkey }],
    ['a passkey that nobody registered', { by: () => new Authenticator() }],
    ['a signature over another digest', { words: { decision_digest: `sha256:${'0'.repeat(64)}` } }],
    ['a signature over another verdict', { words: { verdict: 'deny' } }],
    ['a signature over another request', { words: { request: `req_${'a'.repeat(26)}` } }],
    ['a signature over another card', { words: { view_digest: `sha256:${'0'.repeat(64)}` } }],
    ['a person who was not verified', { wrong: { flags: 0x01 } }],
    ['another page', { wrong: { origin: 'http://127.0.0.1:9' } }],
    ['a grade that the proof does not give', { more: { grade: 'B' } }],
    ['a proof for grade C', { more: { grade: 'C' } }],
  ])('%s', async (_what, forgery) => {
    const id = await ask('shop-two-people');
    await desk.decide(id, 'olga', await forge(id, forgery));
    await waitForVerdicts(stack, id, 1);
    expect(await refusalsOf(id)).toEqual([
      forgery.more?.grade === undefined ? 'proof_invalid' : 'grade_too_low',
    ]);
  });

  it('a grade without a proof', async () => {
    const id = await ask('shop-two-people');
    for (const grade of ['A', 'B'] as const) await desk.decide(id, 'olga', { grade });
    await waitForVerdicts(stack, id, 2);
    expect(new Set(await refusalsOf(id))).toEqual(new Set(['proof_invalid', 'grade_too_low']));
  });

  it('what a person signed once as a second decision', async () => {
    const id = await ask('shop-two-people');
    const signed = await forge(id, {});
    const approval = randomId('dec');
    await desk.decide(id, 'olga', { id: approval, ...signed });
    await desk.decide(id, 'olga', { verdict: 'take_back', takes_back: approval });
    await waitForVerdicts(stack, id, 2);
    await desk.decide(id, 'olga', signed);
    await waitForVerdicts(stack, id, 3);
    expect(await refusalsOf(id)).toEqual(['proof_invalid']);
    expect((await verified(id)).ok).toBe(false);
  });
});

async function refusalsOf(id: string): Promise<readonly (string | null)[]> {
  const { rows } = await stack.keyturnDb.query<{ refusal: string | null }>(
    `select refusal from keyturn.decision where request = $1 and outcome = 'refused' order by recorded_at`,
    [id],
  );
  return rows.map(({ refusal }) => refusal);
}

describe('a passkey that is lost', () => {
  it('takes its approvals with it that did not run yet', async () => {
    const omar = await Reviewer.signIn(stack, 'omar');
    const id = await ask('shop-two-people');
    expect(outcomeOf(await olga.approve(id))).toEqual([200]);
    const { items } = JSON.parse((await olga.browser.get('/v1/passkeys')).text) as PasskeyList;
    const second = new Authenticator();
    await register(olga.browser, { passkey: second, confirmation: olga.passkey });
    await postJson(olga.browser, `/v1/passkeys/${items[0]?.id}/revoke`);
    expect(outcomeOf(await dmitri.approve(id))).toEqual([200]);
    await waitForLeaves(stack, id, { type: 'request.pending', count: 2 });
    expect(await courseOf(stack, id)).not.toContain('execution.claimed');

    // It is recovered, and counts for what is asked for later.
    const petra = await Reviewer.signIn(stack, 'petra');
    const begun = await postJson(omar.browser, '/v1/passkey-links', { person: 'olga', kind: 'recovery' });
    const agreed = await postJson(petra.browser, `/v1/passkey-links/${linkOf(begun).id}/agree`);
    const fresh = new Authenticator();
    const waiting = await ask();
    await register(olga.browser, { passkey: fresh, link: linkOf(agreed).secret });
    expect(outcomeOf(await olga.begin(waiting))).toEqual([409, 'passkey_needed']);
    const later = await ask();
    expect(outcomeOf(await olga.approve(later, { passkey: fresh }))).toEqual([200]);
    await stack.waitForStatus(later, 'succeeded');
    expect((await verified(later)).ok).toBe(true);
  });
});
