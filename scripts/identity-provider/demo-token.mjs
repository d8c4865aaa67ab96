import { createPrivateKey, timingSafeEqual } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { SignJWT } from 'jose';
import { AUDIENCE, DECIDE_SCOPE, DEMO_CLIENT, TOKEN_SECONDS } from './provider.mjs';

/**
 * POST /demo/token: a token without a browser, for scripts and for trying things out.
 *   { "person": "olga" }                                              a token with which a person may decide
 *   { "client_id", "client_secret", "on_behalf_of"?, "trigger"? }     the token of an agent; acting for a person, the
 *                                                                     person is the subject and the agent the actor
 */
export async function answerDemoToken({ request, response, issuer, directory, secrets }) {
  const reply = (status, body) => {
    response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
    response.end(`${JSON.stringify(body)}\n`);
  };
  const isJson = request.headers['content-type']?.startsWith('application/json');
  if (request.method !== 'POST' || !isJson) return reply(400, { error: 'POST a JSON object' });
  const body = parseObject(await text(request));
  const claims =
    body && (body.person ? personClaims(body, directory) : agentClaims(body, directory, secrets));
  if (!claims) return reply(401, { error: 'unknown person, unknown agent, or wrong secret' });
  const token = await signedToken({ issuer, secrets, claims });
  return reply(200, { access_token: token, token_type: 'Bearer', expires_in: TOKEN_SECONDS });
}

/** An access token for Keyturn. */
export function signedToken({ issuer, secrets, claims }) {
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'ES256', kid: secrets.signing.kid, typ: 'at+jwt' })
    .setIssuer(issuer)
    .setAudience(AUDIENCE)
    .setIssuedAt()
    .setExpirationTime(`${TOKEN_SECONDS} s`)
    .sign(createPrivateKey({ key: secrets.signing, format: 'jwk' }));
}

function personClaims({ person }, directory) {
  if (!directory.people.some(({ subject }) => subject === person)) return null;
  return { sub: person, client_id: DEMO_CLIENT, scope: `openid ${DECIDE_SCOPE}` };
}

function agentClaims(body, directory, secrets) {
  const { client_id: agent, client_secret: secret, on_behalf_of: person, trigger } = body;
  if (!isSame(secrets.agents[agent], secret)) return null;
  if (person !== undefined && !directory.people.some(({ subject }) => subject === person)) return null;
  const who = person === undefined ? { sub: agent } : { sub: person, act: { sub: agent } };
  return { ...who, client_id: agent, ...(trigger === undefined ? {} : { trigger }) };
}

function isSame(expected, given) {
  if (typeof expected !== 'string' || typeof given !== 'string' || expected.length !== given.length)
    return false;
  return timingSafeEqual(Buffer.from(expected), Buffer.from(given));
}

function parseObject(json) {
  try {
    const value = JSON.parse(json);
    return value && typeof value === 'object' ? value : null;
  } catch {
    return null;
  }
}
