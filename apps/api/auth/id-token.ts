import { jwtVerify, type JWTPayload } from 'jose';
import type { Logger } from 'pino';

import { KeyturnError } from '../../../domain/errors.ts';
import { IssuerAway, IssuerKeys } from './issuer-keys.ts';
import type { SignInIssuer } from './issuers.ts';
import { isIdToken } from './token-kind.ts';
import { refusalOf } from './token-verifier.ts';
import { refusedToken } from './token-refusal.ts';

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
  readonly #name: string;
  readonly #keys: IssuerKeys;

  constructor(issuer: SignInIssuer, log: Logger) {
    this.#issuer = issuer;
    this.#name = issuer.sign_in?.issuer ?? issuer.issuer;
    const keys =
      this.#name === issuer.issuer ? issuer : { ...issuer, issuer: this.#name, jwks_uri: undefined };
    this.#keys = new IssuerKeys(keys, log);
  }

  /** The claims of the ID token that answers the sign-in with this nonce. Refuses (`unauthenticated`) every other token. */
  async verify(token: string, nonce: string): Promise<SignedIn> {
    const { issuer, console } = { issuer: this.#issuer, console: this.#issuer.console };
    try {
      const { payload, protectedHeader } = await jwtVerify<SignedIn>(token, this.#keys.find, {
        issuer: this.#name,
        audience: console.client_id,
        algorithms: [...issuer.algorithms],
        clockTolerance: issuer.clock_tolerance_seconds,
        requiredClaims: ['iss', 'sub', 'aud', 'exp', 'iat', 'nonce'],
      });
      if (!isIdToken({ header: { ...protectedHeader }, claims: payload })) throw refusedToken('kind');
      if (payload['nonce'] !== nonce) throw refusedToken('nonce');
      const isOfOthers = Array.isArray(payload.aud) && payload.aud.length > 1;
      const { azp = isOfOthers ? null : console.client_id } = payload;
      if (azp !== console.client_id) throw refusedToken('audience');
      return payload;
    } catch (error) {
      if (!(error instanceof IssuerAway)) throw refusalOf(error);
      const message = 'The keys of the identity provider cannot be fetched now. Sign in again in a moment.';
      throw new KeyturnError('unavailable', message, { retryAfterSeconds: 2 });
    }
  }
}
