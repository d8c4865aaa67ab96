import { loadPolicyFolder } from '../../policy-files/compile.ts';
import type { PolicySet } from '../../domain/policy/policy.ts';
import { activate, startApi, type TestApi } from '../api/api.ts';
import { writeScim } from '../api/scim/provisioning.ts';
import { gatePolicyFolder } from './policies.ts';

/** An API under the policy of gate actions, whose issuer's accounts may be provisioned. */
export async function startGateApi(): Promise<{ readonly api: TestApi; readonly policy: PolicySet }> {
  const api = await startApi({}, (issuer) => writeScim('gate', issuer));
  const loaded = await loadPolicyFolder(gatePolicyFolder(), {
    KEYTURN_IDP_ISSUER: api.issuer.url,
    KEYTURN_SECOND_ISSUER: api.secondIssuer.url,
  });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  await activate(api.databases, loaded.policy, loaded.digest);
  return { api, policy: loaded.policy };
}
