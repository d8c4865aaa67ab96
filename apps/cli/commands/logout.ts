import type { Command } from 'commander';
import { tokenRevocation } from 'openid-client';

import { withJson } from '../connection.ts';
import { failure } from '../exit.ts';
import { withExamples } from '../help.ts';
import { discover } from '../issuer.ts';
import { deleteSession, readSession, type Session } from '../session.ts';
import type { Terminal } from '../terminal.ts';
import { visible } from '../../../domain/cards/visible.ts';

/** What this program is to an issuer, where the sign-in does not say. */
const CLIENT = 'keyturn-cli';

export function addLogout(program: Command, terminal: Terminal): void {
  const command = withJson(program.command('logout'))
    .description(
      'end your sign-in: revoke its tokens at the issuer where possible, and delete the stored copy',
    )
    .action((options: { readonly json?: boolean }) => logout(options, terminal));
  withExamples(command, ['keyturn logout']);
}

async function logout({ json }: { readonly json?: boolean }, terminal: Terminal): Promise<void> {
  const session = await readSession(terminal.environment);
  if (!session) throw failure('unauthenticated', 'You are not signed in here.');
  // First here: whatever the issuer answers, nobody uses it from here any more.
  await deleteSession(terminal.environment);
  const isRevoked = await revoke(session).catch(() => false);
  if (json)
    return terminal.out(JSON.stringify({ issuer: session.issuer, api: session.api, is_revoked: isRevoked }));
  const issuer = visible(session.issuer);
  return terminal.out(
    isRevoked
      ? `You are signed out, here and at ${issuer}.`
      : `You are signed out here. ${issuer} did not revoke the tokens: a copy is valid until ${visible(session.expires_at)}.`,
  );
}

/** True when the issuer took the tokens back (RFC 7009). */
async function revoke(session: Session): Promise<boolean> {
  const configuration = await discover(new URL(session.issuer), session.client ?? CLIENT);
  if (configuration.serverMetadata().revocation_endpoint === undefined) return false;
  const { refresh_token: refresh, access_token: access } = session;
  for (const token of [refresh, access]) if (token !== undefined) await tokenRevocation(configuration, token);
  return true;
}
