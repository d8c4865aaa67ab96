import { begin, Browser, comeBack } from '../api/sign-in/browser.ts';
import type { Stack } from '../stack/stack.ts';

/** The headers of a call in a session. */
export interface Cookies {
  readonly cookie?: string;
}

/** Signs somebody in. Answers the cookie. One after the other: the issuer answers for one person at a time. */
export async function signedInBrowser(stack: Stack, subject: string): Promise<Cookies> {
  const { issuer } = stack;
  const url = stack.apis[0]?.url ?? '';
  const browser = new Browser(url, url);
  const usual = issuer.answerToken;
  const page = await comeBack(browser, { issuer, begun: await begin(browser, issuer), subject });
  issuer.answerToken = usual;
  if (page.status !== 303) throw new Error(`${subject} was not signed in: ${page.status} ${page.text}`);
  return { cookie: [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ') };
}
