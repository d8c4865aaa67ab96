import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';

import { consumeAllKept } from '../../activities/steps/consume-all-kept.ts';
import type { Dependencies } from '../../activities/dependencies.ts';
import { createActivities, type Activities } from '../../activities/index.ts';
import { noteIssuerKeys } from '../../database/issuer-keys.ts';
import { sha256 } from '../../domain/crypto/digest.ts';
import { seal } from '../../domain/crypto/sealing.ts';
import { decisionBinding } from '../../domain/proof/binding.ts';
import { idTokenContext, type ProviderJwk } from '../../domain/proof/id-token.ts';
import { startStack, type Stack } from '../stack/stack.ts';
import { verdictsOf } from '../workflows/facts.ts';
import { openDependencies } from '../workflows/local-worker.ts';
import { ScriptedTarget } from '../workflows/scripted-target.ts';
import { Desk, type DecisionChange } from '../workflows/signed.ts';
import { called, pendingCaller, type Caller } from './called.ts';

const CLIENT = 'keyturn-console';

let stack: Stack;
let desk: Desk;
let dependencies: Dependencies;
let activities: Activities;
beforeAll(async () => {
  stack = await startStack({ apis: 0, workers: 0 });
  desk = await Desk.open(stack);
  const { issuer } = desk.account('olga');
  const terms = { issuer, client: CLIENT, subject_claim: 'sub', tolerance_seconds: 60 };
  dependencies = {
    ...(await openDependencies(stack, stack.temporal, new ScriptedTarget())),
    providers: new Map([[issuer, terms]]),
  };
  activities = createActivities(dependencies);
});
afterAll(async () => {
  await dependencies.source.destroy();
  await stack.stop();
});
beforeEach(async () => {
  await stack.keyturnDb.query('delete from keyturn.issuer_key');
  await stack.keyturnDb.query('delete from keyturn.kept_message');
});

const { privateKey, publicKey } = generateKeyPairSync('ed25519');

function now(): string {
  return new Date().toISOString();
}

/** Two people have to approve. */
const pending = (): Promise<Caller> => pendingCaller({ desk, activities }, { target: 'shop-two-people' });

/** An approval of Olga's that she signed in again for. */
async function proven({ id }: Caller, change: DecisionChange = {}): Promise<string> {
  const random = randomBytes(16).toString('base64url');
  const signed = await desk.decisionPayload(id, 'olga', change);
  const seconds = Math.floor(Date.now() / 1_000);
  const claims = {
    iss: signed.reviewer.issuer,
    sub: 'olga',
    aud: CLIENT,
    iat: seconds,
    exp: seconds + 300,
    auth_time: seconds,
    nonce: decisionBinding({ ...signed, view_digest: null, random }),
  };
  const input = [{ alg: 'EdDSA', kid: 'new' }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  const token = `${input}.${sign(null, Buffer.from(input), privateKey).toString('base64url')}`;
  const digest = sha256(token);
  const sealable = { context: idTokenContext(digest), value: token, initializationVector: randomBytes(12) };
  await stack.keyturnDb.query('insert into keyturn.id_token values ($1, $2, $3, now())', [
    digest,
    id,
    await seal(sealable, desk.sealingKeys),
  ]);
  const proof = { kind: 'id_token', random, issuer: claims.iss, client: CLIENT, digest } as const;
  return desk.decision(id, 'olga', { ...change, id: signed.id, grade: 'B', proof });
}

async function publish(): Promise<void> {
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'new' } as ProviderJwk;
  const key = { thumbprint: 'new', kid: 'new', jwk };
  await noteIssuerKeys(dependencies.source.manager, desk.account('olga').issuer, [key]);
}

async function consume(caller: Caller, step: number, ...envelopes: string[]) {
  const messages = envelopes.map((body) => ({ kind: 'decide' as const, body }));
  return called(caller, activities.consume, { messages, junk: 0, step, at: now() });
}

function opened(envelope: string) {
  const payload = Buffer.from(envelope.split('.')[1] ?? '', 'base64url').toString();
  return JSON.parse(payload) as { readonly id: string; readonly proof: NonNullable<DecisionChange['proof']> };
}

async function statusOf({ id }: Caller): Promise<unknown> {
  return (await desk.row(id))['status'];
}

it('an approval that awaits the key of its provider holds up no denial of somebody else', async () => {
  const caller = await pending();
  const denial = await desk.decision(caller.id, 'dmitri', { verdict: 'deny' });
  expect(await consume(caller, 1, await proven(caller), denial)).toMatchObject({ status: 'denied' });
  expect(await verdictsOf(stack, caller.id)).toEqual(['dmitri: deny']);
});

it('nor one that comes later, or is kept: and it counts once the key is known', async () => {
  const caller = await pending();
  await consume(caller, 1, await proven(caller));
  expect(await consumeAllKept(dependencies, 'default')).toEqual([]);
  const answer = await consume(caller, 2, await desk.decision(caller.id, 'dmitri'));
  expect(answer.counted.map(({ person }) => person)).toEqual(['dmitri']);
  expect(await statusOf(caller)).toBe('pending');
  await publish();
  expect(await consumeAllKept(dependencies, 'default')).toMatchObject([{ id: caller.id }]);
  expect(await verdictsOf(stack, caller.id)).toEqual(['dmitri: approve', 'olga: approve']);
  expect(await statusOf(caller)).toBe('approved');
  expect(await consumeAllKept(dependencies, 'default')).toEqual([]);
});

it('while it waits the request does not expire: it was acknowledged in time', async () => {
  const caller = await pending();
  await consume(caller, 1, await proven(caller));
  await stack.keyturnDb.query(`update keyturn.request set expires_at = now() where id = $1`, [caller.id]);
  const expire = (step: string) => called(caller, activities.expire, { step, at: now() });
  await expect(expire('1')).rejects.toThrow('not known yet');
  expect(await statusOf(caller)).toBe('pending');
  await publish();
  expect(await expire('2')).toMatchObject({ status: 'expired' });
  expect(await verdictsOf(stack, caller.id)).toEqual(['olga: approve']);
});

it('what proved an approval that was taken back proves no other one at the claim, whatever the database says', async () => {
  await publish();
  const caller = await pending();
  const first = await proven(caller);
  const { id: takes_back, proof } = opened(first);
  const taken = await desk.decision(caller.id, 'olga', { verdict: 'take_back', takes_back });
  const again = await desk.decision(caller.id, 'olga', { grade: 'B', proof });
  await consume(caller, 1, first, taken, again);
  expect(await verdictsOf(stack, caller.id)).toEqual([
    'olga: approve',
    'olga: take_back',
    'olga: proof_invalid',
  ]);
  await stack.keyturnDb.query(
    `update keyturn.decision set outcome = 'counted', refusal = null, person = 'olga', renewal = 7,
       seats = '[{"rule": 0, "stage": 0}]' where request = $1 and outcome = 'refused'`,
    [caller.id],
  );
  await consume(caller, 2, await desk.decision(caller.id, 'dmitri'));
  expect(await statusOf(caller)).toBe('approved');
  const executed = await called(caller, activities.execute, { step: 1, at: now() });
  expect(executed).toMatchObject({ kind: 'again' });
});

it('a ticket does not wait: nobody acknowledged it', async () => {
  const caller = await pending();
  await consume(caller, 1, await proven(caller, { ticketUntil: new Date(Date.now() + 60_000) }));
  expect(await verdictsOf(stack, caller.id)).toEqual(['olga: proof_invalid']);
});
