import type { ListedProposal } from '../../../database/proposal-list.ts';
import { personById, type Directory } from '../../../domain/identity/directory.ts';
import { isFinal, type RequestStatus } from '../../../domain/request/status.ts';
import type { ProposalState, ProposedPolicies } from '../../../contract/proposals.ts';

const ENDED: Partial<Record<RequestStatus, ProposalState>> = {
  denied: 'denied',
  expired: 'expired',
  cancelled: 'withdrawn',
};

/** The state of a proposal. A publication on its way tells more than one that ended. */
export function stateOf(
  { digest, is_installed: wasActive, publications }: ListedProposal,
  active: string,
): ProposalState {
  if (digest === active) return 'active';
  if (publications.some(({ status }) => !isFinal(status))) return 'open';
  if (wasActive) return 'published';
  const [newest] = publications;
  return newest ? (ENDED[newest.status] ?? 'failed') : 'proposed';
}

type Item = ProposedPolicies['items'][number];

/** Who proposed it first. */
export function proposedBy(directory: Directory, person: string): Item['proposed_by'] {
  return { id: person, name: personById(directory, person)?.name ?? person };
}

export function publicationsView({ publications }: ListedProposal): Item['publications'] {
  return publications.map(({ request, status, created_at: at }) => ({
    request,
    status,
    created_at: new Date(at).toISOString(),
  }));
}
