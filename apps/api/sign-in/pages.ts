import type { Caller } from '../auth/caller.ts';
import type { SignInIssuer } from '../auth/issuers.ts';
import { csrfTokenOf } from '../auth/session-cookie.ts';
import { escape, htmlPage } from '../http/html.ts';

/** Who is signed in with this browser, and the way out; for nobody the way in. */
export function homePage(
  publicUrl: string,
  signedIn: { readonly caller: Caller; readonly secret: string } | null,
): string {
  if (!signedIn)
    return htmlPage(
      'Keyturn',
      `<p>Nobody is signed in here.</p><p><a href="${escape(publicUrl)}/sign-in">Sign in</a></p>`,
    );
  const { person, principal } = signedIn.caller;
  const { issuer, subject } = principal.identity;
  return htmlPage(
    'Keyturn',
    `<p>You are signed in as <strong>${escape(person?.name ?? subject)}</strong>
     (${escape(subject)} at ${escape(issuer)}).</p>
     <form method="post" action="${escape(publicUrl)}/sign-out">
     <input type="hidden" name="csrf_token" value="${csrfTokenOf(signedIn.secret)}">
     <button type="submit">Sign out</button></form>`,
  );
}

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
