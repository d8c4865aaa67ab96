import { decodeJwt } from 'jose';

import type { CardAnswer } from '../../../contract/cards.ts';
import { call, type Call, type Reply } from '../../stack/http.ts';
import type { TestIssuer } from '../../stack/issuer.ts';
import { begin, Browser, comeBack, ORIGIN } from './browser.ts';

type SentCall = Call & { readonly token: string; readonly body: object };

/** An API, and who signs people in there. */
export interface SignsIn {
  readonly issuer: TestIssuer;
  readonly url: string;
  /** Where its pages are, if it believes to be elsewhere than it is. */
  readonly origin?: string;
}

/**
 * Posts JSON as the people of tokens do in the session of a browser, one session a person. Who may not sign in, and what is
 * no token of the issuer, posts with the token itself.
 */
export class InSession {
  readonly #api: SignsIn;
  readonly #sessions = new Map<string, Promise<Browser | null>>();
  /** One after another: the issuer answers the sign-in that it was prepared for last. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(api: SignsIn) {
    this.#api = api;
  }

  /** At the first API of a stack, whose pages are where it is. */
  static at({
    issuer,
    apis,
  }: Pick<SignsIn, 'issuer'> & { readonly apis: readonly { readonly url: string }[] }): InSession {
    const url = apis[0]?.url ?? '';
    return new InSession({ issuer, url, origin: url });
  }

  post<Body = Record<string, unknown>>(token: string, path: string, body: object): Promise<Reply<Body>> {
    return this.call<Body>({ token, path, body });
  }

  async call<Body>({ token, path, body, headers: more = {} }: SentCall): Promise<Reply<Body>> {
    const { issuer, url } = this.#api;
    const subject = personOf(token, issuer);
    const browser = subject === null ? null : await this.#browserOf(subject);
    if (browser === null) return call<Body>(url, { path, token, body, headers: more });
    const { csrf } = await browser.session();
    const sent = path.endsWith('/tickets') ? await withCard(browser, path, body) : body;
    const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const headers = { ...more, cookie, origin: browser.origin, 'x-csrf-token': csrf };
    return call<Body>(url, { path, body: sent, headers });
  }

  /** Before anything else, where it matters when that is. */
  async signIn(token: string): Promise<void> {
    await this.#browserOf(personOf(token, this.#api.issuer) ?? '');
  }

  #browserOf(subject: string): Promise<Browser | null> {
    const known = this.#sessions.get(subject);
    if (known) return known;
    const browser = this.#last.then(() => this.#signIn(subject));
    this.#last = browser.catch(() => undefined);
    this.#sessions.set(subject, browser);
    return browser;
  }

  async #signIn(subject: string): Promise<Browser | null> {
    const { issuer, url, origin = ORIGIN } = this.#api;
    const browser = new Browser(url, origin);
    const page = await comeBack(browser, { issuer, begun: await begin(browser, issuer), subject });
    return page.status === 303 ? browser : null;
  }
}

/** The subject of a token with which a person may decide; null of any other text. */
function personOf(token: string, issuer: TestIssuer): string | null {
  try {
    const { iss, sub = null, client_id: client, scope } = decodeJwt(token);
    const isAsUsual = client === 'keyturn-web' && scope === 'openid keyturn:decide';
    return iss === issuer.url && isAsUsual ? sub : null;
  } catch {
    return null;
  }
}

/** A decision in a session says which card was shown. */
async function withCard(browser: Browser, path: string, body: object): Promise<object> {
  const { status, text } = await browser.get(path.replace(/tickets$/, 'card'));
  return status === 200 ? { view_digest: (JSON.parse(text) as CardAnswer).view_digest, ...body } : body;
}
