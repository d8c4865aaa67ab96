import type { OpenedLink, PasskeyView, Registration } from '../../../contract/passkeys.ts';
import { siteOf } from '../../../domain/proof/passkey.ts';
import { Authenticator, type Ceremony } from '../../domain/proof/authenticator.ts';
import { postJson } from '../keys/keys.ts';
import { ORIGIN, type Browser, type Page } from '../sign-in/browser.ts';

/** Where the API of the tests believes to be. */
export const SITE = siteOf(ORIGIN);

/** How a registration goes, but for what is said here. */
export interface Registering {
  readonly link?: string;
  readonly passkey?: Authenticator;
  /** A passkey that the person has, which confirms the new one. */
  readonly confirmation?: Authenticator;
  readonly wrong?: Partial<Ceremony>;
  readonly wrongConfirmation?: Partial<Ceremony>;
}

/** Registers a passkey as a page of the console does. */
export async function tryRegistering(browser: Browser, registering: Registering = {}): Promise<Page> {
  const { link, confirmation, wrong = {}, wrongConfirmation = {} } = registering;
  const passkey = registering.passkey ?? new Authenticator();
  const named = link === undefined ? {} : { link };
  const begun = await postJson(browser, '/v1/passkeys/registrations', named);
  if (begun.status !== 201) return begun;
  const { challenge } = JSON.parse(begun.text) as Registration;
  const ceremony = { ...siteOf(browser.origin), challenge };
  return postJson(browser, '/v1/passkeys', {
    ...named,
    challenge,
    ...passkey.register({ ...ceremony, ...wrong }),
    transports: ['internal'],
    ...(confirmation && { confirmation: confirmation.assert({ ...ceremony, ...wrongConfirmation }) }),
  });
}

/** The same, where it has to succeed. */
export async function register(browser: Browser, registering: Registering = {}): Promise<PasskeyView> {
  const { status, text } = await tryRegistering(browser, registering);
  if (status !== 201) throw new Error(`No passkey was registered: ${status} ${text}`);
  return JSON.parse(text) as PasskeyView;
}

/** What a refusal is answered with; the status alone for anything else. */
export function outcomeOf({ status, text }: Page): readonly [number, string?] {
  const { code } = JSON.parse(text) as { readonly code?: string };
  return code === undefined ? [status] : [status, code];
}

/** The link of an answer, and its secret. */
export function linkOf({ text }: Page): OpenedLink & { readonly secret: string } {
  const link = JSON.parse(text) as OpenedLink;
  const secret = link.address === null ? '' : new URL(link.address).searchParams.get('passkey_link');
  return { ...link, secret: secret ?? '' };
}
