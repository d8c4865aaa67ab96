const SECOND_MS = 1000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

const UNIT_MS: ReadonlyMap<string, number> = new Map([
  ['s', SECOND_MS],
  ['m', MINUTE_MS],
  ['h', HOUR_MS],
  ['d', DAY_MS],
]);

/** A longer duration in a policy is taken for a typing error. */
export const DURATION_MAX_MS = 366 * DAY_MS;

const SHORT = /^([1-9][0-9]{0,8})([smhd])$/;
const ISO_8601 = /^P(?:([0-9]{1,9})D)?(?:T(?=[0-9])(?:([0-9]{1,9})H)?(?:([0-9]{1,9})M)?(?:([0-9]{1,9})S)?)?$/;

/** `90s`, `15m`, `4h`, `2d` or ISO 8601 such as `PT15M` in milliseconds; null for anything else, zero included. */
export function parseDurationMs(text: string): number | null {
  const milliseconds = shortMs(text) ?? isoMs(text);
  const isInRange = milliseconds !== null && milliseconds > 0 && milliseconds <= DURATION_MAX_MS;
  return isInRange ? milliseconds : null;
}

function shortMs(text: string): number | null {
  const match = SHORT.exec(text);
  if (!match) return null;
  return Number(match[1]) * (UNIT_MS.get(match[2] ?? '') ?? Number.NaN);
}

/** Weeks, months and years are left out: the first mixes with nothing, the others have no fixed length. */
function isoMs(text: string): number | null {
  const match = ISO_8601.exec(text);
  if (!match) return null;
  const part = (group: number): number => Number(match[group] ?? 0);
  return part(1) * DAY_MS + part(2) * HOUR_MS + part(3) * MINUTE_MS + part(4) * SECOND_MS;
}
