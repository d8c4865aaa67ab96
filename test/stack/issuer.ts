import http from 'node:http';
import { text } from 'node:stream/consumers';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWTPayload } from 'jose';
import { BrowserSignIns } from './issuer-sign-in.ts';

/** What an agent's token may say beside who the agent is. */
export interface AgentTokenOptions {
  /** The person the agent acts for (RFC 8693): becomes `sub`, the agent moves into `act`. */
  readonly onBehalfOf?: string;
  /** The person or job that triggered the run. */
  readonly trigger?: string;
  readonly claims?: JWTPayload;
}

/** An OpenID Connect issuer inside the test: discovery, keys, and a signature on whatever a test wants to say. */
export interface TestIssuer {
  readonly url: string;
  /** A token of a person, of a client with which people decide by token. */
  humanToken(subject: string, claims?: JWTPayload): Promise<string>;
  /** A token of a person who signed in with the command line: it decides nothing. */
  cliToken(subject: string, claims?: JWTPayload): Promise<string>;
  /** A token of a program by client credentials. */
  agentToken(agent: string, options?: AgentTokenOptions): Promise<string>;
  /** Any token; `iss`, `aud`, `iat` and `exp` (in an hour) unless the claims say otherwise. */
  sign(claims: JWTPayload, header?: Readonly<Record<string, unknown>>): Promise<string>;
  /** What the token endpoint answers next: an ID token to who signed in with a browser, until a test says otherwise. */
  answerToken: (form: URLSearchParams) => Promise<object> | object;
  /** Put into the discovery document. */
  discovered: Record<string, unknown>;
  stop(): Promise<void>;
}

const AUDIENCE = 'keyturn';
const LIFETIME_SECONDS = 3600;

/** Starts an issuer on a free loopback port. */
export async function startIssuer(): Promise<TestIssuer> {
  const { privateKey, publicKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
  const other = await generateKeyPair('ES256', { extractable: true });
  const jwks = {
    keys: [
      { ...(await exportJWK(publicKey)), kid: 'test', alg: 'EdDSA', use: 'sig' },
      { ...(await exportJWK(other.publicKey)), kid: 'other', alg: 'ES256', use: 'sig' },
    ],
  };
  const signIns = new BrowserSignIns();
  const server: http.Server = http.createServer((request, response) => {
    const send = (status: number, body: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    };
    const url = issuerUrl(server);
    const { pathname, searchParams } = new URL(request.url ?? '/', url);
    if (pathname === '/auth')
      return void signInPage(request, response, (form) => signIns.answer(searchParams, form));
    const documents: Record<string, unknown> = {
      '/jwks': jwks,
      '/.well-known/openid-configuration': { ...discoveryOf(url), ...issuer.discovered },
    };
    const document = documents[request.url ?? ''];
    if (request.url !== '/token') return send(document ? 200 : 404, document ?? {});
    text(request)
      .then((body) => issuer.answerToken(new URLSearchParams(body)))
      .then(
        (answer) => send('error' in answer ? 400 : 200, answer),
        (error: unknown) => send(500, { error: String(error) }),
      );
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const issuer = handleOf(server, { EdDSA: privateKey, ES256: other.privateKey });
  issuer.answerToken = async (form) => {
    const claims = signIns.redeem(form);
    if (!claims) return { error: 'invalid_grant' };
    return { access_token: 'unused', token_type: 'Bearer', id_token: await issuer.sign(claims) };
  };
  return issuer;
}

async function signInPage(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  answer: (form: URLSearchParams | null) => ReturnType<BrowserSignIns['answer']>,
): Promise<void> {
  const said = answer(request.method === 'POST' ? new URLSearchParams(await text(request)) : null);
  if ('location' in said) response.writeHead(303, { location: said.location }).end();
  else response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(said.html);
}

function handleOf(server: http.Server, keys: Readonly<Record<string, CryptoKey>>): TestIssuer {
  const url = issuerUrl(server);
  const sign = (claims: JWTPayload, header: Readonly<Record<string, unknown>> = {}): Promise<string> => {
    const nowSeconds = Math.floor(Date.now() / 1000);
    const standard = { iss: url, aud: AUDIENCE, iat: nowSeconds, exp: nowSeconds + LIFETIME_SECONDS };
    return new SignJWT({ ...standard, ...claims })
      .setProtectedHeader({ alg: 'EdDSA', kid: header['alg'] === 'ES256' ? 'other' : 'test', ...header })
      .sign(keys[String(header['alg'] ?? 'EdDSA')] ?? new Uint8Array(32));
  };
  return {
    url,
    sign,
    answerToken: () => ({ error: 'invalid_grant' }),
    discovered: {},
    humanToken: (subject, claims = {}) =>
      sign({ sub: subject, client_id: 'keyturn-web', scope: 'openid keyturn:decide', ...claims }),
    cliToken: (subject, claims = {}) =>
      sign({ sub: subject, client_id: 'keyturn-cli', scope: 'openid', ...claims }),
    agentToken: (agent, options = {}) => sign(agentClaims(agent, options)),
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function agentClaims(agent: string, options: AgentTokenOptions): JWTPayload {
  const delegation =
    options.onBehalfOf === undefined ? { sub: agent } : { sub: options.onBehalfOf, act: { sub: agent } };
  const trigger = options.trigger === undefined ? {} : { trigger: options.trigger };
  return { ...delegation, client_id: agent, ...trigger, ...options.claims };
}

function issuerUrl(server: http.Server): string {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The issuer does not listen.');
  return `http://127.0.0.1:${address.port}`;
}

function discoveryOf(url: string): object {
  return {
    issuer: url,
    jwks_uri: `${url}/jwks`,
    authorization_endpoint: `${url}/auth`,
    token_endpoint: `${url}/token`,
    response_types_supported: ['code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['EdDSA', 'ES256'],
  };
}
