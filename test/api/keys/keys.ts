import { randomBytes } from 'node:crypto';

import type { CreatedKey } from '../../../contract/api-keys.ts';
import type { PolicySet } from '../../../domain/policy/policy.ts';
import { sha256 } from '../../../domain/crypto/digest.ts';
import { base32 } from '../../../domain/identity/ids.ts';
import { activate, activePolicy } from '../../workflows/policies.ts';
import { startApi, type TestApi } from '../api.ts';
import { begin, Browser, comeBack, type Page } from '../sign-in/browser.ts';

const agent = (id: string, more: Partial<PolicySet['directory']['agents'][number]> = {}) => ({
  id,
  name: id,
  issuer: 'keyturn',
  subject: id,
  owner: 'ada',
  active: true,
  acts_for_people: false,
  ...more,
});

/** An API whose policy has agents with keys: of ada, of ada but deactivated, and of dmitri. */
export async function startApiWithKeys(environment: Readonly<Record<string, string>> = {}): Promise<TestApi> {
  const api = await startApi(environment);
  await activate(api.db, withKeyAgents(await activePolicy(api.db)));
  return api;
}

/** The policy with these agents, and an auditor. */
export function withKeyAgents(policy: PolicySet): PolicySet {
  const { directory } = policy;
  const agents = [
    ...directory.agents,
    agent('nightly'),
    agent('resting', { active: false }),
    agent('elsewhere', { owner: 'dmitri' }),
  ];
  const auditors = ['user:reviewer-01' as const];
  return { ...policy, auditors, directory: { ...directory, agents } };
}

/** Signs somebody in whom the provider was told to ask, and says that it did. */
export async function signInFreshly(
  api: TestApi,
  subject: string,
  claims: Readonly<Record<string, unknown>> = {},
): Promise<Browser> {
  const browser = new Browser(api.url);
  const begun = await begin(browser, api.issuer, { prompt: 'login' });
  const auth_time = Math.floor(Date.now() / 1_000);
  const answer = { claims: { auth_time, ...claims } };
  const page = await comeBack(browser, { issuer: api.issuer, begun, subject }, answer);
  if (page.status !== 303) throw new Error(`Nobody signed in: ${page.status} ${page.text}`);
  return browser;
}

/** Posts JSON from a page of the API. */
export async function postJson(browser: Browser, path: string, body?: unknown): Promise<Page> {
  const { csrf } = await browser.session();
  return browser.post(path, JSON.stringify(body ?? {}), { 'x-csrf-token': csrf });
}

export const inDays = (days: number): string => new Date(Date.now() + days * 86_400_000).toISOString();

/** What a key is asked for with. */
export const TERMS = { agent: 'nightly', title: 'nightly job', expires_at: inDays(30) };

/** Makes a key as the owner of the agent. */
export async function makeKey(browser: Browser, terms: object = {}, of = 'nightly'): Promise<CreatedKey> {
  const { status, text } = await postJson(browser, '/v1/api-keys', { ...TERMS, agent: of, ...terms });
  if (status !== 201) throw new Error(`No key was made: ${status} ${text}`);
  return JSON.parse(text) as CreatedKey;
}

/** Puts a key into the database, for what is not about how it is made. */
export async function insertKey(api: TestApi, of = 'nightly', by = 'ada'): Promise<string> {
  const id = `key_${base32(randomBytes(16))}`;
  const key = `kt_${id.slice(4, 12)}_${randomBytes(32).toString('base64url')}`;
  await api.db.query(
    `insert into keyturn.api_key (id, digest, prefix, agent, title, created_by, created_at, expires_at)
     values ($1, $2, $3, $4, 'x', $5, clock_timestamp(), now() + interval '1 day')`,
    [id, sha256(key).replace('sha256:', ''), key.slice(0, 11), of, by],
  );
  return key;
}
