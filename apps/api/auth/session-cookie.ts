import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

import { KeyturnError } from '../../../domain/errors.ts';

/** The cookies of an API at this address. */
export interface Cookies {
  /** Holds the secret of a session. */
  readonly session: string;
  /** Binds a sign-in that is under way to the browser that began it. */
  readonly signIn: string;
  readonly isSecure: boolean;
}

/**
 * The cookies by the public URL. Over https their prefix keeps neighbouring domains from setting them. All ports of a
 * machine share cookies, so over http on loopback they are named after the port, which keeps two of them apart, and no more.
 */
export function cookiesAt(publicUrl: string): Cookies {
  const { protocol, port } = new URL(publicUrl);
  const isSecure = protocol === 'https:';
  const [prefix, suffix] = isSecure ? ['__Host-', ''] : ['', `-${port || '80'}`];
  return { session: `${prefix}keyturn${suffix}`, signIn: `${prefix}keyturn-sign-in${suffix}`, isSecure };
}

/**
 * The values of a cookie: more than one where somebody else set it for another path. Only spaces and tabs are none of a
 * name: a neighbouring domain can set one that starts with another kind of space, which to a browser has no prefix.
 */
export function cookieValues({ headers }: IncomingMessage, name: string): readonly string[] {
  return (headers.cookie ?? '')
    .split(';')
    .map((pair) => pair.replaceAll(/^[ \t]+|[ \t]+$/g, ''))
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1));
}

/** A `Set-Cookie` that no script reads and no other site sends along with what it posts. Empty: takes the cookie away. */
export function setCookie(
  { isSecure }: Cookies,
  { name, value, seconds }: { readonly name: string; readonly value: string; readonly seconds?: number },
): string {
  const age = value === '' ? '; Max-Age=0' : seconds === undefined ? '' : `; Max-Age=${seconds}`;
  return `${name}=${value}; Path=/; HttpOnly; SameSite=Lax${isSecure ? '; Secure' : ''}${age}`;
}

/** A new secret of 256 bits. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url');
}

/** True for the form of one. */
export function isSecret(text: string): boolean {
  return /^[\w-]{43}$/.test(text);
}

/** What the database knows of a secret. */
export function digestOfSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

/** The synchronizer token of a session: follows from its secret, which only the server and the cookie know. */
export function csrfTokenOf(secret: string): string {
  return createHmac('sha256', secret).update('keyturn csrf token').digest('base64url');
}

/**
 * Refuses (`csrf_refused`) what does not come from a page of this API. Other ports of this machine are the same site to a
 * browser, so that the cookie came along proves nothing.
 */
export function refuseForgery(
  { headers }: IncomingMessage,
  {
    publicUrl,
    secret,
    token,
  }: { readonly publicUrl: string; readonly secret: string; readonly token: unknown },
): void {
  if (headers.origin !== new URL(publicUrl).origin)
    throw new KeyturnError(
      'csrf_refused',
      `With the cookie of a session this is accepted from pages of ${publicUrl} only (header Origin).`,
    );
  const [wanted, given] = [
    Buffer.from(csrfTokenOf(secret)),
    Buffer.from(typeof token === 'string' ? token : ''),
  ];
  if (wanted.length !== given.length || !timingSafeEqual(wanted, given))
    throw new KeyturnError(
      'csrf_refused',
      'The CSRF token is missing or belongs to another session: send `csrf_token` of GET /v1/session as X-CSRF-Token.',
    );
}
