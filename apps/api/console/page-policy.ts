import type { SignInIssuer } from '../../../configuration/issuers.ts';

/**
 * What the page of the console may do. Styles that are made as it runs carry the nonce of the response. No string becomes
 * markup or a script but through the one policy of Trusted Types, which refuses whatever could be either.
 */
export function pagePolicy(issuers: readonly SignInIssuer[]): (nonce: string) => string {
  // A form may lead to a sign-in, and browsers hold each address on the way against this.
  const forms = issuers.map(({ issuer, sign_in: signIn }) => new URL(signIn?.issuer ?? issuer).origin);
  return (nonce) =>
    [
      "default-src 'none'",
      "script-src 'self'",
      `style-src 'self' 'nonce-${nonce}'`,
      "img-src 'self' data:",
      "font-src 'self'",
      "connect-src 'self'",
      `form-action ${[...new Set(["'self'", ...forms])].join(' ')}`,
      "base-uri 'none'",
      "frame-ancestors 'none'",
      "require-trusted-types-for 'script'",
      'trusted-types default',
    ].join('; ');
}
