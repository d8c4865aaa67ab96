import { interactionPolicy } from 'oidc-provider';

import { confirmPage, codePage, successPage } from './pages.mjs';

/** The client that people sign in with from a terminal. */
export const CLI_CLIENT = 'keyturn-cli';
/** The client that people sign in with from a browser. */
const CONSOLE_CLIENT = 'keyturn-console';
/** The client whose tokens people decide with by script: in the demo only. */
export const DEMO_CLIENT = 'keyturn-demo';
/** The scope that those tokens have. */
export const DECIDE_SCOPE = 'keyturn:decide';
/** What the tokens are for; the API checks it. */
export const AUDIENCE = 'keyturn';
export const TOKEN_SECONDS = 3600;

/** As long as somebody tries the demo. */
const DAYS_30 = 30 * 24 * 3600;
const LONG_LIVED = { Session: DAYS_30, Grant: DAYS_30, RefreshToken: DAYS_30, IdToken: TOKEN_SECONDS };

const RESOURCE = 'urn:keyturn:api';

/** Settings of oidc-provider: people by device flow, agents by client credentials, JWT access tokens for both. */
export function configuration({ directory, secrets, adapter, consoleUrl }) {
  return {
    adapter,
    jwks: { keys: [secrets.signing] },
    cookies: { keys: [secrets.cookie] },
    clients: [
      cliClient(),
      ...(consoleUrl ? [consoleClient(consoleUrl)] : []),
      ...directory.agents.map((agent) => agentClient(agent, secrets)),
    ],
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    scopes: ['openid', 'offline_access'],
    claims: { openid: ['sub', 'name'] },
    findAccount: (_ctx, subject) => accountOf(directory, subject),
    interactions: {
      url: (_ctx, interaction) => `/interaction/${interaction.uid}`,
      policy: promptingEachTime(),
    },
    loadExistingGrant: grantEverything,
    ttl: {
      AccessToken: TOKEN_SECONDS,
      ClientCredentials: TOKEN_SECONDS,
      DeviceCode: 600,
      Interaction: 600,
      ...LONG_LIVED,
    },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      deviceFlow: { enabled: true, ...devicePages() },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => RESOURCE,
        useGrantedResource: () => true,
        getResourceServerInfo: (_ctx, _resource, client) => ({
          // What a person consented to; agents ask nobody, and the scope to decide is for no client here.
          scope: client.clientId === CLI_CLIENT ? 'openid' : '',
          audience: AUDIENCE,
          accessTokenFormat: 'jwt',
          accessTokenTTL: TOKEN_SECONDS,
          jwt: { sign: { alg: 'ES256' } },
        }),
      },
    },
  };
}

/** One browser plays several people: after signing out, the next one may be somebody else. */
function promptingEachTime() {
  const policy = interactionPolicy.base();
  const isPrompted = ({ oidc }) =>
    oidc.client.clientId === CONSOLE_CLIENT && !oidc.prompts.has('none') && !oidc.result?.login;
  policy
    .get('login')
    .checks.add(
      new interactionPolicy.Check('each_time', 'Somebody is to be picked', 'login_required', isPrompted),
    );
  return policy;
}

function cliClient() {
  return {
    client_id: CLI_CLIENT,
    client_name: 'the Keyturn command line',
    token_endpoint_auth_method: 'none',
    grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'],
    response_types: [],
    redirect_uris: [],
  };
}

function consoleClient(url) {
  return {
    client_id: CONSOLE_CLIENT,
    client_name: 'the Keyturn console',
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code'],
    response_types: ['code'],
    redirect_uris: [`${url}/sign-in/callback`],
  };
}

function agentClient({ subject, name }, secrets) {
  return {
    client_id: subject,
    client_name: name,
    client_secret: secrets.agents[subject],
    grant_types: ['client_credentials'],
    response_types: [],
    redirect_uris: [],
    scope: 'openid',
  };
}

function accountOf(directory, subject) {
  const person = directory.people.find((candidate) => candidate.subject === subject);
  return person && { accountId: subject, claims: async () => ({ sub: subject, name: person.name }) };
}

/** There is one application and it belongs to the house: asking for consent would only be in the way. */
async function grantEverything(ctx) {
  const { client, session, provider } = ctx.oidc;
  const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
  grant.addOIDCScope('openid offline_access');
  grant.addResourceScope(RESOURCE, 'openid');
  await grant.save();
  return grant;
}

function devicePages() {
  return {
    userCodeInputSource: async (ctx, ...[form, , error]) => {
      ctx.body = codePage(form, error);
    },
    userCodeConfirmSource: async (ctx, ...[form, client, , userCode]) => {
      ctx.body = confirmPage(form, client.clientName, userCode);
    },
    successSource: async (ctx) => {
      ctx.body = successPage();
    },
  };
}
