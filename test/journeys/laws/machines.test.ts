import { createHmac } from 'node:crypto';
import { exportJWK, generateKeyPair, SignJWT, type JWTPayload } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Problem } from '../../../contract/problem.ts';
import type { RequestView } from '../../../contract/requests.ts';
import type { Reply } from '../../stack/http.ts';
import { decisionsOf, openCast, refusal, type Cast } from './cast.ts';

let cast: Cast;
let request: RequestView;

beforeAll(async () => {
  cast = await openCast();
  request = await cast.ask();
});

afterAll(async () => cast?.stack.stop());

/** What a token of Olga says when she signs in to decide. */
function olgaClaims(): JWTPayload {
  return { sub: 'olga', client_id: 'keyturn-web', scope: 'openid keyturn:decide' };
}

/** The same with the dates and the audience that an issuer would set. */
function fullClaims(): JWTPayload {
  const nowSeconds = Math.floor(Date.now() / 1000);
  const dates = { iat: nowSeconds, exp: nowSeconds + 600 };
  return { iss: cast.stack.issuer.url, aud: 'keyturn', ...dates, ...olgaClaims() };
}

/** A token put together by hand, with whatever header and signature. */
function compose(header: object, signature: (input: string) => string): string {
  const input = [header, fullClaims()].map((part) => base64url(JSON.stringify(part))).join('.');
  return `${input}.${signature(input)}`;
}

function base64url(text: string): string {
  return Buffer.from(text).toString('base64url');
}

async function publicJwk(): Promise<{ x: string }> {
  const response = await fetch(`${cast.stack.issuer.url}/jwks`);
  const { keys } = (await response.json()) as { keys: { x: string }[] };
  if (!keys[0]) throw new Error('The issuer publishes no key.');
  return keys[0];
}

