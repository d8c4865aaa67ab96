import type { SignInIssuer } from '../../../configuration/issuers.ts';
import { escape, htmlPage } from '../http/html.ts';

/** Where to sign in, where there are several places. */
export function choicePage(
  publicUrl: string,
  issuers: readonly SignInIssuer[],
  more: Readonly<Record<string, string>>,
): string {
  const links = issuers.map(({ issuer }) => {
    const query = new URLSearchParams({ issuer, ...more });
    return `<li><a href="${escape(publicUrl)}/sign-in?${escape(query.toString())}">${escape(issuer)}</a></li>`;
  });
  return htmlPage('Sign in', `<p>Where do you sign in?</p><ul>${links.join('')}</ul>`);
}
