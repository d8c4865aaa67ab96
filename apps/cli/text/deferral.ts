import type { RequestView } from '../../../contract/requests.ts';
import { duration } from './times.ts';
import { visible } from './visible.ts';

/** Says that a hand-over reaches nobody yet, and when it will; null if those people may decide now. */
export function handOverNote(view: RequestView, to: string): string | null {
  const open = (view.progress?.rules ?? []).flatMap(({ stages }) =>
    stages.filter(({ opened_at: at }) => at !== null).flatMap(({ selectors }) => selectors),
  );
  if (view.progress === null || open.includes(to)) return null;
  const stages = (view.requirement?.rules ?? []).flatMap((rule) => rule.stages);
  const steps = stages.flatMap(({ escalate }) => escalate).filter((step) => step.to === to);
  const after = steps.map(({ after_ms: ms }) => ms);
  const when =
    after.length > 0 ? `after ${duration(Math.min(...after))} without an answer` : 'later, if at all';
  return `${visible(to)} may not decide yet, only ${when}: nobody there is notified by this. The request still leaves your inbox. Who may decide now: ${[...new Set(open)].map(visible).join(', ')}.`;
}
