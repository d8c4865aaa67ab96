import { Controller, Get, Param } from '@nestjs/common';

import { readActivatedSources, readProposedSources } from '../../../database/policy-proposals.ts';
import { listProposals, readListed, type ListedProposal } from '../../../database/proposal-list.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import { digestSchema } from '../../../contract/policies.ts';
import type { PolicyComparison, ProposedPolicies } from '../../../contract/proposals.ts';
import { CallerParam, actingPersonOf, type Caller } from '../auth/caller.ts';
import { ApiContext } from '../context.ts';
import { Door } from '../http/door.ts';
import { checkFor } from './checks.ts';
import { comparedPolicies } from './comparison.ts';
import { proposedBy, publicationsView, stateOf } from './proposal-state.ts';
import { storedPolicy } from './stored-policy.ts';

const LISTED_MAX = 100;

/** What people proposed, and what it would change. */
@Door('people')
@Controller('v1/policies')
export class ProposalsController {
  readonly #context: ApiContext;

  constructor(context: ApiContext) {
    this.#context = context;
  }

  @Get()
  async list(@CallerParam() caller: Caller): Promise<ProposedPolicies> {
    actingPersonOf(caller);
    const found = await listProposals(this.#context.source.manager, LISTED_MAX + 1);
    const items = found.slice(0, LISTED_MAX).flatMap((proposal) => {
      const { digest, proposed_at: at, person } = proposal;
      if (at === null || person === null) return [];
      return [
        {
          digest,
          state: stateOf(proposal, caller.policy.digest),
          proposed_at: at.toISOString(),
          proposed_by: proposedBy(caller.directory, person),
          publications: publicationsView(proposal),
        },
      ];
    });
    return { items, is_cut: found.length > LISTED_MAX };
  }

  @Get(':digest/comparison')
  async compare(@CallerParam() caller: Caller, @Param('digest') digest: string): Promise<PolicyComparison> {
    const { id: person } = actingPersonOf(caller);
    const { manager } = this.#context.source;
    const isDigest = digestSchema.safeParse(digest).success;
    const listed = isDigest ? await readListed(manager, digest) : null;
    if (listed === null) throw new KeyturnError('not_found', 'There is no such policy.');
    const state = stateOf(listed, caller.policy.digest);
    const base = baseOf(listed, state, caller);
    const [before, after] = [await storedPolicy(manager, base), await storedPolicy(manager, digest)];
    return {
      digest,
      state,
      proposed_at: listed.proposed_at?.toISOString() ?? null,
      proposed_by: listed.person === null ? null : proposedBy(caller.directory, listed.person),
      publications: publicationsView(listed),
      base,
      is_base_active: base === caller.policy.digest,
      ...comparedPolicies(before, after),
      ...(await this.#lines(person, { base, digest })),
    };
  }

  /** The files are compiled by this version: what they do not give is not shown as theirs. */
  async #lines(
    person: string,
    { base, digest }: { readonly base: string; readonly digest: string },
  ): Promise<Pick<PolicyComparison, 'files' | 'warnings' | 'problems'>> {
    const { manager } = this.#context.source;
    const sources = (await readProposedSources(manager, digest)) ?? (await readActivatedSources(manager, digest));
    if (sources === null || base === digest) return { files: [], warnings: [], problems: [] };
    const work = { sources, base: { digest: base, sources: await readActivatedSources(manager, base) } };
    const { compiled, problems, warnings, files } = await checkFor(person, work);
    if (compiled !== null && compiled.digest !== digest)
      return { files: [], warnings: [], problems: ['The stored files give another policy: propose it again.'] };
    return { files: [...files], warnings: [...warnings], problems: [...problems] };
  }
}

/** What was published is held against what it replaced, everything else against what is in force. */
function baseOf({ replaced }: ListedProposal, state: PolicyComparison['state'], { policy }: Caller): string {
  return (state === 'active' || state === 'published') && replaced !== null ? replaced : policy.digest;
}
