import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';

import type { Shape } from './shapes.ts';

/** All providers in one: whatever is asked below an address is discovered there, and signed with one RSA key. */
export interface ProviderServer {
  readonly url: string;
  sign(shape: Shape): Promise<string>;
  stop(): Promise<void>;
}

const DISCOVERY = '/.well-known/openid-configuration';

/** Starts it. `issuers` are the exact names, with a slash at the end or without. */
export async function startProviderServer(
  issuersOf: (url: string) => readonly string[],
): Promise<ProviderServer> {
  const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true });
  const jwk = await exportJWK(publicKey);
  // Some providers leave `alg` out.
  const keys = JSON.stringify({ keys: [{ ...jwk, kid: 'rsa', use: 'sig' }] });
  const server = http.createServer((request, response) => {
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const location = `${base}${(request.url ?? '').replace(DISCOVERY, '')}`;
    const issuer = issuersOf(base).find((one) => one.replace(/\/$/, '') === location);
    response.setHeader('content-type', 'application/json');
    if (request.url === '/keys') response.end(keys);
    else response.end(JSON.stringify({ issuer, jwks_uri: `${base}/keys` }));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sign: ({ header = {}, claims }) =>
      new SignJWT(claims)
        .setIssuedAt()
        .setExpirationTime('1h')
        .setProtectedHeader({ alg: 'RS256', kid: 'rsa', ...header })
        .sign(privateKey),
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
