import { createHash, randomUUID } from 'node:crypto';

import type { JWTPayload } from 'jose';

interface Code {
  readonly subject: string;
  readonly query: URLSearchParams;
}

/** How people sign in at an issuer with a browser: a page that asks for a name and no password, and codes with PKCE. */
export class BrowserSignIns {
  readonly #codes = new Map<string, Code>();

  /** The page, or, once somebody has given a name, where the browser is sent back to. */
  answer(
    query: URLSearchParams,
    form: URLSearchParams | null,
  ): { readonly html: string } | { readonly location: string } {
    if (query.get('prompt') === 'none') return { location: backTo(query, { error: 'login_required' }) };
    if (!form) return { html: page(query.get('login_hint') ?? '') };
    const code = randomUUID();
    this.#codes.set(code, { subject: form.get('name') ?? '', query });
    return { location: backTo(query, { code }) };
  }

  /** The claims of the ID token for a code, which is good once; null for any other. */
  redeem(form: URLSearchParams): JWTPayload | null {
    const code = form.get('code') ?? '';
    const found = this.#codes.get(code);
    this.#codes.delete(code);
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url');
    if (!found || found.query.get('code_challenge') !== challenge) return null;
    const { subject, query } = found;
    const claims = { sub: subject, aud: query.get('client_id') ?? '', nonce: query.get('nonce') ?? '' };
    // Everybody is asked each time; when that was must be said where an age is asked for (OpenID Connect Core 3.1.2.1).
    return query.has('max_age') ? { ...claims, auth_time: Math.floor(Date.now() / 1_000) } : claims;
  }
}

function backTo(query: URLSearchParams, answer: Readonly<Record<string, string>>): string {
  const back = new URL(query.get('redirect_uri') ?? '');
  back.search = new URLSearchParams({ ...answer, state: query.get('state') ?? '' }).toString();
  return back.href;
}

function page(expected: string): string {
  const name = expected.replaceAll(/[^\w.-]/g, '');
  return `<!doctype html><html lang="en"><title>Identity provider</title><form method="post">
<label>Name <input name="name" value="${name}"></label><button>Sign in</button></form></html>`;
}
