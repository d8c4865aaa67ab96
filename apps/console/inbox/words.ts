import type { RequestSummary } from '../../../contract/requests.ts';

/** Who asked, and for whom: `Billing agent`, `Assistant for Ada Lindqvist`. */
export function requesterOf({
  lineage,
  requested_by: by,
}: Pick<RequestSummary, 'lineage' | 'requested_by'>): string {
  const named = (role: string): string | undefined => {
    const member = lineage.find((one) => one.role === role);
    return member && (member.name ?? member.subject);
  };
  const requester = named('requester') ?? by.subject;
  const person = named('on_behalf_of');
  return person === undefined ? requester : `${requester} for ${person}`;
}

/** How many approvals there are, and how many it takes, of all stages together. */
export function seatsOf({
  progress,
}: Pick<RequestSummary, 'progress'>): { filled: number; quorum: number } | null {
  const stages = progress?.rules.flatMap((rule) => rule.stages) ?? [];
  if (stages.length === 0) return null;
  return {
    filled: stages.reduce((sum, { filled }) => sum + filled, 0),
    quorum: stages.reduce((sum, { quorum }) => sum + quorum, 0),
  };
}
