import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { sha256 } from '../../../domain/crypto/digest.ts';
import { seal, type SealingKeys } from '../../../domain/crypto/sealing.ts';
import { decisionBinding } from '../../../domain/proof/binding.ts';
import { idTokenContext } from '../../../domain/proof/id-token.ts';
import { readWorkerKeys } from '../../../configuration/keys.ts';
import { readWorkerConfiguration } from '../../../configuration/programs.ts';
import { outcomeOf } from '../../api/passkeys/passkeys.ts';
import type { Answer } from '../../api/sign-in/browser.ts';
import { startStack, type Stack } from '../../stack/stack.ts';
import { courseOf, waitForLeaves, waitForVerdicts } from '../../workflows/facts.ts';
import { activate, activePolicy, changeRequirement } from '../../workflows/policies.ts';
import { Desk, randomId, type DecisionChange } from '../../workflows/signed.ts';
import { Reviewer } from '../passkeys/reviewer.ts';
import { back, leave, nowSeconds, prove } from './signing-in.ts';

let stack: Stack;
let desk: Desk;
let olga: Reviewer;
let dmitri: Reviewer;
let sealing: SealingKeys;

beforeAll(async () => {
  stack = await startStack();
  const strong = ['usual', 'two-people'].map((rule) =>
    changeRequirement(rule, (requirement) => ({ ...requirement, minimum_grade: 'B' })),
  );
  const policy = await activePolicy(stack.keyturnDb);
  await activate(
    stack.keyturnDb,
    strong.reduce((changed, change) => change(changed), policy),
  );
  desk = await Desk.open(stack);
  [olga, dmitri] = [await Reviewer.signIn(stack, 'olga'), await Reviewer.signIn(stack, 'dmitri')];
  ({ sealingKeys: sealing } = await readWorkerKeys(readWorkerConfiguration(stack.env)));
});
afterAll(async () => {
  await stack?.stop();
});

const ask = (target = 'shop'): Promise<string> => desk.ask({ target });

interface Verified {
  readonly code: number;
  readonly proven: { readonly outcome: string; readonly detail: string };
}

async function verified(id: string, ...more: readonly string[]): Promise<Verified> {
  const token = await stack.issuer.humanToken('petra');
  const { code, stdout } = await stack.cli(['verify', id, '--json', ...more], { KEYTURN_TOKEN: token });
  const { checks } = JSON.parse(stdout) as { checks: { name: string; outcome: string; detail: string }[] };
  return { code, proven: checks.find(({ name }) => name === 'grades_proven') ?? expect.unreachable() };
}

/** A file with the keys of the provider, obtained from itself. */
async function pinned(change: object = {}): Promise<string> {
  const { keys } = (await (await fetch(`${stack.issuer.url}/jwks`)).json()) as { keys: object[] };
  const file = path.join(stack.folder, 'provider-keys.json');
  const provider = { issuer: stack.issuer.url, client_id: 'keyturn-console', keys, ...change };
  fs.writeFileSync(file, JSON.stringify({ issuers: [provider] }));
  return file;
}

describe('a rule that demands a fresh sign-in', () => {
  it('is satisfied by one: it runs, and is shown to those who have the keys of the provider', async () => {
    const id = await ask();
    const { refusals, needed_grade: needed } = await olga.card(id);
    expect([refusals.approve, needed]).toEqual([null, 'B']);
    expect(outcomeOf(await olga.send(id))).toEqual([403, 'grade_too_low']);
    const proof = await prove({ stack, by: olga }, id);
    const { text } = await olga.send(id, { proof });
    expect(JSON.parse(text)).toMatchObject({ decision: { grade: 'B' } });
    await stack.waitForStatus(id, 'succeeded');

    const without = await verified(id);
    expect([without.code, without.proven.outcome]).toEqual([3, 'not_shown']);
    expect(without.proven.detail).toContain('no keys are given');
    const shown = await verified(id, '--provider-keys', await pinned());
    expect(shown.proven).toMatchObject({ outcome: 'ok', detail: expect.stringContaining(stack.issuer.url) });
    expect(shown.code).toBe(0);
    const ofOthers = await verified(id, '--provider-keys', await pinned({ client_id: 'another' }));
    expect([ofOthers.code, ofOthers.proven.outcome]).toEqual([1, 'failed']);

    await stack.keyturnDb.query('update keyturn.id_token set sealed = null where request = $1', [id]);
    const erased = await verified(id, '--provider-keys', await pinned());
    expect([erased.code, erased.proven.outcome]).toEqual([3, 'not_shown']);
    expect(erased.proven.detail).toContain('erased');
  });

  it('keeps the token where nobody reads it in clear, and the session as it was', async () => {
    const id = await ask('shop-two-people');
    const before = await olga.browser.session();
    const proof = await prove({ stack, by: olga }, id);
    expect(await olga.browser.session()).toEqual(before);
    expect(outcomeOf(await olga.send(id, { proof }))).toEqual([200]);
    const { rows } = await stack.keyturnDb.query<{ sealed: string; envelope: string }>(
      'select sealed, envelope from keyturn.id_token join keyturn.decision using (request) where request = $1',
      [id],
    );
    expect(rows[0]?.sealed).toMatch(/^[\w-]+\.\./);
    expect(Buffer.from(rows[0]?.envelope.split('.')[1] ?? '', 'base64url').toString()).not.toContain('eyJ');
  });
});

