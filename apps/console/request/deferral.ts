import { duration } from '../../../domain/cards/words.ts';
import type { RequestView, Requirement } from './view.ts';
import { listed } from '../shown/words.ts';

/** Until when something can be hidden, as a choice. */
export interface DeferralChoice {
  readonly label: string;
  readonly untilMs: number;
}

const HOUR_MS = 3_600_000;
const MORNING_HOUR = 9;

/** Usual instants, in the zone of the viewer; none that is not before the request expires. */
export function deferralChoices(nowMs: number, expiresAt: string | null): readonly DeferralChoice[] {
  const endMs = expiresAt === null ? Number.POSITIVE_INFINITY : Date.parse(expiresAt);
  const morning = new Date(nowMs);
  morning.setDate(morning.getDate() + (morning.getHours() < MORNING_HOUR ? 0 : 1));
  morning.setHours(MORNING_HOUR, 0, 0, 0);
  const isToday = morning.toDateString() === new Date(nowMs).toDateString();
  return [
    { label: 'for 30 minutes', untilMs: nowMs + HOUR_MS / 2 },
    { label: 'for 1 hour', untilMs: nowMs + HOUR_MS },
    { label: 'for 3 hours', untilMs: nowMs + 3 * HOUR_MS },
    { label: isToday ? 'until nine this morning' : 'until nine tomorrow', untilMs: morning.getTime() },
  ].filter(({ untilMs }) => untilMs < endMs);
}

/** To whom a request can be handed over: only to those that it asks for anyway. */
export function handOverChoices(requirement: Requirement | null): readonly string[] {
  const stages = requirement?.rules.flatMap((rule) => rule.stages) ?? [];
  return [...new Set(stages.flatMap(({ any, escalate }) => [...any, ...escalate.map(({ to }) => to)]))];
}

/** Says that a hand-over reaches nobody yet, and when it will; null if those people may decide now. */
export function handOverNote(
  to: string,
  requirement: Requirement | null,
  { progress }: Pick<RequestView, 'progress'>,
): string | null {
  const open = (progress?.rules ?? []).flatMap(({ stages }) =>
    stages.filter(({ opened_at: at }) => at !== null).flatMap(({ selectors }) => selectors),
  );
  if (progress === null || open.includes(to)) return null;
  const after = (requirement?.rules ?? [])
    .flatMap(({ stages }) => stages)
    .flatMap(({ escalate }) => escalate)
    .filter((step) => step.to === to)
    .map(({ after_ms: ms }) => ms);
  const when =
    after.length > 0 ? `after ${duration(Math.min(...after))} without an answer` : 'later, if at all';
  return `${to} may not decide yet, only ${when}: nobody there is notified by this. It leaves your inbox all the same. Who may decide now: ${listed([...new Set(open)], 'and')}.`;
}
