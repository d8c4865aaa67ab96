import type { Issuer } from './issuers.ts';

type Fields = Readonly<Record<string, unknown>>;

/**
 * True for an access token that its holder may use. ID tokens, logout and event tokens are signed by the same key and may
 * name the same audience; a token that is bound to a key (`cnf`: DPoP, mTLS) is worth nothing without the proof, which is
 * not checked here. Each kind is refused by its marks; an issuer can be configured to require `at+jwt` (RFC 9068).
 */
export function isBearerAccessToken(
  { header, claims }: { readonly header: Fields; readonly claims: Fields },
  issuer: Pick<Issuer, 'token_type'>,
): boolean {
  const type = mediaType(header['typ']);
  const isNamed = type === 'at+jwt' || (issuer.token_type === undefined && (type === '' || type === 'jwt'));
  return isNamed && !isOfOtherUse(claims);
}

/** True for an ID token: nothing else that the same key signs for the same client tells who signed in. */
export function isIdToken({ header, claims }: { readonly header: Fields; readonly claims: Fields }): boolean {
  const type = mediaType(header['typ']);
  const uses = [claims['typ'], claims['token_use']].filter((use) => use !== undefined);
  return (
    (type === '' || type === 'jwt') &&
    uses.every((use) => typeof use === 'string' && use.toLowerCase() === 'id') &&
    ['cnf', 'events', 'toe'].every((claim) => claims[claim] === undefined)
  );
}

/** RFC 7515 section 4.1.9: `application/` may be left out, and case does not matter. */
function mediaType(value: unknown): string | null {
  if (value === undefined) return '';
  return typeof value === 'string' ? value.toLowerCase().replace(/^application\//, '') : null;
}

function isOfOtherUse(claims: Fields): boolean {
  if (FOREIGN_CLAIMS.some((claim) => claims[claim] !== undefined)) return true;
  if (isOtherUse(claims['typ']) || isOtherUse(claims['token_use'])) return true;
  // A nonce answers a sign-in. Access tokens that repeat it say what they give access to.
  return claims['nonce'] !== undefined && claims['scope'] === undefined && claims['scp'] === undefined;
}

/** A use that is not text cannot be read, so it counts as another one. */
function isOtherUse(use: unknown): boolean {
  if (use === undefined) return false;
  return typeof use !== 'string' || OTHER_USES.has(use.toLowerCase());
}

/** Bound to a key; of security events and logout; hashes that an ID token has of the tokens beside it. */
const FOREIGN_CLAIMS = ['cnf', 'events', 'toe', 'at_hash', 'c_hash', 's_hash'];

/** Keycloak (`typ`) and Cognito (`token_use`) say in a claim what a token is for. */
const OTHER_USES: ReadonlySet<string> = new Set(['id', 'logout', 'refresh', 'offline', 'dpop']);