/** Signed by a key that nobody published, with a header that offers to verify it all the same. */
async function strangersToken(header: object): Promise<string> {
  const { privateKey, publicKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519' });
  const jwk = await exportJWK(publicKey);
  return new SignJWT(fullClaims())
    .setProtectedHeader({ alg: 'EdDSA', kid: 'test', jwk, ...header })
    .sign(privateKey);
}

/** Good tokens of this issuer, for this audience; only no person has signed in with an interactive client. */
const MACHINES: readonly (readonly [string, () => Promise<string>])[] = [
  ['of client credentials', () => cast.stack.issuer.agentToken('agent-billing')],
  [
    'of client credentials with the scope to decide',
    () => cast.stack.issuer.agentToken('agent-billing', { claims: { scope: 'openid keyturn:decide' } }),
  ],
  ['with an actor', () => cast.stack.issuer.humanToken('olga', { act: { sub: 'agent-billing' } })],
  [
    'of a person with the scope to decide at a machine client',
    () => cast.stack.issuer.humanToken('olga', { client_id: 'agent-billing' }),
  ],
  ['marked as an application', () => cast.stack.issuer.humanToken('olga', { idtyp: 'app' })],
  ['whose subject is its client', () => cast.stack.issuer.humanToken('keyturn-web')],
  ['without the scope to decide', () => cast.stack.issuer.humanToken('olga', { scope: 'openid profile' })],
  [
    'with a scope that only begins like it',
    () => cast.stack.issuer.humanToken('olga', { scope: 'openid keyturn:decide:not keyturn:decide2' }),
  ],
  ['without a client', () => cast.stack.issuer.sign({ sub: 'olga', scope: 'openid keyturn:decide' })],
  ['with two clients that differ', () => cast.stack.issuer.humanToken('olga', { azp: 'agent-billing' })],
];

/** Not tokens of this deployment at all, or not now. */
const REFUSED: readonly (readonly [string, () => string | Promise<string>])[] = [
  ['for another audience', () => cast.stack.issuer.humanToken('olga', { aud: 'another-service' })],
  ['without an audience', () => cast.stack.issuer.humanToken('olga', { aud: [] })],
  ['of an unknown issuer', () => cast.stack.issuer.humanToken('olga', { iss: 'https://id.example' })],
  [
    'with a slash after the issuer',
    () => cast.stack.issuer.humanToken('olga', { iss: `${cast.stack.issuer.url}/` }),
  ],
  ['that names this issuer, signed by the other', () => cast.stack.secondIssuer.sign(fullClaims())],
  ['that expired', () => cast.stack.issuer.humanToken('olga', { exp: secondsFromNow(-60) })],
  ['that is not valid yet', () => cast.stack.issuer.humanToken('olga', { nbf: secondsFromNow(600) })],
  ['without a signature', () => compose({ alg: 'none', typ: 'JWT' }, () => '')],
  [
    'signed with the public key as a shared secret',
    async () => {
      const { x } = await publicJwk();
      const secret = Buffer.from(x, 'base64url');
      return compose({ alg: 'HS256', kid: 'test' }, (input) =>
        createHmac('sha256', secret).update(input).digest('base64url'),
      );
    },
  ],
  ['of an unknown key', () => strangersToken({ kid: 'nobody' })],
  ['that brings its own key', () => strangersToken({})],
  ['that says where its key is', () => strangersToken({ jku: `${cast.stack.secondIssuer.url}/jwks` })],
  [
    'of a person, changed after it was signed',
    async () => {
      const token = await cast.stack.issuer.humanToken('ada');
      const [header, , signature] = token.split('.');
      return `${header}.${base64url(JSON.stringify(fullClaims()))}.${signature}`;
    },
  ],
  ['that is a decision ticket', async () => (await cast.ticket(cast.olga, request)).body.ticket],
];

function secondsFromNow(seconds: number): number {
  return Math.floor(Date.now() / 1000) + seconds;
}

/** With the token itself, whosever it says that it is. */
async function ticketWith(token: string, decision: object): Promise<Reply<Problem>> {
  const { id, decision_digest } = request;
  return cast.post(token, `/v1/requests/${id}/tickets`, { decision_digest, ...decision });
}

async function tryToDecide(token: string): Promise<(readonly [number, string | undefined])[]> {
  const attempts = (['approve', 'deny', 'defer'] as const).flatMap((verdict) => {
    const defer = verdict === 'defer' ? { defer: { to: 'group:dba-leads' } } : {};
    return [
      cast.stack.decide(token, request.id, {
        verdict,
        decision_digest: request.decision_digest ?? '',
        ...defer,
      }),
      ticketWith(token, { verdict, ...defer }),
    ];
  });
  return (await Promise.all(attempts)).map(refusal);
}

describe('a token', () => {
  it.each(MACHINES)('%s decides nothing and gets no ticket', async (_kind, make) => {
    const refusals = await tryToDecide(await make());
    expect(new Set(refusals.map(([status, code]) => `${status} ${code}`))).toEqual(
      new Set(['403 machine_cannot_decide']),
    );
    expect(refusal(await cast.get(await make(), '/v1/inbox'))).toEqual([403, 'machine_cannot_decide']);
  });

  it.each(REFUSED)('%s opens nothing', async (_kind, make) => {
    const refusals = await tryToDecide(await make());
    expect(new Set(refusals.map(([status, code]) => `${status} ${code}`))).toEqual(
      new Set(['401 unauthenticated']),
    );
    expect(refusal(await cast.get(await make(), `/v1/requests/${request.id}`))).toEqual([
      401,
      'unauthenticated',
    ]);
  });
});

it('a refusal of a machine tells nothing about the request', async () => {
  const nowhere = { ...request, id: 'req_aaaaaaaaaaaaaaaaaaaaaaaaaa' };
  const [known, unknown] = [await cast.ticket(cast.agent, request), await cast.ticket(cast.agent, nowhere)];
  expect(withoutInstance(known.body)).toEqual(withoutInstance(unknown.body));
});

function withoutInstance(body: object): object {
  return { ...body, instance: '', request_id: '' };
}

it('after all of these attempts, nothing is on record, and a person can still decide', async () => {
  expect(await decisionsOf(cast.stack, request.id)).toEqual([]);
  expect((await cast.show(cast.olga, request.id)).status).toBe('pending');
  expect((await cast.stack.decide(cast.olga, request.id)).status).toBe(200);
  await cast.stack.waitForStatus(request.id, 'succeeded');
});

interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly security: unknown[] }>>>>;
}

it('every route of the document needs a token, but for those that say they do not', async () => {
  const { body } = await cast.stack.http<OpenApi>({ path: '/openapi.json' });
  const routes = Object.entries(body.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { security }]) => ({
      path,
      method,
      isOpen: security.length === 0,
    })),
  );
  const open = routes.filter(({ isOpen }) => isOpen).map(({ path }) => path);
  expect(open.toSorted()).toEqual([
    '/.well-known/oauth-protected-resource',
    '/docs',
    '/healthz',
    '/openapi.json',
    '/readyz',
    '/v1/keys',
  ]);
  expect(routes.length - open.length).toBeGreaterThanOrEqual(10);
  for (const { path, method, isOpen } of routes) {
    const reply = await cast.stack.http({
      path: path.replace('{id}', request.id),
      method: method.toUpperCase(),
      ...(method === 'post' ? { body: {} } : {}),
    });
    expect([path, method, reply.status]).toEqual([path, method, isOpen ? 200 : 401]);
    if (!isOpen) expect(reply.headers.get('www-authenticate')).toMatch(/^Bearer/);
  }
});
