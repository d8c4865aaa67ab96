import { countProposals, lockProposals, storeProposal } from '../../../database/policy-candidates.ts';
import { canonicalJson, type JsonValue } from '../../../domain/crypto/canonical-json.ts';
import { sha256 } from '../../../domain/crypto/digest.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import { operatorLockout, operatorsDropped } from '../../../policy-authoring/lockout.ts';
import type { PolicySet } from '../../../domain/policy/policy.ts';
import { policySetSchema } from '../../../domain/policy/schema.ts';
import { POLICY_BYTES_MAX, type Proposal } from '../../../contract/policies.ts';
import { reviewerOf, type Caller } from '../auth/caller.ts';
import type { Issuer } from '../auth/issuers.ts';
import type { TokenVerifier } from '../auth/token-verifier.ts';
import type { ApiContext } from '../context.ts';
import { recordOf } from '../entries.ts';
import { refuseTooMany } from './proposal-limits.ts';

/**
 * Keeps a policy that a person proposes, with its entry. Nothing follows from that: it takes a request to publish it,
 * which its proposer is part of and so cannot approve.
 */
export async function proposePolicy(
  { source, keys, tokens }: Pick<ApiContext, 'source' | 'keys'> & { readonly tokens: TokenVerifier },
  caller: Caller,
  policy: JsonValue,
): Promise<Proposal> {
  const { id: person } = reviewerOf(caller);
  const { identity, channel } = caller.principal;
  const body = canonicalJson(policy);
  if (Buffer.byteLength(body) > POLICY_BYTES_MAX)
    throw new KeyturnError('body_too_large', `The policy is larger than ${POLICY_BYTES_MAX} bytes.`);
  refuseLockout(policy, caller.policy.policy, tokens.issuers());
  const digest = sha256(body);
  const active = caller.policy.digest;
  const is_new = await source.transaction(async (manager) => {
    const last = await lockProposals(manager);
    refuseTooMany(await countProposals(manager, { person, digest }), Buffer.byteLength(body));
    const at = new Date().toISOString();
    const by = { person, identity, channel, policyDigest: active };
    const recording = { identityKey: keys.identity, stream: 'proposals', by, at, last };
    const { entries, subjects } = recordOf(recording, [
      { type: 'policy.proposed', facts: { digest }, parts: {} },
    ]);
    const [entry] = entries;
    if (!entry) throw new KeyturnError('internal', 'A proposal without an entry.');
    const { issuer, subject } = identity;
    return storeProposal(manager, { digest, body, person, issuer, subject, at }, { entry, subjects });
  });
  return { digest, active, is_new };
}

/** Whether the rest of it is a policy, the plan of its publication says. */
function refuseLockout(policy: JsonValue, active: PolicySet, issuers: readonly Issuer[]): void {
  const parsed = policySetSchema.safeParse(policy);
  if (!parsed.success) return;
  const open = issuers.filter(({ human }) => human !== undefined).map(({ issuer }) => issuer);
  const candidate = policy as unknown as PolicySet;
  const lockout = operatorsDropped(active, candidate) ?? operatorLockout(candidate, open);
  if (lockout !== null) throw new KeyturnError('policy_invalid', lockout);
}