describe('a sign-in that proves nothing sends nothing, and the page is given the reason', () => {
  it.each<[string, string, Answer & { readonly subject?: string }]>([
    ['does not say when', 'no_sign_in_time', { claims: { auth_time: undefined } }],
    ['was long ago', 'signed_in_too_early', { claims: { auth_time: 1_700_000_000 } }],
    ['is of another account', 'other_account', { subject: 'dmitri' }],
    ['is for another client', 'refused', { claims: { aud: 'keyturn-cli' } }],
    ['is by another issuer', 'refused', { claims: { iss: 'https://elsewhere.example' } }],
    ['answers another nonce', 'refused', { claims: { nonce: 'another' } }],
    ['is signed with a shared secret', 'refused', { header: { alg: 'HS256' } }],
    ['was refused by the provider', 'refused', { query: { error: 'access_denied', code: '' } }],
  ])('where it %s', async (_what, fault, answer) => {
    const id = await ask();
    const begun = await leave(olga, id);
    const { status, location } = await back({ stack, by: olga, begun }, answer);
    expect([status, location]).toEqual([
      303,
      `${olga.browser.origin}/requests/${id}?proof=${begun.proof}&proof_fault=${fault}`,
    ]);
    expect(outcomeOf(await olga.send(id, { proof: { id: begun.proof } }))).toEqual([422, 'proof_invalid']);
    expect(await courseOf(stack, id)).not.toContain('decision.counted');
  });

  it('where it comes back to another browser', async () => {
    const id = await ask();
    const begun = await leave(olga, id);
    const other = await Reviewer.signIn(stack, 'olga');
    // Without the cookie of the sign-in, and with it, as somebody does who carries it over.
    expect((await back({ stack, by: other, begun })).status).toBe(400);
    for (const [name, value] of olga.browser.cookies)
      if (name.includes('sign-in')) other.browser.cookies.set(name, value);
    expect((await back({ stack, by: other, begun })).location).toContain('&proof_fault=over');
    expect(outcomeOf(await other.send(id, { proof: { id: begun.proof } }))).toEqual([422, 'proof_invalid']);
  });

  it('where the way there is opened in another session, or the proof was used', async () => {
    const id = await ask('shop-two-people');
    const proof = await prove({ stack, by: olga }, id);
    expect((await dmitri.browser.get(`/sign-in?proof=${proof.id}`)).status).toBe(422);
    expect(outcomeOf(await olga.send(id, { proof }))).toEqual([200]);
    expect((await olga.browser.get(`/sign-in?proof=${proof.id}`)).status).toBe(422);
  });
});

it('is good for its own decision alone: no other request, person, verdict or card', async () => {
  const invalid = [422, 'proof_invalid'];
  const [one, other] = [await ask('shop-two-people'), await ask('shop-two-people')];
  const proof = await prove({ stack, by: olga }, one);
  expect(outcomeOf(await olga.send(other, { proof }))).toEqual(invalid);
  expect(outcomeOf(await dmitri.send(one, { proof }))).toEqual(invalid);
  expect(outcomeOf(await olga.send(one, { proof, verdict: 'deny', reason: 'x' }))).toEqual(invalid);
  const card = `sha256:${'0'.repeat(64)}`;
  expect(outcomeOf(await olga.send(one, { proof, view_digest: card }))).toEqual(invalid);
  expect(outcomeOf(await olga.send(one, { proof }))).toEqual([200]);
  expect(outcomeOf(await olga.send(one, { proof }))).toEqual(invalid);
});

