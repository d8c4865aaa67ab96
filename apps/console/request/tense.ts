import type { RequestView } from './view.ts';

/** Whether what is shown is ahead, was done, or never happened. */
type Tense = 'ahead' | 'done' | 'unknown' | 'never';

const TENSES: Readonly<Record<RequestView['status'], Tense>> = {
  planning: 'ahead',
  pending: 'ahead',
  approved: 'ahead',
  executing: 'ahead',
  active: 'done',
  succeeded: 'done',
  revoked: 'done',
  indeterminate: 'unknown',
  failed: 'never',
  denied: 'never',
  expired: 'never',
  cancelled: 'never',
};

interface Headings {
  readonly effects: string;
  readonly statement: string;
  readonly warnings: string;
  readonly requirement: string;
}

const HEADINGS: Readonly<Record<Tense, Headings>> = {
  ahead: {
    effects: 'What will happen',
    statement: 'The statement that will run',
    warnings: 'Know before you decide',
    requirement: 'Who must approve',
  },
  done: {
    effects: 'What was done',
    statement: 'The statement that ran',
    warnings: 'What reviewers were told',
    requirement: 'Who had to approve',
  },
  unknown: {
    effects: 'What was approved',
    statement: 'The statement that was approved',
    warnings: 'What reviewers were told',
    requirement: 'Who had to approve',
  },
  never: {
    effects: 'What would have happened',
    statement: 'The statement that was requested',
    warnings: 'What reviewers were told',
    requirement: 'Who had to approve',
  },
};

/** The headings of a request, by how it stands. A status that is not known is taken as not over. */
export function headingsOf({ status }: Pick<RequestView, 'status'>): Headings {
  return HEADINGS[TENSES[status] ?? 'ahead'];
}
