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
