import type { PolicyComparison, ProposalState } from '../../../contract/proposals.ts';

/** The state of a proposal, in words. */
export const STATES: Readonly<Record<ProposalState, string>> = {
  active: 'in force',
  published: 'was in force',
  open: 'waits for a decision',
  denied: 'denied',
  expired: 'expired',
  withdrawn: 'withdrawn',
  failed: 'failed',
  proposed: 'not requested',
};

/** How it is marked. */
export const STATE_TONES: Readonly<Record<ProposalState, 'open' | 'good' | 'bad' | 'quiet'>> = {
  active: 'good',
  published: 'quiet',
  open: 'open',
  denied: 'bad',
  expired: 'quiet',
  withdrawn: 'quiet',
  failed: 'bad',
  proposed: 'quiet',
};

/** What a change does, in one word. */
export const KINDS: Readonly<Record<PolicyComparison['kind'], string>> = {
  loosening: 'may loosen',
  tightening: 'tightens',
  neutral: 'changes no outcome',
};

export const KIND_TONES: Readonly<Record<PolicyComparison['kind'], 'bad' | 'good' | 'quiet'>> = {
  loosening: 'bad',
  tightening: 'good',
  neutral: 'quiet',
};

/** What the whole of it comes to, for those who decide. */
export function verdictOf({
  kind,
  needs_two_people: needsTwo,
}: Pick<PolicyComparison, 'kind' | 'needs_two_people'>): string {
  const what = {
    loosening: 'It may let through what is held back, or show more to more people.',
    tightening: 'It can only make policy stricter.',
    neutral: 'It changes neither an outcome nor what anybody reads.',
  }[kind];
  return needsTwo
    ? `${what} Publishing it takes two different people, whatever policy says.`
    : `${what} Publishing it takes one person at least, who did not propose it.`;
}
