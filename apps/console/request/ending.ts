import { resultText } from './result.ts';
import type { RequestView } from './view.ts';

/** How a request ended, for people. */
export interface Ending {
  readonly tone: 'good' | 'bad';
  readonly title: string;
  readonly text: string;
}

type Ended = Pick<RequestView, 'status' | 'failure' | 'denied_by' | 'matched_rules' | 'result'>;

/** What came of it, or why nothing did; null where the status says all. */
export function endingOf(request: Ended): Ending | null {
  const result = resultText(request.result);
  if (result !== null) return { tone: 'good', title: 'Result', text: result };
  if (request.status === 'indeterminate') return UNKNOWN;
  return causeOf(request) ?? denialOf(request);
}

const UNKNOWN: Ending = {
  tone: 'bad',
  title: 'It is not known whether it took effect',
  text: 'It was started, and no outcome came back. It is never run again. Look at the target, and report below what happened.',
};

function causeOf({ failure }: Ended): Ending | null {
  if (failure === null) return null;
  const text = CAUSES[failure.code] ?? failure.detail ?? null;
  const title = failure.code === 'target_error' ? 'The target refused it' : 'Why it ended';
  if (text !== null) return { tone: 'bad', title, text };
  return failure.code === 'target_error'
    ? { tone: 'bad', title, text: 'Why is not shown to you. Reviewers and operators see the cause.' }
    : null;
}

/** What ends a request without any rule of policy. */
const CAUSES: Readonly<Record<string, string>> = {
  switched_off: 'A kill switch stopped it. No rule of policy did.',
  target_removed: 'Its target was removed from the catalogue.',
  requester_inactive: 'Its requester, or somebody behind it, is no longer active.',
};

function denialOf({ status, denied_by: deniedBy, matched_rules: rules }: Ended): Ending | null {
  if (status !== 'denied' || deniedBy !== 'policy') return null;
  return { tone: 'bad', title: 'Denied by policy', text: ruleText(rules) };
}

function ruleText(rules: Ended['matched_rules']): string {
  if (rules === null)
    return 'The rule is not shown to you: it may follow from data of the target. Reviewers and operators see it.';
  return rules.length === 0
    ? 'No rule allows this action or sends it to review.'
    : 'The rules that forbid it are named on this page.';
}
