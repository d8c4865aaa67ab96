import type { JWTPayload } from 'jose';

import type { TestIssuer } from '../../stack/issuer.ts';
import type { TestApi } from '../api.ts';

/** The address under which the API of the tests believes to be. */
export const ORIGIN = 'http://127.0.0.1:7080';

/** What a browser got. */
export interface Page {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Where it is sent to; empty where it stays. */
  readonly location: string;
}

type SentOptions = Omit<RequestInit, 'headers'> & { readonly headers: Readonly<Record<string, string>> };

/** Keeps cookies as a browser does that knows one site only. */
export class Browser {
  readonly cookies = new Map<string, string>();
  /** Of its pages. */
  readonly origin: string;
  readonly #url: string;

  constructor(url: string, origin = ORIGIN) {
    this.#url = url;
    this.origin = origin;
  }

  async get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Page> {
    return this.#send(path, { headers });
  }

  /** Posts a form from a page of the API itself, or JSON. */
  async post(
    path: string,
    body: Readonly<Record<string, string>> | string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Page> {
    const sent = typeof body === 'string' ? body : new URLSearchParams(body);
    const type = typeof body === 'string' ? { 'content-type': 'application/json' } : {};
    return this.#send(path, {
      method: 'POST',
      body: sent,
      headers: { origin: this.origin, ...type, ...headers },
    });
  }

  /** GET /v1/session. */
  async session(): Promise<{ readonly status: number; readonly csrf: string; readonly id: string }> {
    const { status, text } = await this.get('/v1/session');
    const body = JSON.parse(text) as { csrf_token?: string; id?: string };
    return { status, csrf: body.csrf_token ?? '', id: body.id ?? '' };
  }

  async #send(path: string, { headers, ...options }: SentOptions): Promise<Page> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(`${this.#url}${path}`, {
      ...options,
      redirect: 'manual',
      headers: { ...headers, ...(cookie && { cookie }) },
    });
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === '') this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    const { status, headers: got } = response;
    return { status, headers: got, text: await response.text(), location: got.get('location') ?? '' };
  }
}

/** A sign-in that was begun: what the browser was sent to the provider with. */
export async function begin(
  browser: Browser,
  issuer: TestIssuer,
  more: Readonly<Record<string, string>> = {},
): Promise<URLSearchParams> {
  const query = new URLSearchParams({ issuer: issuer.url, ...more });
  const { status, location, text } = await browser.get(`/sign-in?${query.toString()}`);
  if (status !== 303) throw new Error(`The sign-in did not begin: ${status} ${text}`);
  return new URL(location).searchParams;
}

/** How the provider answers. */
export interface Answer {
  /** Of the ID token, over those of a right one. */
  readonly claims?: JWTPayload;
  readonly header?: Readonly<Record<string, unknown>>;
  /** Of the callback, over those of a right one. */
  readonly query?: Readonly<Record<string, string>>;
}

/** Comes back from the provider, which says that this person signed in. */
export async function comeBack(
  browser: Browser,
  { issuer, begun, subject }: { issuer: TestIssuer; begun: URLSearchParams; subject: string },
  { claims = {}, header = {}, query = {} }: Answer = {},
): Promise<Page> {
  issuer.answerToken = async () => ({
    access_token: 'unused',
    token_type: 'Bearer',
    id_token: await issuer.sign(
      { sub: subject, aud: 'keyturn-console', nonce: begun.get('nonce') ?? '', ...claims },
      header,
    ),
  });
  const answer = new URLSearchParams({ code: 'code', state: begun.get('state') ?? '', ...query });
  return browser.get(`/sign-in/callback?${answer.toString()}`);
}

/** Signs somebody in. */
export async function signIn(
  api: TestApi,
  subject: string,
  browser = new Browser(api.url),
): Promise<Browser> {
  const { issuer } = api;
  const page = await comeBack(browser, { issuer, begun: await begin(browser, issuer), subject });
  if (page.status !== 303) throw new Error(`Nobody signed in: ${page.status} ${page.text}`);
  return browser;
}
