/** When this tab was sent to sign in last, so that a browser that refuses the cookie is not sent in circles. */
const SENT_AT = 'keyturn-sent-to-sign-in';
const CIRCLE_MS = 15_000;

/** Goes to sign in and comes back to this page. What is typed is kept as drafts. */
export function goToSignIn(): void {
  sessionStorage.setItem(SENT_AT, String(Date.now()));
  location.assign(signInPath());
}

/** The same where the session will not do (`sign_in_again`): its identity provider asks the person anew who they are. */
export function goToFreshSignIn({ issuer }: { readonly issuer: string }): void {
  location.assign(signInPath({ issuer, prompt: 'login' }));
}

/** Where to sign in and come back from. */
export function signInPath(more: Readonly<Record<string, string>> = {}): string {
  const here = `${location.pathname}${location.search}`;
  const query = { return_to: here === '/' ? '/inbox' : here, ...more };
  return `/sign-in?${new URLSearchParams(query).toString()}`;
}

/** True when the person came from signing in a moment ago, and is not signed in all the same. */
export function isCircle(): boolean {
  return Date.now() - Number(sessionStorage.getItem(SENT_AT)) < CIRCLE_MS;
}

/** Somebody is signed in: the next way there is a new one. */
export function noteSignedIn(): void {
  sessionStorage.removeItem(SENT_AT);
}
