import path from 'node:path';
import { say } from './progress.ts';
import type { Addresses } from './system.ts';

/** What a newcomer needs after the start: where things are, who is who, and commands to paste. */
export function printGuide(addresses: Addresses, folder: string): void {
  const shown = path.relative(process.cwd(), folder) || folder;
  say(`
Keyturn runs. Decide in a browser, here as olga:

  ${addresses.browser}/sign-in?login_hint=olga

  API            ${addresses.api}        (reference: ${addresses.api}/docs)
  Temporal UI    ${addresses.temporalUi ?? 'that of your own server'}
  Identities     ${addresses.identityProvider}        (demo identity provider, no passwords)
  Logs           ${shown}/logs/

Who is who in the demo
  agent-billing    an agent; ada owns it
  agent-assistant  an agent that acts for the person who talks to it
  ada              developer, owner of both agents: may never approve what they ask
  olga, dmitri     database administrators: approve statements on shop-production
  petra            their lead: may decide after half an hour without an answer
  omar             owner of the shop: decides together with an administrator on shop-ledger
  and others       policies/directory.yaml names them all, with their groups

Try it: paste these one after the other in a second terminal, in this folder.

  # 1  The agent asks to change one row on production.
  export KEYTURN_API_URL=${addresses.api}
  keyturn() { npm run -s keyturn -- "$@"; }
  ID=$(KEYTURN_TOKEN=$(node scripts/demo-token.mjs agent-billing) keyturn request --json \\
    postgres.execute shop-production -a statement="update account set credit_limit = 5000 where id = 1042" \\
    --justification "Upgrade agreed with the customer, ticket 4711" | node -p 'JSON.parse(fs.readFileSync(0)).id')

  # 2  Olga sees what waits for her, and exactly what it would do: in the browser, or here.
  export KEYTURN_TOKEN=$(node scripts/demo-token.mjs olga)
  keyturn inbox
  keyturn show $ID

  # 3  She approves in the console: this prints the address, and waits for her.
  keyturn approve $ID

  # 4  The worker has made that change, once. Anybody can check the record of it.
  keyturn watch $ID
  keyturn verify $ID --keys ${shown}/keys/verification.jwks.json

  # 5  Why these people? And what would another policy have said?
  export $(cat ${shown}/operator.env)
  keyturn policy explain $ID
  keyturn policy backtest policies

Ctrl-C stops everything; the data stays in ${shown}/.`);
}