/** What somebody sends who has the keys of the API and its place in the database, and no account at the provider. */
describe('the worker refuses', () => {
  interface Forgery {
    /** Of the token, over those of a right one. */
    readonly claims?: Readonly<Record<string, unknown>>;
    readonly header?: Readonly<Record<string, unknown>>;
    readonly words?: Partial<Parameters<typeof decisionBinding>[0]>;
    readonly proof?: Readonly<Record<string, unknown>>;
    readonly isGone?: boolean;
  }

  async function forge(request: string, forgery: Forgery): Promise<DecisionChange> {
    const { decision_digest } = await olga.words(request);
    const random = Buffer.from(randomId('dec')).toString('base64url');
    const words = { request, decision_digest, verdict: 'approve', view_digest: null, random } as const;
    const nonce = decisionBinding({ ...words, ...forgery.words });
    const claims = { sub: 'olga', aud: 'keyturn-console', auth_time: nowSeconds(), nonce, ...forgery.claims };
    const token = await stack.issuer.sign(claims, forgery.header);
    const digest = sha256(token);
    const context = idTokenContext(digest);
    const sealed = await seal(
      { context, value: token, initializationVector: Buffer.alloc(12, random) },
      sealing,
    );
    if (!forgery.isGone)
      await stack.keyturnDb.query('insert into keyturn.id_token values ($1, $2, $3, now())', [
        digest,
        request,
        sealed,
      ]);
    const { url: issuer } = stack.issuer;
    const proof = { kind: 'id_token', random, issuer, client: 'keyturn-console', digest, ...forgery.proof };
    return { grade: 'B', proof: proof as NonNullable<DecisionChange['proof']> };
  }

  async function refusalOf(id: string): Promise<string | null> {
    await waitForVerdicts(stack, id, 1);
    const { rows } = await stack.keyturnDb.query<{ refusal: string | null }>(
      'select refusal from keyturn.decision where request = $1',
      [id],
    );
    return rows[0]?.refusal ?? null;
  }

  it('nothing of a right one', async () => {
    const id = await ask('shop-two-people');
    await desk.decide(id, 'olga', await forge(id, {}));
    expect(await refusalOf(id)).toBeNull();
  });

  it.each<[string, Forgery]>([
    ['the token of another account', { claims: { sub: 'dmitri' } }],
    ['a token over another digest', { words: { decision_digest: `sha256:${'0'.repeat(64)}` } }],
    ['a token over another verdict', { words: { verdict: 'deny' } }],
    ['a token over another request', { words: { request: `req_${'a'.repeat(26)}` } }],
    ['a token over another card', { words: { view_digest: `sha256:${'0'.repeat(64)}` } }],
    ['a token without the time of the sign-in', { claims: { auth_time: undefined } }],
    ['a token of an old sign-in', { claims: { auth_time: 1_700_000_000 } }],
    ['a token for another client', { claims: { aud: 'keyturn-cli' } }],
    ['another client than people sign in with', { proof: { client: 'keyturn-cli' } }],
    ['another provider', { proof: { issuer: 'https://elsewhere.example' } }],
    ['a token signed with a shared secret', { header: { alg: 'HS256' } }],
    ['a token that is not there', { isGone: true }],
  ])('%s', async (_what, forgery) => {
    const id = await ask('shop-two-people');
    await desk.decide(id, 'olga', await forge(id, forgery));
    expect(await refusalOf(id)).toBe('proof_invalid');
  });
});

it('counts no more at the claim once its token is gone, whatever the row says', async () => {
  const id = await ask('shop-two-people');
  expect(outcomeOf(await olga.send(id, { proof: await prove({ stack, by: olga }, id) }))).toEqual([200]);
  await stack.keyturnDb.query('update keyturn.id_token set sealed = null where request = $1', [id]);
  expect(
    outcomeOf(await dmitri.send(id, { proof: await prove({ stack, by: dmitri }, id, 'dmitri') })),
  ).toEqual([200]);
  await waitForLeaves(stack, id, { type: 'request.pending', count: 2 });
  expect(await courseOf(stack, id)).not.toContain('execution.claimed');
});

it('counts at the claim for what was signed: not for the grade that somebody wrote into the database', async () => {
  const id = await ask('shop-two-people');
  await desk.decide(id, 'dmitri', { grade: 'C' });
  await waitForVerdicts(stack, id, 1);
  const raised = await stack.keyturnDb.query(
    `update keyturn.decision set outcome = 'counted', refusal = null, grade = 'B', person = 'dmitri',
       seats = '[{"rule": 0, "stage": 0}]' where request = $1`,
    [id],
  );
  expect(raised.rowCount).toBe(1);
  expect(outcomeOf(await olga.send(id, { proof: await prove({ stack, by: olga }, id) }))).toEqual([200]);
  await waitForLeaves(stack, id, { type: 'request.pending', count: 2 });
  expect(await courseOf(stack, id)).not.toContain('execution.claimed');
});
