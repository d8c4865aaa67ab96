import { afterAll, beforeAll, expect, it } from 'vitest';

import type { RequestView } from '../../../contract/requests.ts';
import { policyDigest, type PolicySet } from '../../../domain/policy/policy.ts';
import type { Requirement } from '../../../domain/request/requirement.ts';
import { activate, startApi, type TestApi } from '../api.ts';
import { signInFreshly } from '../keys/keys.ts';
import { outcomeOf } from '../passkeys/passkeys.ts';
import { ONE_DBA, storeDecision, storeRequest, type Stored, type StoredRequest } from '../rows.ts';
import { provider, writeScim, type Provider } from '../scim/provisioning.ts';
import { begin, Browser, comeBack } from '../sign-in/browser.ts';
import { accountsOf, link, tryLinking, unlink, verifiedLinks } from './linking.ts';

let api: TestApi;
let okta: Provider;
beforeAll(async () => {
  api = await startApi({}, (issuer) => writeScim('linked', issuer));
  okta = provider(api);
});
afterAll(async () => {
  await api.stop();
});

const TWO: Requirement = {
  ...ONE_DBA,
  distinct_people: 2,
  rules: ONE_DBA.rules.map((rule) => ({
    ...rule,
    stages: [{ any: ['group:dba' as const, 'group:crowd' as const], quorum: 2, escalate: [] }],
  })),
};

/** A request that reviewers of the crowd decide as well, made just now. */
async function stored(wanted: StoredRequest = {}): Promise<Stored> {
  return storeRequest(api, { requirement: TWO, selectors: ['group:dba', 'group:crowd'], ...wanted });
}

async function decide(
  subject: string,
  { id, decisionDigest }: Stored,
  issuer = api.issuer,
): Promise<unknown> {
  const token = await issuer.humanToken(subject);
  const body = { verdict: 'approve', decision_digest: decisionDigest };
  const reply = await api.http({ path: `/v1/requests/${id}/decisions`, token, body });
  return reply.status < 300 ? reply.status : reply.body['code'];
}

const account = (subject: string, issuer = api.issuer) => ({ issuer: issuer.url, subject });

it('two accounts of one person are one vote', async () => {
  const reviewer = await signInFreshly(api, 'reviewer-03');
  await link(reviewer, api.secondIssuer, 'three');
  const request = await stored();
  await storeDecision(api, request.id, { person: 'reviewer-03', verdict: 'approve' });
  expect(await decide('three', request, api.secondIssuer)).toBe('already_decided');
  // The same account is no way in to what was asked for before it was linked.
  const before = await stored({ createdAt: new Date(Date.now() - 60_000) });
  expect(await decide('three', before, api.secondIssuer)).toBe('reviewer_unknown');
});

it('a request of an account that is linked later is the person’s own, also once the link is removed', async () => {
  const lineage = [
    { role: 'requester' as const, ...account('agent-billing') },
    { role: 'on_behalf_of' as const, ...account('four', api.secondIssuer) },
    { role: 'owner' as const, ...account('ada') },
  ];
  const before = await stored({ lineage });
  const reviewer = await signInFreshly(api, 'reviewer-04');
  const made = await link(reviewer, api.secondIssuer, 'four');
  expect(await decide('reviewer-04', before)).toBe('self_approval');
  const meanwhile = await stored({ lineage });
  expect(outcomeOf(await unlink(reviewer, made))).toEqual([200]);
  const after = await stored({ lineage });
  for (const request of [before, meanwhile, after]) {
    expect(await decide('reviewer-04', request)).toBe('self_approval');
    const shown = JSON.parse((await reviewer.get(`/v1/requests/${request.id}`)).text) as RequestView;
    // As those behind a request see it: without the plan that others decide upon.
    expect(JSON.stringify(shown)).not.toContain('row-of-the-target');
  }
});

it('an account that was linked once is nobody else’s: not by another link, nor by a provider or the policy', async () => {
  const [five, six] = [await signInFreshly(api, 'reviewer-05'), await signInFreshly(api, 'reviewer-06')];
  const made = await link(five, api.issuer, 'wanders');
  const refused = async (): Promise<readonly unknown[]> => {
    const { location } = await tryLinking(six, api.issuer, 'wanders');
    const body = {
      schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
      userName: 'w',
      externalId: 'wanders',
    };
    const policy: PolicySet = {
      ...api.policy,
      directory: {
        ...api.policy.directory,
        people: api.policy.directory.people.map((person) =>
          person.id === 'reviewer-07'
            ? { ...person, accounts: [...person.accounts, account('wanders')] }
            : person,
        ),
      },
    };
    const installed = await activate(api.databases, policy, policyDigest(policy)).catch(String);
    return [new URL(location).searchParams.get('fault'), installed, body];
  };
  for (const isLinked of [true, false]) {
    if (!isLinked) expect(outcomeOf(await unlink(five, made))).toEqual([200]);
    const [fault, installed, body] = await refused();
    expect(fault).toBe('taken');
    expect(installed).toMatch(/account (belongs to|was linked to)/);
    if (isLinked) continue;
    // While it is linked a provider that brings the account brings this very person.
    const created = await okta.call('Users', { method: 'POST', body });
    expect([created.status, created.body.scimType]).toEqual([409, 'uniqueness']);
  }
  await link(five, api.issuer, 'wanders');
  expect((await accountsOf(five)).links.map(({ unlinked_at: at }) => at === null)).toEqual([true, false]);
  expect(await verifiedLinks(api)).toBe('ok');
});

it('the accounts of somebody who is deactivated sign in no more, linked ones too', async () => {
  const user = await okta.addUser('leaver');
  const leaver = await signInFreshly(api, 'leaver');
  await link(leaver, api.secondIssuer, 'leaver-private');
  const linked = new Browser(api.url);
  const issuer = api.secondIssuer;
  const signIn = async (browser: Browser) =>
    comeBack(browser, { issuer, begun: await begin(browser, issuer), subject: 'leaver-private' });
  expect((await signIn(linked)).status).toBe(303);
  await okta.patch(`Users/${user}`, [{ op: 'replace', path: 'active', value: false }]);
  expect((await linked.session()).status).toBe(401);
  const refused = await signIn(new Browser(api.url));
  expect([refused.status, /deactivated/.test(refused.text)]).toEqual([403, true]);
  // And nobody takes the account over meanwhile.
  const { location } = await tryLinking(await signInFreshly(api, 'reviewer-08'), issuer, 'leaver-private');
  expect(new URL(location).searchParams.get('fault')).toBe('taken');
});

it('operators see and remove the links of others; other people do neither', async () => {
  const reviewer = await signInFreshly(api, 'reviewer-09');
  const made = await link(reviewer, api.secondIssuer, 'nine');
  const [omar, dmitri] = [await signInFreshly(api, 'omar'), await signInFreshly(api, 'dmitri')];
  expect((await dmitri.get('/v1/accounts?person=reviewer-09')).status).toBe(403);
  expect(outcomeOf(await unlink(dmitri, made))).toEqual([404, 'not_found']);
  expect((await accountsOf(omar, 'reviewer-09')).links).toMatchObject([{ id: made.id, unlinked_at: null }]);
  expect(outcomeOf(await unlink(omar, made))).toEqual([200]);
  expect((await accountsOf(reviewer)).links).toMatchObject([{ unlinked_by: 'omar' }]);
  expect(await verifiedLinks(api)).toBe('ok');
});
