/**
 * The demo's identity provider: a real OpenID Connect server with people who sign in without a password. It exists so
 * that Keyturn can be tried on one machine. Never use it for anything else: its users can be anybody they like.
 *
 *   KEYTURN_IDP_PORT     where it listens, on 127.0.0.1
 *   KEYTURN_IDP_FOLDER   where keys, agents' secrets and grants are kept
 *   KEYTURN_IDP_CONSOLE  where people sign in with a browser: the public URL of the API
 *   KEYTURN_IDP_DEMO_KEY what the console shows to have a demo request made; without it nobody can
 *   KEYTURN_IDP_POLICY   the policy folder whose directory.yaml names the people and agents
 */
import http from 'node:http';
import path from 'node:path';
import { Provider } from 'oidc-provider';
import { answerDemoRequest } from './identity-provider/demo-request.mjs';
import { answerDemoToken, signedToken } from './identity-provider/demo-token.mjs';
import { readDirectory } from './identity-provider/directory.mjs';
import { grantStore } from './identity-provider/grant-store.mjs';
import { answerInteraction } from './identity-provider/interaction.mjs';
import { configuration } from './identity-provider/provider.mjs';
import { loadSecrets } from './identity-provider/secrets.mjs';

const port = Number(process.env.KEYTURN_IDP_PORT ?? 7082);
const folder = path.resolve(process.env.KEYTURN_IDP_FOLDER ?? '.keyturn/identity-provider');
const directory = readDirectory(process.env.KEYTURN_IDP_POLICY ?? 'policies');
const secrets = loadSecrets(folder, directory);
const consoleUrl = process.env.KEYTURN_IDP_CONSOLE;
const demoKey = process.env.KEYTURN_IDP_DEMO_KEY;
const issuer = `http://127.0.0.1:${port}`;
const provider = new Provider(
  issuer,
  configuration({
    directory,
    secrets,
    adapter: grantStore(path.join(folder, 'grants.json')),
    consoleUrl,
  }),
);
provider.on('server_error', (_ctx, error) => process.stderr.write(`${error.stack}\n`));
const answerProtocol = provider.callback();

const server = http.createServer((request, response) => {
  answer(request, response).catch((error) => {
    process.stderr.write(`${error.stack}\n`);
    if (!response.headersSent) response.writeHead(500, { 'content-type': 'text/plain' });
    response.end('The demo identity provider could not answer; its log says why.\n');
  });
});
server.listen(port, '127.0.0.1');
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.exit(0));

async function answer(request, response) {
  const url = new URL(request.url ?? '/', issuer);
  const { pathname } = url;
  // A page from elsewhere must not reach this through a name that it points to 127.0.0.1.
  if (request.headers.host !== new URL(issuer).host) {
    response.writeHead(421, { 'content-type': 'text/plain' });
    response.end(`Only ${issuer} is served here.\n`);
  } else if (pathname === '/healthz') {
    response.end('ok\n');
  } else if (pathname === '/demo/token') {
    await answerDemoToken({ request, response, issuer, directory, secrets });
  } else if (pathname === '/demo/request') {
    const tokenOf = (agent) => signedToken({ issuer, secrets, claims: { sub: agent, client_id: agent } });
    await answerDemoRequest({ request, response, url, key: demoKey, consoleUrl, tokenOf });
  } else if (pathname.startsWith('/interaction/')) {
    await answerInteraction({ request, response, provider, directory });
  } else {
    await answerProtocol(request, response);
  }
}
