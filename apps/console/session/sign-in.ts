/** When this tab was sent to sign in last, so that a browser that refuses the cookie is not sent in circles. */
const SENT_AT = 'keyturn-sent-to-sign-in';
const CIRCLE_MS = 15_000;

/** Goes to sign in and comes back to this page. What is typed is kept as drafts. */
export function goToSignIn(): void {
  sessionStorage.setItem(SENT_AT, String(Date.now()));
  location.assign(signInPath());
}

/** Where to sign in and come back from. */
export function signInPath(): string {
  const here = `${location.pathname}${location.search}`;
  return `/sign-in?${new URLSearchParams({ return_to: here === '/' ? '/inbox' : here }).toString()}`;
}

/** True when the person came from signing in a moment ago, and is not signed in all the same. */
export function isCircle(): boolean {
  return Date.now() - Number(sessionStorage.getItem(SENT_AT)) < CIRCLE_MS;
}

/** Somebody is signed in: the next way there is a new one. */
export function noteSignedIn(): void {
  sessionStorage.removeItem(SENT_AT);
}
