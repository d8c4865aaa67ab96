import type { RequestSummary } from '../../../contract/requests.ts';

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
