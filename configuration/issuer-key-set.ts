import type { JSONWebKeySet } from 'jose';
import { z } from 'zod';

import { boundedText, mayFetchFrom } from './fetching.ts';
import type { Issuer } from './issuers.ts';

const FETCH_TIMEOUT_MS = 3_000;
const BYTES_MAX = 512 * 1024;

const discoverySchema = z.object({ issuer: z.string(), jwks_uri: z.url({ protocol: /^https?$/ }) });
const keySetSchema = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).max(1_000) });

/** The keys of the issuer are unavailable: that says nothing about a token. */
export class IssuerAway extends Error {}

/** The keys that an issuer publishes now. Throws `IssuerAway` when they cannot be read. */
export async function fetchKeySet(
  issuer: Pick<Issuer, 'issuer' | 'jwks_uri' | 'allow_insecure_http'>,
): Promise<JSONWebKeySet> {
  const address = issuer.jwks_uri ?? (await discover(issuer));
  const set = keySetSchema.safeParse(await fetchJson(address));
  if (!set.success) throw new IssuerAway('what it publishes is no key set');
  return set.data;
}

/** OpenID Connect Discovery 1.0 section 4: the answer must name exactly this issuer. */
async function discover(issuer: Parameters<typeof fetchKeySet>[0]): Promise<string> {
  const address = `${issuer.issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const found = discoverySchema.safeParse(await fetchJson(address));
  if (!found.success) throw new IssuerAway('what it publishes is no discovery document');
  if (found.data.issuer !== issuer.issuer)
    throw new IssuerAway('its discovery document names another issuer');
  if (!mayFetchFrom(found.data.jwks_uri, issuer))
    throw new IssuerAway('its keys are not at an https address');
  return found.data.jwks_uri;
}

async function fetchJson(address: string): Promise<unknown> {
  const signal = AbortSignal.timeout(FETCH_TIMEOUT_MS);
  const response = await fetch(address, { signal, redirect: 'manual' }).catch((error: unknown) => {
    throw new IssuerAway(causeOf(error));
  });
  if (response.status !== 200) throw new IssuerAway(`it answered ${response.status}`);
  try {
    const text = await boundedText(response, BYTES_MAX);
    if (text === null) throw new IssuerAway('its answer is too large');
    return JSON.parse(text) as unknown;
  } catch (error) {
    // Also an answer that breaks off: it says nothing about a token.
    throw error instanceof IssuerAway ? error : new IssuerAway('its answer cannot be read');
  }
}

/** The code of a failed connection, such as ECONNREFUSED: messages may hold addresses that nobody should read here. */
function causeOf(error: unknown): string {
  const { name, cause } = error as { name?: unknown; cause?: { code?: unknown } };
  return typeof cause?.code === 'string' ? cause.code : String(name);
}
