import type { Command } from 'commander';

import { given } from '../arguments.ts';
import { apiUrl, withJson, type ApiOptions } from '../connection.ts';
import { signIn } from '../issuer.ts';
import { wholeNumber } from '../pages.ts';
import { writeSession } from '../session.ts';
import { signInFor, type SignInWish } from '../sign-in.ts';
import type { Terminal } from '../terminal.ts';
import { visible } from '../../../domain/cards/visible.ts';

interface LoginOptions extends Pick<ApiOptions, 'json' | 'api'> {
  readonly issuer?: string;
  readonly client?: string;
  readonly scope?: string;
  readonly audience?: string;
  readonly resource?: string;
  readonly browser?: boolean;
  readonly port?: number;
}

export function addLogin(program: Command, terminal: Terminal): void {
  withJson(program.command('login'))
    .description('sign in, so that later commands act as you; the API says where')
    .option('--api <url>', 'the API that the sign-in is for (KEYTURN_API_URL)')
    .option(
      '--issuer <url>',
      'the issuer that signs you in (KEYTURN_ISSUER), if the API names several or none',
    )
    .option('--client <id>', 'the client ID of this program at the issuer')
    .option('--scope <scope>', 'the scope to request')
    .option('--audience <name>', 'the audience of the token, for issuers that require one')
    .option('--resource <uri>', 'the resource of the token (RFC 8707), for issuers that require one')
    .option('--browser', 'sign in with a browser on this machine instead of a code')
    .option('--port <number>', 'the port that the browser comes back to (any free one)', wholeNumber(65_535))
    .action((options: LoginOptions) => login(options, terminal));
}

async function login(options: LoginOptions, terminal: Terminal): Promise<void> {
  const api = apiUrl(options, terminal);
  const details = await signInFor(api, wishOf(options, terminal));
  terminal.error(
    `Signing in at ${visible(details.issuer)} as client ${visible(details.client_id)}, for ${api}.`,
  );
  const way = { isBrowser: options.browser ?? false, port: options.port ?? null };
  const session = { api, ...(await signIn(details, way, terminal)) };
  const file = await writeSession(terminal.environment, session);
  const { access_token: _secret, refresh_token: refreshToken, ...shown } = session;
  if (options.json) return terminal.out(JSON.stringify(shown));
  const lasting =
    refreshToken === undefined ? '' : ', then renewed without you for as long as the issuer allows';
  return terminal.out(`Signed in until ${session.expires_at}${lasting}, for ${api}. Stored in ${file}.`);
}

function wishOf(options: LoginOptions, terminal: Terminal): SignInWish {
  const issuer = options.issuer ?? terminal.environment['KEYTURN_ISSUER'];
  const { client, scope, audience, resource } = options;
  return given({ issuer: issuer || undefined, client_id: client, scope, audience, resource });
}
