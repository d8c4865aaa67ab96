import { afterAll, beforeAll, expect, it } from 'vitest';

import type { PolicyInWords } from '../../contract/active-policy.ts';
import { policyDigest } from '../../domain/policy/policy.ts';
import type { Reply } from '../stack/http.ts';
import { activate, startApi, type TestApi } from './api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(async () => {
  await api.stop();
});

async function show(subject: string): Promise<Reply<PolicyInWords>> {
  return api.http({ path: '/v1/policy', token: await api.issuer.humanToken(subject) });
}

it('people read the active policy in words, with how it became active', async () => {
  const { status, body } = await show('dmitri');
  expect(status).toBe(200);
  expect(body.digest).toBe(api.policyDigest);
  expect(body.rules.map(({ id }) => id)).toEqual(api.policy.rules.map(({ id }) => id));
  expect(body.publishing.stages.length).toBeGreaterThan(0);
  expect(body.activation).toMatchObject({
    how: 'installed',
    request: null,
    replaces: null,
    proposed_by: null,
  });
});

it('from which machine it was installed is for operators and auditors, and others learn that there is one', async () => {
  expect((await show('dmitri')).body.activation).toMatchObject({
    installed_by: null,
    is_installer_withheld: true,
  });
  expect((await show('omar')).body.activation).toMatchObject({
    installed_by: 'test',
    is_installer_withheld: false,
  });
});

it('no machine reads it', async () => {
  const token = await api.issuer.agentToken('agent-billing');
  const { status, body } = await api.http({ path: '/v1/policy', token });
  expect([status, body]).toMatchObject([403, { code: 'machine_cannot_decide' }]);
});

it('what all reviewers must meet stands once, and a policy that was active before says no old installer', async () => {
  const reviewers = { when: "reviewer.groups.exists(group, group == 'dba')", because: 'trained people' };
  const rules = api.policy.rules.map((rule) =>
    rule.require === null ? rule : { ...rule, require: { ...rule.require, reviewer_when: reviewers.when } },
  );
  const require = { ...api.policy.defaults.require, reviewer_when: reviewers.when };
  const policy = { ...api.policy, reviewers, rules, defaults: { ...api.policy.defaults, require } };
  await activate(api.databases, policy, policyDigest(policy));
  const second = (await show('omar')).body;
  expect(second.reviewers).toEqual(reviewers);
  expect(JSON.stringify([second.rules, second.defaults])).not.toContain(reviewers.when);
  expect(second.activation).toMatchObject({ how: 'recovered', replaces: api.policyDigest });
  await activate(api.databases, api.policy, api.policyDigest);
  expect((await show('omar')).body).toMatchObject({
    generation: 3,
    digest: api.policyDigest,
    activation: { how: 'recovered', installed_by: null, is_installer_withheld: false },
  });
});
