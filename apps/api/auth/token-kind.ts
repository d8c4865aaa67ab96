import { mediaType } from '../../../domain/proof/id-token.ts';
import type { Issuer } from '../../../configuration/issuers.ts';

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

/** True for a logout token (OpenID Connect Back-Channel Logout 1.0, 2.4). With a nonce it is an ID token that looks like one. */
export function isLogoutToken({
  header,
  claims,
}: {
  readonly header: Fields;
  readonly claims: Fields;
}): boolean {
  const { events, sub, sid, nonce } = claims;
  const type = mediaType(header['typ']);
  return (
    (type === '' || type === 'jwt' || type === 'logout+jwt') &&
    typeof events === 'object' &&
    events !== null &&
    Object.hasOwn(events, 'http://schemas.openid.net/event/backchannel-logout') &&
    [sub, sid].some((name) => typeof name === 'string') &&
    nonce === undefined
  );
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
