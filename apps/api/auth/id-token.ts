import { jwtVerify, type JWTPayload } from 'jose';
import type { Logger } from 'pino';

import { IssuerAway } from '../../../configuration/issuer-key-set.ts';
import { providerOf, type SignInIssuer } from '../../../configuration/issuers.ts';
import type { ProviderLogout } from '../../../database/sessions.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import { isIdToken } from '../../../domain/proof/id-token.ts';
import { IssuerKeys } from './issuer-keys.ts';
import { isLogoutToken } from './token-kind.ts';
import { refusalOf } from './token-verifier.ts';
import { refusedToken } from './token-refusal.ts';

/** A logout token is sent at once. */
const LOGOUT_SECONDS_MAX = 600;

/** The claims of an ID token that say who signed in. */
export interface SignedIn extends JWTPayload {
  readonly sub: string;
}

/**
 * Verifies what an issuer signs for the client with which people sign in: its signature too, though it came from the issuer
 * itself, with the algorithms that are configured and no others.
 */
export class IdTokenVerifier {
  readonly #issuer: SignInIssuer;
  /** What its tokens for that client are issued as. */
  readonly name: string;
  readonly #keys: IssuerKeys;

  constructor(issuer: SignInIssuer, log: Logger) {
    this.#issuer = issuer;
    const provider = providerOf(issuer);
    this.name = provider.issuer;
    this.#keys = new IssuerKeys(provider, log);
  }

  /** The claims of the ID token that answers the sign-in with this nonce. Refuses (`unauthenticated`) every other token. */
  async verify(token: string, nonce: string): Promise<SignedIn> {
    const { client_id: client } = this.#issuer.console;
    const { payload, header } = await this.#verified(token, ['sub', 'exp', 'nonce']);
    if (!isIdToken({ header, claims: payload })) throw refusedToken('kind');
    if (payload['nonce'] !== nonce) throw refusedToken('nonce');
    const isOfOthers = Array.isArray(payload.aud) && payload.aud.length > 1;
    const { azp = isOfOthers ? null : client } = payload;
    if (azp !== client) throw refusedToken('audience');
    return payload as SignedIn;
  }

  /** What a logout token says. Refuses (`unauthenticated`) every other one, and one that was issued long ago. */
  async verifyLogout(token: string): Promise<ProviderLogout> {
    const { payload, header } = await this.#verified(token, ['jti'], LOGOUT_SECONDS_MAX);
    if (!isLogoutToken({ header, claims: payload })) throw refusedToken('kind');
    const { sub, sid, iat = 0 } = payload;
    return {
      issuer: this.#issuer.issuer,
      subject: typeof sub === 'string' ? sub : null,
      session: typeof sid === 'string' ? sid : null,
      issuedAtSeconds: iat + this.#issuer.clock_tolerance_seconds,
    };
  }

  async #verified(token: string, required: readonly string[], maxTokenAge?: number) {
    const { console, algorithms, clock_tolerance_seconds: clockTolerance } = this.#issuer;
    try {
      const { payload, protectedHeader } = await jwtVerify(token, this.#keys.find, {
        issuer: this.name,
        audience: console.client_id,
        algorithms: [...algorithms],
        clockTolerance,
        requiredClaims: ['iss', 'aud', 'iat', ...required],
        ...(maxTokenAge !== undefined && { maxTokenAge }),
      });
      return { payload, header: { ...protectedHeader } };
    } catch (error) {
      if (!(error instanceof IssuerAway)) throw refusalOf(error);
      const message = 'The keys of the identity provider cannot be fetched now. Sign in again in a moment.';
      throw new KeyturnError('unavailable', message, { retryAfterSeconds: 2 });
    }
  }
}
