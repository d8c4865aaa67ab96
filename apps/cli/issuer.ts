import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  calculatePKCECodeChallenge,
  ClientError,
  discovery,
  initiateDeviceAuthorization,
  None,
  pollDeviceAuthorizationGrant,
  randomPKCECodeVerifier,
  randomState,
  refreshTokenGrant,
  ResponseBodyError,
  type Configuration,
} from 'openid-client';

import type { SignIn } from '../../contract/sign-in.ts';
import { failure } from './exit.ts';
import type { Session } from './session.ts';
import { isProtected } from './sign-in.ts';
import type { Terminal } from './terminal.ts';
import { visible } from '../../domain/cards/visible.ts';

const EXPIRES_DEFAULT_SECONDS = 300;

/** How the sign-in goes: by a code on any device, or in a browser on this machine that comes back to it. */
export interface SignInWay {
  readonly isBrowser: boolean;
  /** Where the browser comes back to. Null: any free port, which most issuers allow for a loopback address (RFC 8252 section 7.3). */
  readonly port: number | null;
}

/** Signs a person in. Throws when the person or the issuer says no. */
export async function signIn(
  details: SignIn,
  way: SignInWay,
  terminal: Terminal,
): Promise<Omit<Session, 'api'>> {
  const configuration = await discover(new URL(details.issuer), details.client_id);
  const hasDevices = configuration.serverMetadata().device_authorization_endpoint !== undefined;
  const granted =
    way.isBrowser || !hasDevices
      ? await byBrowser(configuration, details, { port: way.port, terminal })
      : await byDevice(configuration, details, terminal);
  const { issuer, client_id: client, resource } = details;
  return { issuer, client, ...(resource === null ? {} : { resource }), ...tokensOf(granted) };
}

/** A sign-in with fresh tokens, by its refresh token. Null when the issuer does not take that any more. */
export async function renewed(session: Session): Promise<Session | null> {
  const { issuer, client, resource, refresh_token: token } = session;
  if (client === undefined || token === undefined) return null;
  const configuration = await discover(new URL(issuer), client);
  try {
    const granted = await refreshTokenGrant(configuration, token, resource === undefined ? {} : { resource });
    // An issuer that does not rotate it sends none: the old one stays.
    return { ...session, ...tokensOf(granted) };
  } catch (error) {
    if (error instanceof ResponseBodyError && error.error === 'invalid_grant') return null;
    throw refused(error);
  }
}

/** The issuer as this program's client sees it. */
export async function discover(issuer: URL, client: string): Promise<Configuration> {
  if (!isProtected(issuer))
    throw failure('insecure_issuer', 'An issuer that is not on this machine must be reached by https.');
  const execute = issuer.protocol === 'https:' ? [] : [allowInsecureRequests];
  return discovery(issuer, client, undefined, None(), { execute }).catch((error: unknown) => {
    throw otherName(error, issuer) ?? error;
  });
}

/** An issuer's name is compared letter by letter (OpenID Connect Discovery section 4.3). Null for another error. */
function otherName(error: unknown, issuer: URL): Error | null {
  if (!(error instanceof ClientError) || error.code !== 'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED') return null;
  const { body } = error.cause as { readonly body?: { readonly issuer?: unknown } };
  return failure(
    'other_issuer',
    `What answers at ${issuer.href} calls itself ${visible(String(body?.issuer))}: the name must be the same, here and in the API's list of issuers.`,
  );
}

type Granted = Awaited<ReturnType<typeof refreshTokenGrant>>;

async function byDevice(configuration: Configuration, details: SignIn, terminal: Terminal): Promise<Granted> {
  const meant = meantFor(details);
  try {
    const device = await initiateDeviceAuthorization(configuration, { scope: details.scope, ...meant });
    terminal.error(`Open ${visible(device.verification_uri_complete ?? device.verification_uri)}`);
    terminal.error(`and check that it shows the code ${visible(device.user_code)}. Waiting for you …`);
    const polling = { signal: terminal.interrupted };
    return await pollDeviceAuthorizationGrant(configuration, device, meant, polling);
  } catch (error) {
    throw refused(error);
  }
}

async function byBrowser(
  configuration: Configuration,
  details: SignIn,
  { port, terminal }: Pick<SignInWay, 'port'> & { readonly terminal: Terminal },
): Promise<Granted> {
  const server = await listen(port ?? 0);
  try {
    const redirect = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const [verifier, state] = [randomPKCECodeVerifier(), randomState()];
    const url = buildAuthorizationUrl(configuration, {
      redirect_uri: redirect,
      scope: details.scope,
      state,
      code_challenge: await calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      ...meantFor(details),
    });
    terminal.error(`Open ${visible(url.href)}`);
    terminal.error('in a browser on this machine. Waiting for you …');
    const answer = new URL(await answerOf(server, state, terminal.interrupted), redirect);
    const checks = { pkceCodeVerifier: verifier, expectedState: state };
    return await authorizationCodeGrant(configuration, answer, checks, meantFor(details));
  } catch (error) {
    throw refused(error);
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

async function listen(port: number): Promise<Server> {
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening').catch(() => {
    throw failure('port_taken', `Port ${port} is taken: give another --port.`);
  });
  return server;
}

/** The address that the browser comes back with. Other callers do not know the state and learn nothing. */
async function answerOf(server: Server, state: string, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(failure('interrupted', 'You are not signed in.')), {
      once: true,
    });
    server.on('request', ({ url = '' }: IncomingMessage, response: ServerResponse) => {
      const isAnswer = new URL(url, 'http://127.0.0.1').searchParams.get('state') === state;
      response.writeHead(isAnswer ? 200 : 404, { 'content-type': 'text/plain', connection: 'close' });
      response.end(isAnswer ? 'Done: go back to the terminal.' : 'There is nothing here.');
      if (isAnswer) resolve(url);
    });
  });
}

/** What the token is for, by the words that the issuer wants. */
function meantFor({ audience, resource }: SignIn): Record<string, string> {
  return { ...(audience === null ? {} : { audience }), ...(resource === null ? {} : { resource }) };
}

function tokensOf(granted: Granted): Pick<Session, 'access_token' | 'expires_at' | 'refresh_token'> {
  const seconds = granted.expiresIn() ?? EXPIRES_DEFAULT_SECONDS;
  return {
    access_token: granted.access_token,
    expires_at: new Date(Date.now() + seconds * 1_000).toISOString(),
    ...(granted.refresh_token === undefined ? {} : { refresh_token: granted.refresh_token }),
  };
}

function refused(error: unknown): unknown {
  const code = (error as { error?: unknown } | null)?.error;
  if (typeof code !== 'string') return error;
  return failure('login_refused', `You are not signed in: the issuer says ${visible(code)}.`);
}
