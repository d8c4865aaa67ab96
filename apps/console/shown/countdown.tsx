import { useNow } from './clock.ts';
import classes from './countdown.module.css';
import { inUtc } from './instant.tsx';
import { duration } from './words.ts';

const URGENT_MS = 10 * 60_000;

/** How long until an instant, each second anew. Colour and words say when it is near. Nothing is read out by itself. */
export function Countdown({ to }: { readonly to: string }) {
  const leftMs = Date.parse(to) - useNow();
  return (
    <time
      role="timer"
      aria-live="off"
      dateTime={to}
      title={inUtc(to)}
      className={classes.countdown}
      data-urgent={leftMs < URGENT_MS || undefined}
    >
      {leftMs <= 0 ? 'now' : duration(leftMs)}
    </time>
  );
}
