import { Injectable } from '@nestjs/common';
import { decodeJwt } from 'jose';
import * as oidc from 'openid-client';

import { mayFetchFrom } from '../../../configuration/fetching.ts';
import { readSecret } from '../../../configuration/references.ts';
import type { ProviderLogout } from '../../../database/sessions.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import { IdTokenVerifier } from '../auth/id-token.ts';
import { hasSignIn, type SignInIssuer } from '../../../configuration/issuers.ts';
import { refusedToken } from '../auth/token-refusal.ts';
import { TokenVerifier } from '../auth/token-verifier.ts';
import { ApiContext } from '../context.ts';

/** How long what a provider says of itself is believed. */
const FRESH_MS = 600_000;
const TIMEOUT_SECONDS = 5;

/** An identity provider at which people sign in with a browser. */
export interface SignInProvider {
  readonly issuer: SignInIssuer;
  readonly client: oidc.Configuration;
  readonly idTokens: IdTokenVerifier;
}

interface Known {
  readonly client: oidc.Configuration;
  readonly atMs: number;
}

/** The identity providers of the configuration. How to sign in at one is discovered when it is needed. */
@Injectable()
export class SignInProviders {
  readonly issuers: readonly SignInIssuer[];
  readonly #log: ApiContext['log'];
  readonly #known = new Map<string, Known>();
  readonly #idTokens: ReadonlyMap<string, IdTokenVerifier>;

  constructor({ log }: ApiContext, tokens: TokenVerifier) {
    this.#log = log;
    this.issuers = tokens.issuers().filter(hasSignIn);
    this.#idTokens = new Map(this.issuers.map((issuer) => [issuer.issuer, new IdTokenVerifier(issuer, log)]));
  }

  /** The provider of this name. Refuses names that are not configured, and (`unavailable`) one that cannot be reached. */
  async find(name: string): Promise<SignInProvider> {
    const issuer = this.issuers.find((one) => one.issuer === name);
    const idTokens = this.#idTokens.get(name);
    if (!issuer || !idTokens)
      throw new KeyturnError('invalid_request', 'Nobody signs in at that issuer here. Choose another one.');
    return { issuer, idTokens, client: await this.#clientOf(issuer) };
  }

  /** Verifies the logout token of whichever provider says that it issued it. Refuses (`unauthenticated`) all others. */
  async verifyLogout(token: string): Promise<ProviderLogout> {
    const name = issuerIn(token);
    const verifier = [...this.#idTokens.values()].find((one) => one.name === name);
    if (!verifier) throw refusedToken('unknown_issuer');
    return verifier.verifyLogout(token);
  }

  async #clientOf(issuer: SignInIssuer): Promise<oidc.Configuration> {
    const known = this.#known.get(issuer.issuer);
    if (known && Date.now() - known.atMs < FRESH_MS) return known.client;
    try {
      const client = await discover(issuer);
      this.#known.set(issuer.issuer, { client, atMs: Date.now() });
      return client;
    } catch (error) {
      const why = error instanceof Error ? error.message : 'unknown';
      this.#log.warn({ issuer: issuer.issuer, why }, 'the metadata of an identity provider cannot be read');
      if (known) return known.client;
      throw new KeyturnError(
        'unavailable',
        'The identity provider cannot be reached now. Try again; if it stays, ask an operator to read the log.',
      );
    }
  }
}

async function discover(issuer: SignInIssuer): Promise<oidc.Configuration> {
  const { client_id: client } = issuer.console;
  const address = new URL(issuer.sign_in?.issuer ?? issuer.issuer);
  const metadata = { [oidc.clockTolerance]: issuer.clock_tolerance_seconds };
  const isInsecure = address.protocol === 'http:' && mayFetchFrom(address.href, issuer);
  return oidc.discovery(address, client, metadata, await authenticationOf(issuer), {
    timeout: TIMEOUT_SECONDS,
    execute: isInsecure ? [oidc.allowInsecureRequests] : [],
  });
}

async function authenticationOf({ console }: SignInIssuer): Promise<oidc.ClientAuth> {
  if (console.secret === undefined) return oidc.None();
  const secret = await readSecret(console.secret);
  return console.authentication === 'client_secret_post'
    ? oidc.ClientSecretPost(secret)
    : oidc.ClientSecretBasic(secret);
}

function issuerIn(token: string): unknown {
  try {
    return decodeJwt(token).iss;
  } catch {
    throw refusedToken('malformed');
  }
}
