import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey } from 'jose';
import { pino } from 'pino';
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
  const endpoint = { url: '', port: 0 };
  const started = http.createServer(({ url }, response) => {
    if (url === '/jwks') send(response, keys);
    else
      response.end(
        JSON.stringify({ issuer: endpoint.url, jwks_uri: `http://${host}:${endpoint.port}/jwks` }),
      );
  });
  server = started;
  await new Promise<void>((resolve) => {
    started.listen(0, resolve);
  });
  const address = started.address();
  if (address === null || typeof address === 'string') throw new Error('The issuer does not listen.');
  endpoint.port = address.port;
  endpoint.url = `http://127.0.0.1:${address.port}`;
  const token = await new SignJWT({ sub: 'olga', iss: endpoint.url, aud: 'keyturn' })
    .setExpirationTime('1h')
    .setProtectedHeader({ alg: 'EdDSA', kid: 'test' })
    .sign(privateKey);
  return verifierOf(endpoint.url).verifier.verify(token);
}

/** A verifier of one issuer, and what it logs. */
function verifierOf(issuer: string) {
  const lines: string[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
  const entry = {
    issuer,
    audience: 'keyturn',
    algorithms: ['EdDSA' as const],
    clock_tolerance_seconds: 60,
  };
  return { verifier: new TokenVerifier(new Map([[issuer, entry]]), log), lines };
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

  it('are asked for again when they rotate, also twice in a row, and after somebody made up a name', async () => {
    const issuer = await rotatingIssuer();
    const { verifier } = verifierOf(issuer.url);
    const verified = (kid: string) => issuer.token(kid).then((token) => verifier.verify(token));
    await issuer.rotateTo('first');
    expect(await verified('first')).toMatchObject({ identity: { subject: 'olga' } });
    const junk = issuer.stranger('made-up').then((token) => verifier.verify(token));
    await expect(junk).rejects.toMatchObject({
      code: 'unauthenticated',
      facts: { token: { fault: 'unknown_key' } },
    });
    await issuer.rotateTo('second');
    expect(await verified('second')).toMatchObject({ identity: { subject: 'olga' } });
    await issuer.rotateTo('third');
    expect(await verified('third')).toMatchObject({ identity: { subject: 'olga' } });
  });

  it('are asked for once for all who make up a name at the same moment', async () => {
    const issuer = await rotatingIssuer();
    const { verifier } = verifierOf(issuer.url);
    await issuer.rotateTo('first');
    await issuer.token('first').then((token) => verifier.verify(token));
    const asked = issuer.asked();
    const names = Array.from({ length: 50 }, (_, index) => `made-up-${index}`);
    const answers = await Promise.allSettled(
      names.map(async (kid) => verifier.verify(await issuer.stranger(kid))),
    );
    expect(answers.map(({ status }) => status)).toEqual(names.map(() => 'rejected'));
    expect(issuer.asked()).toBe(asked + 1);
  });

  it('are taken for a day while the issuer is away, which is logged, and no longer', async () => {
    const issuer = await rotatingIssuer();
    const { verifier, lines } = verifierOf(issuer.url);
    vi.useFakeTimers({ toFake: ['Date'] });
    const verified = () => issuer.token('first').then((token) => verifier.verify(token));
    await issuer.rotateTo('first');
    await verified();
    issuer.goAway();
    vi.advanceTimersByTime(23 * 3_600_000);
    expect(await verified()).toMatchObject({ identity: { subject: 'olga' } });
    const logged = {
      msg: 'the keys of an issuer cannot be fetched',
      issuer: issuer.url,
      why: 'it answered 503',
    };
    expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { ...logged, ageSeconds: 82_800 },
    ]);
    vi.advanceTimersByTime(2 * 3_600_000);
    await expect(verified()).rejects.toMatchObject({ code: 'unavailable' });
    issuer.comeBack();
    vi.advanceTimersByTime(5_000);
    expect(await verified()).toMatchObject({ identity: { subject: 'olga' } });
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ msg: 'the keys of an issuer are back' });
  });

  it('that the issuer took away are not taken for longer than ten minutes', async () => {
    const issuer = await rotatingIssuer();
    const { verifier } = verifierOf(issuer.url);
    vi.useFakeTimers({ toFake: ['Date'] });
    await issuer.rotateTo('first');
    await issuer.token('first').then((token) => verifier.verify(token));
    await issuer.rotateTo('second');
    vi.advanceTimersByTime(601_000);
    await expect(issuer.token('first').then((token) => verifier.verify(token))).rejects.toMatchObject({
      code: 'unauthenticated',
    });
  });
});

/** An issuer of one key at a time, which counts how often it is asked for it. */
async function rotatingIssuer() {
  const state = { url: '', asked: 0, isAway: false, keys: '', signers: new Map<string, CryptoKey>() };
  const started = http.createServer(({ url }, response) => {
    if (state.isAway) return void response.writeHead(503).end();
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
    goAway: () => void (state.isAway = true),
    comeBack: () => void (state.isAway = false),
    rotateTo: async (kid: string) => {
      const { privateKey, publicKey } = await generateKeyPair('EdDSA', { extractable: true });
      state.signers.set(kid, privateKey);
      state.keys = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid, alg: 'EdDSA' }] });
    },
    token: (kid: string) => signedBy(kid, state.signers.get(kid) ?? expect.unreachable(kid)),
    stranger: async (kid: string) => signedBy(kid, (await generateKeyPair('EdDSA')).privateKey),
  };
}
