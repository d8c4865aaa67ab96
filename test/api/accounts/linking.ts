import type { AccountLinkView, AccountList, BegunAccountLink } from '../../../contract/accounts.ts';
import { readStream, readStreamState } from '../../../database/audit-streams.ts';
import { verifyStream } from '../../../domain/audit/verification/streams.ts';
import type { TestIssuer } from '../../stack/issuer.ts';
import type { TestApi } from '../api.ts';
import { postJson } from '../keys/keys.ts';
import { comeBack, type Answer, type Browser, type Page } from '../sign-in/browser.ts';

/** A link that a browser began, and what it was sent to the provider with. */
export interface Begun {
  readonly id: string;
  readonly begun: URLSearchParams;
}

/** Begins a link on the page, and goes where that says. */
export async function beginLink(browser: Browser, issuer: TestIssuer): Promise<Begun> {
  const { status, text } = await postJson(browser, '/v1/account-links', { issuer: issuer.url });
  if (status !== 201) throw new Error(`No link was begun: ${status} ${text}`);
  const { id } = JSON.parse(text) as BegunAccountLink;
  const page = await browser.get(`/sign-in?link=${id}`);
  if (page.status !== 303) throw new Error(`The second sign-in did not begin: ${page.status} ${page.text}`);
  return { id, begun: new URL(page.location).searchParams };
}

/** Signs in with the other account, just now. Answers where the browser is sent to. */
export async function signInAsWell(
  browser: Browser,
  { issuer, begun, subject }: { issuer: TestIssuer; begun: URLSearchParams; subject: string },
  { claims = {}, ...answer }: Answer = {},
): Promise<Page> {
  const auth_time = Math.floor(Date.now() / 1_000);
  return comeBack(browser, { issuer, begun, subject }, { ...answer, claims: { auth_time, ...claims } });
}

/** Tries the whole of it. Answers the last page. */
export async function tryLinking(browser: Browser, issuer: TestIssuer, subject: string): Promise<Page> {
  const { id, begun } = await beginLink(browser, issuer);
  const page = await signInAsWell(browser, { issuer, begun, subject });
  if (!page.location.endsWith(`/link/${id}`)) return page;
  return postJson(browser, `/v1/account-links/${id}/confirm`);
}

/** The same, where it has to succeed. */
export async function link(browser: Browser, issuer: TestIssuer, subject: string): Promise<AccountLinkView> {
  const { status, text, location } = await tryLinking(browser, issuer, subject);
  if (status !== 200) throw new Error(`Nothing was linked: ${status} ${text} ${location}`);
  return JSON.parse(text) as AccountLinkView;
}

/** Removes a link. */
export async function unlink(browser: Browser, { id }: AccountLinkView): Promise<Page> {
  return postJson(browser, `/v1/account-links/${id}/remove`);
}

/** What the browser's person sees of their accounts. */
export async function accountsOf(browser: Browser, person?: string): Promise<AccountList> {
  const { status, text } = await browser.get(
    `/v1/accounts${person === undefined ? '' : `?person=${person}`}`,
  );
  if (status !== 200) throw new Error(`No accounts: ${status} ${text}`);
  return JSON.parse(text) as AccountList;
}

/** What the log of the directory proves beside the database. */
export async function verifiedLinks({ context: { source } }: TestApi): Promise<string> {
  const leaves = await readStream(source.manager, 'directory', { from: 0, limit: 1_000 });
  const state = await readStreamState(source.manager, 'directory');
  const { checks } = verifyStream({ stream: 'directory', leaves, state }, new Date().toISOString());
  const problems = checks.flatMap(({ outcome, detail }) => (outcome === 'failed' ? [detail] : []));
  return problems.length === 0 ? 'ok' : JSON.stringify(problems);
}
