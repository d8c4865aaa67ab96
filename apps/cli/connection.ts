import type { Command } from 'commander';
import { decodeJwt } from 'jose';

import { KeyturnClient } from '../../sdk/client.ts';
import { failure, usageError } from './exit.ts';
import { renewed } from './issuer.ts';
import { alone, readSession, writeSession, type Session } from './session.ts';
import type { Terminal } from './terminal.ts';

export interface ApiOptions {
  readonly json?: boolean;
  readonly api?: string;
  readonly token?: string;
}

const API_URL = 'http://127.0.0.1:7080';

export function withApi(command: Command): Command {
  return withJson(command)
    .option('--api <url>', `address of the API (KEYTURN_API_URL, else ${API_URL})`)
    .option('--token <token>', 'bearer token (KEYTURN_TOKEN, else the sign-in of keyturn login)');
}

export function withJson(command: Command): Command {
  return command.option('--json', 'write JSON to standard output, and nothing else');
}

export function apiUrl(options: Pick<ApiOptions, 'api'>, terminal: Terminal): string {
  return options.api ?? terminal.environment['KEYTURN_API_URL'] ?? API_URL;
}

/** A client with the caller's token; that of a sign-in is renewed for as long as the command runs. */
export async function clientOf(options: ApiOptions, terminal: Terminal): Promise<KeyturnClient> {
  const { environment } = terminal;
  const baseUrl = apiUrl(options, terminal);
  if (!/^https?:\/\//i.test(baseUrl) || !URL.canParse(baseUrl))
    throw usageError('The address of the API (--api, KEYTURN_API_URL) begins with http:// or https://.');
  const given = options.token ?? environment['KEYTURN_TOKEN'];
  if (given !== undefined && given !== '') return new KeyturnClient({ baseUrl, token: given });
  let session = await currentSession(await signIn(environment, baseUrl), environment);
  const token = async (): Promise<string> => {
    session = await currentSession(session, environment);
    return session.access_token;
  };
  return new KeyturnClient({ baseUrl, token });
}

async function signIn(environment: Terminal['environment'], baseUrl: string): Promise<Session> {
  const session = await readSession(environment);
  if (!session) {
    const who = environment['KEYTURN_TOKEN'] === '' ? 'KEYTURN_TOKEN is empty, and you' : 'You';
    throw failure('unauthenticated', `${who} are not signed in: run keyturn login, or give --token.`);
  }
  // A token goes to the server that it was issued for, and to no other.
  if (new URL(session.api).origin !== new URL(baseUrl).origin) {
    throw failure(
      'unauthenticated',
      `You are signed in for ${session.api}, not for ${baseUrl}: run keyturn login.`,
    );
  }
  return session;
}

/** The token must still be valid when a call that begins now is made. */
const MARGIN_MS = 10_000;

function isCurrent({ expires_at: at, refresh_token: token }: Session): boolean {
  return Date.parse(at) > Date.now() + (token === undefined ? 0 : MARGIN_MS);
}

/** The session with a fresh token, where its issuer gives one; another process may have got it meanwhile. */
async function currentSession(session: Session, environment: Terminal['environment']): Promise<Session> {
  if (isCurrent(session)) return session;
  if (session.refresh_token === undefined) throw isOver();
  return alone(environment, async () => {
    const known = (await readSession(environment)) ?? session;
    // The stored sign-in may have become one for another server or of another person: it is not used.
    if (known.api !== session.api || holderOf(known) !== holderOf(session)) throw isOver();
    if (isCurrent(known)) return known;
    const fresh = await renewed(known);
    if (!fresh) throw isOver();
    await writeSession(environment, fresh);
    return fresh;
  });
}

/** Whose token it is; empty where it cannot be read. */
function holderOf({ issuer, access_token: token }: Session): string {
  try {
    return `${issuer} ${decodeJwt(token).sub ?? ''}`;
  } catch {
    return '';
  }
}

function isOver(): Error {
  return failure('unauthenticated', 'Your sign-in has expired: run keyturn login.');
}
