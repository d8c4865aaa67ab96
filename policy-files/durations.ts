/** Milliseconds, the longest first. */
export const UNIT_MS = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000 } as const;

/** A longer duration in a policy is taken for a typing error. */
const DURATION_MAX_MS = 366 * UNIT_MS.d;

const SHORT = /^([1-9][0-9]{0,8})([smhd])$/;
const ISO_8601 = /^P(?:([0-9]{1,9})D)?(?:T(?=[0-9])(?:([0-9]{1,9})H)?(?:([0-9]{1,9})M)?(?:([0-9]{1,9})S)?)?$/;

/** `90s`, `15m`, `4h`, `2d` or ISO 8601 such as `PT15M` in milliseconds; null for anything else, zero included. */
export function parseDurationMs(text: string): number | null {
  const milliseconds = shortMs(text) ?? isoMs(text);
  const isInRange = milliseconds !== null && milliseconds > 0 && milliseconds <= DURATION_MAX_MS;
  return isInRange ? milliseconds : null;
}

function shortMs(text: string): number | null {
  const [, count, unit] = SHORT.exec(text) ?? [];
  return unit === undefined ? null : Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS];
}

/** Weeks, months and years are left out: the first mixes with nothing, the others have no fixed length. */
function isoMs(text: string): number | null {
  const match = ISO_8601.exec(text);
  if (!match) return null;
  const part = (group: number): number => Number(match[group] ?? 0);
  return Object.values(UNIT_MS).reduce((sum, size, index) => sum + part(index + 1) * size, 0);
}
