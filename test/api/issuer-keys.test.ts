import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey } from 'jose';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { TokenVerifier } from '../../apps/api/auth/token-verifier.ts';

/** How an issuer answers when it is asked for its keys. */
interface Keys {
  /** The host that its discovery says its keys are at. */
  readonly host: string;
  readonly send: (response: http.ServerResponse, keys: string) => void;
}

let server: http.Server | undefined;
afterEach(() => {
  vi.useRealTimers();
  server?.closeAllConnections();
  server?.close();
});

/** Starts an issuer and verifies a good token of it. */
async function verify({ host, send }: Keys): Promise<unknown> {
  const { privateKey, publicKey } = await generateKeyPair('EdDSA', { extractable: true });
  const keys = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'test', alg: 'EdDSA' }] });
  const place = { url: '', port: 0 };
  const started = http.createServer(({ url }, response) => {
    if (url === '/jwks') send(response, keys);
    else response.end(JSON.stringify({ issuer: place.url, jwks_uri: `http://${host}:${place.port}/jwks` }));
  });
  server = started;
  await new Promise<void>((resolve) => {
    started.listen(0, resolve);
  });
  const address = started.address();
  if (address === null || typeof address === 'string') throw new Error('The issuer does not listen.');
  place.port = address.port;
  place.url = `http://127.0.0.1:${address.port}`;
  const token = await new SignJWT({ sub: 'olga', iss: place.url, aud: 'keyturn' })
    .setExpirationTime('1h')
    .setProtectedHeader({ alg: 'EdDSA', kid: 'test' })
    .sign(privateKey);
  const issuer = { issuer: place.url, audience: 'keyturn', algorithms: ['EdDSA' as const] };
  return new TokenVerifier(new Map([[place.url, issuer]])).verify(token);
}

describe('the keys of an issuer', () => {
  it('are fetched from where its discovery says', async () => {
    const principal = await verify({ host: '127.0.0.1', send: (response, keys) => response.end(keys) });
    expect(principal).toMatchObject({ identity: { subject: 'olga' } });
  });

  it('are not fetched in clear from another machine, also when the discovery says so', async () => {
    // An address that reaches this machine, and is not one that is known to be this machine.
    const asked = verify({ host: '0.0.0.0', send: (response, keys) => response.end(keys) });
    await expect(asked).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('that are cut off say nothing about the token', async () => {
    const asked = verify({
      host: '127.0.0.1',
      send: (response, keys) => {
        response.writeHead(200, { 'content-length': keys.length });
        response.write(keys.slice(0, 10), () => response.destroy());
      },
    });
    await expect(asked).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('are asked for again when they rotate, also twice, but not by everybody who makes up a name', async () => {
    const issuer = await rotatingIssuer();
    vi.useFakeTimers({ toFake: ['Date'] });
    const verifier = new TokenVerifier(
      new Map([[issuer.url, { issuer: issuer.url, audience: 'keyturn', algorithms: ['EdDSA' as const] }]]),
    );
    const verified = (kid: string) => issuer.token(kid).then((token) => verifier.verify(token));
    await issuer.rotateTo('first');
    expect(await verified('first')).toMatchObject({ identity: { subject: 'olga' } });
    vi.advanceTimersByTime(5_000);
    await issuer.rotateTo('second');
    await verified('second');
    await issuer.rotateTo('third');
    await expect(verified('third')).rejects.toMatchObject({ code: 'unauthenticated' });
    vi.advanceTimersByTime(5_000);
    await verified('third');
    const asked = issuer.asked();
    for (const kid of ['made-up-1', 'made-up-2', 'made-up-3', 'first'])
      await expect(issuer.stranger(kid).then((token) => verifier.verify(token))).rejects.toMatchObject({
        code: 'unauthenticated',
      });
    expect(issuer.asked()).toBe(asked);
  });
});

/** An issuer of one key at a time, which counts how often it is asked for it. */
async function rotatingIssuer() {
  const state = { url: '', asked: 0, keys: '', signers: new Map<string, CryptoKey>() };
  const started = http.createServer(({ url }, response) => {
    if (url !== '/jwks')
      return void response.end(JSON.stringify({ issuer: state.url, jwks_uri: `${state.url}/jwks` }));
    state.asked += 1;
    response.end(state.keys);
  });
  server = started;
  await new Promise<void>((resolve) => {
    started.listen(0, '127.0.0.1', resolve);
  });
  state.url = `http://127.0.0.1:${(started.address() as AddressInfo).port}`;
  const signedBy = (kid: string, key: CryptoKey) =>
    new SignJWT({ sub: 'olga', iss: state.url, aud: 'keyturn' })
      .setExpirationTime('1h')
      .setProtectedHeader({ alg: 'EdDSA', kid })
      .sign(key);
  return {
    url: state.url,
    asked: () => state.asked,
    rotateTo: async (kid: string) => {
      const { privateKey, publicKey } = await generateKeyPair('EdDSA', { extractable: true });
      state.signers.set(kid, privateKey);
      state.keys = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid, alg: 'EdDSA' }] });
    },
    token: (kid: string) => signedBy(kid, state.signers.get(kid) ?? expect.unreachable(kid)),
    stranger: async (kid: string) => signedBy(kid, (await generateKeyPair('EdDSA')).privateKey),
  };
}
