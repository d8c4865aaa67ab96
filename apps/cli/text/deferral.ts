import type { RequestView } from '../../../contract/requests.ts';
import { duration } from './times.ts';
import { visible } from './visible.ts';

/** Says that a hand-over reaches nobody yet, and from when on it does; null where those people are asked now. */
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
  return `${visible(to)} is not asked yet, only ${when}: nobody there is notified by this. The request leaves your inbox all the same. Asked now: ${[...new Set(open)].map(visible).join(', ')}.`;
}
