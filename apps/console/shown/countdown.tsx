import { duration } from '../../../domain/cards/words.ts';
import { useNow } from './clock.ts';
import classes from './countdown.module.css';
import { inUtc } from './instant.tsx';

const URGENT_MS = 10 * 60_000;

/** How long until an instant, each second anew, and in another colour when little is left, unless that is nothing bad. Nothing is read out by itself. */
export function Countdown({ to, isCalm = false }: { readonly to: string; readonly isCalm?: boolean }) {
  const leftMs = Date.parse(to) - useNow();
  return (
    <time
      role="timer"
      aria-live="off"
      dateTime={to}
      title={inUtc(to)}
      className={classes.countdown}
      data-urgent={(!isCalm && leftMs < URGENT_MS) || undefined}
    >
      {leftMs <= 0 ? 'now' : duration(leftMs)}
    </time>
  );
}
