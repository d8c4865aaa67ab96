import { duration } from '../../../domain/cards/words.ts';
import { useNow } from './clock.ts';

const WHOLE = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
const TIME = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' });

/** An instant in the viewer's zone; hovering it shows it in UTC. On the day of today only the time. */
export function Instant({ at, isWhole = false }: { readonly at: string; readonly isWhole?: boolean }) {
  const date = new Date(at);
  const isToday = date.toDateString() === new Date().toDateString();
  return (
    <time dateTime={at} title={inUtc(at)}>
      {isToday && !isWhole ? TIME.format(date) : WHOLE.format(date)}
    </time>
  );
}

/** How long ago an instant was, `8m ago`, or how far it is off, `in 3h 20m`; hovering it shows it in UTC. */
export function Ago({ at }: { readonly at: string }) {
  const ms = Date.parse(at) - useNow();
  return (
    <time dateTime={at} title={inUtc(at)}>
      {Math.abs(ms) < 60_000
        ? ms > 0
          ? 'in a moment'
          : 'just now'
        : ms > 0
          ? `in ${coarse(ms)}`
          : `${coarse(-ms)} ago`}
    </time>
  );
}

/** Seconds say nothing of what is minutes away. */
function coarse(ms: number): string {
  return duration(Math.floor(ms / 60_000) * 60_000);
}

/** `2026-01-05 10:00:00 UTC` */
export function inUtc(at: string): string {
  return `${new Date(at)
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, '')} UTC`;
}
