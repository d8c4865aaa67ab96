import type { Command } from 'commander';
import {
  allowInsecureRequests,
  discovery,
  initiateDeviceAuthorization,
  None,
  pollDeviceAuthorizationGrant,
  ResponseBodyError,
  type Configuration,
} from 'openid-client';

import { apiUrl, withJson, type ApiOptions } from '../connection.ts';
import { failure } from '../exit.ts';
import { writeSession, type Session } from '../session.ts';
import type { Terminal } from '../terminal.ts';
import { visible } from '../text/visible.ts';

interface LoginOptions extends Pick<ApiOptions, 'json' | 'api'> {
  readonly issuer?: string;
  readonly client: string;
  readonly scope: string;
}

const ISSUER = 'http://127.0.0.1:7082';

/** `keyturn login` */
export function addLogin(program: Command, terminal: Terminal): void {
  withJson(program.command('login'))
    .description('sign in with your browser, so that later commands act as you')
    .option('--issuer <url>', `who signs you in (KEYTURN_ISSUER, else ${ISSUER})`)
    .option('--client <id>', 'the client id of this program at the issuer', 'keyturn-cli')
    .option('--scope <scope>', 'the scopes to request from the issuer', 'openid keyturn:decide')
    .option('--api <url>', 'the API that the sign-in is for (KEYTURN_API_URL)')
    .action((options: LoginOptions) => login(options, terminal));
}

async function login(options: LoginOptions, terminal: Terminal): Promise<void> {
  const issuer = options.issuer ?? terminal.environment['KEYTURN_ISSUER'] ?? ISSUER;
  const configuration = await discover(new URL(issuer), options.client);
  const device = await initiateDeviceAuthorization(configuration, { scope: options.scope });
  terminal.error(`Open ${visible(device.verification_uri_complete ?? device.verification_uri)}`);
  terminal.error(`and check that it shows the code ${visible(device.user_code)}.`);
  terminal.progress('Waiting for your sign-in');
  const polling = { signal: terminal.interrupted };
  const tokens = await pollDeviceAuthorizationGrant(configuration, device, undefined, polling).catch(explain);
  const session: Session = {
    issuer,
    api: apiUrl(options, terminal),
    access_token: tokens.access_token,
    expires_at: new Date(Date.now() + (tokens.expiresIn() ?? 300) * 1000).toISOString(),
  };
  const file = await writeSession(terminal.environment, session);
  const { access_token: _secret, ...shown } = session;
  if (options.json) return terminal.out(JSON.stringify(shown));
  return terminal.out(
    `Signed in to ${session.api} until ${session.expires_at}. The sign-in is stored in ${file}.`,
  );
}

function explain(error: unknown): never {
  if (!(error instanceof ResponseBodyError)) throw error;
  throw failure('login_refused', `The sign-in failed: the issuer answered ${visible(error.error)}.`);
}

/** The issuer as this program's client sees it. */
export async function discover(issuer: URL, client: string): Promise<Configuration> {
  const isLoopback = ['127.0.0.1', 'localhost', '[::1]'].includes(issuer.hostname);
  if (issuer.protocol !== 'https:' && !isLoopback) {
    throw failure('insecure_issuer', 'An issuer that is not on this machine must be reached by https.');
  }
  const execute = isLoopback ? [allowInsecureRequests] : [];
  return discovery(issuer, client, undefined, None(), { execute });
}
