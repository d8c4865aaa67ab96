import { countProposals, lockProposals, storeProposal } from '../../../database/policy-proposals.ts';
import { canonicalJson } from '../../../domain/crypto/canonical-json.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import { operatorsDropped } from '../../../domain/policy-diff/diff.ts';
import type { CompiledPolicy } from '../../../policy-files/compile.ts';
import type { PolicySources } from '../../../policy-files/folder.ts';
import type { ProposalTerms } from '../../../policy-files/validation.ts';
import { POLICY_BYTES_MAX, type Proposal } from '../../../contract/policies.ts';
import { refreshCaller } from '../auth/authenticate.ts';
import { actingPersonOf, type Caller } from '../auth/caller.ts';
import type { TokenVerifier } from '../auth/token-verifier.ts';
import type { ApiContext } from '../context.ts';
import { recordOf } from '../entries.ts';
import { checkFor } from './checks.ts';
import { refuseTooMany } from './proposal-limits.ts';

/**
 * Stores a policy that a person proposes, with its files and its entry. That has no effect: it takes a request to publish
 * it, and the proposer belongs to that request's lineage and so cannot approve it.
 */
export async function proposePolicy(
  { tokens, ...context }: Pick<ApiContext, 'source' | 'keys' | 'snapshots'> & { readonly tokens: TokenVerifier },
  proposer: Caller,
  proposed: PolicySources,
): Promise<Proposal> {
  const { policy, digest, sources } = await compiledOf(proposed, {
    person: actingPersonOf(proposer).id,
    terms: {
      bytesMax: POLICY_BYTES_MAX,
      operators: proposer.policy.policy.operators ?? [],
      issuers: tokens.issuers().flatMap(({ human, issuer }) => (human === undefined ? [] : [issuer])),
    },
  });
  // Compiling may have waited: by now the caller may be deactivated, and another policy active.
  const caller = await refreshCaller(context, proposer);
  const dropped = operatorsDropped(caller.policy.policy, policy);
  if (dropped !== null) throw new KeyturnError('policy_invalid', dropped);
  const { id: person } = actingPersonOf(caller);
  const { source, keys } = context;
  const { identity, channel } = caller.principal;
  const [body, files] = [canonicalJson(policy), canonicalJson(sources)];
  const bytes = Buffer.byteLength(body) + Buffer.byteLength(files);
  const active = caller.policy.digest;
  const is_new = await source.transaction(async (manager) => {
    const last = await lockProposals(manager);
    refuseTooMany(await countProposals(manager, { person, digest }), bytes);
    const at = new Date().toISOString();
    const by = { person, identity, channel, policyDigest: active };
    const recording = { identityKey: keys.identity, stream: 'proposals', by, at, last };
    const { entries, subjects } = recordOf(recording, [
      { type: 'policy.proposed', facts: { digest }, parts: {} },
    ]);
    const [entry] = entries;
    if (!entry) throw new KeyturnError('internal', 'A proposal without an entry.');
    const { issuer, subject } = identity;
    const proposal = { digest, body, sources: files, person, issuer, subject, at };
    return storeProposal(manager, proposal, { entry, subjects });
  });
  return { digest, active, is_new };
}

/** What the files compile to. Refuses (`policy_invalid`) with every mistake and its position. */
async function compiledOf(
  proposed: PolicySources,
  { person, terms }: { readonly person: string; readonly terms: ProposalTerms },
): Promise<Pick<CompiledPolicy, 'policy' | 'digest' | 'sources'>> {
  const work = { sources: canonicalJson(proposed), proposal: terms };
  const { problems, compiled } = await checkFor(person, work);
  if (compiled === null || problems.length > 0) throw new KeyturnError('policy_invalid', problems.join('\n'));
  return compiled;
}
