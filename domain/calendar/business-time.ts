/** A stretch of business time, absolute: from `startMs` on, `endMs` is the first instant after it. */
export interface BusinessInterval {
  readonly startMs: number;
  readonly endMs: number;
}

/**
 * The earliest instant by which `durationMs` of business time has passed since `fromMs`, or null when the intervals do
 * not reach that far. No business time at all passes at once. The intervals must be sorted, free of overlaps, and start
 * no later than `fromMs` or the first business time after it.
 *
 * Integers only: workflow code calls this, and a replay on another machine must give the same instant. Nothing in this
 * file may know time zones, whose rules change with the machine's data.
 */
export function addBusinessTime(
  intervals: readonly BusinessInterval[],
  fromMs: number,
  durationMs: number,
): number | null {
  if (!Number.isSafeInteger(fromMs) || !Number.isSafeInteger(durationMs) || durationMs < 0) return null;
  if (durationMs === 0) return fromMs;
  let leftMs = durationMs;
  for (const { startMs, endMs } of intervals) {
    const beginMs = Math.max(startMs, fromMs);
    if (beginMs >= endMs) continue;
    if (leftMs <= endMs - beginMs) return beginMs + leftMs;
    leftMs -= endMs - beginMs;
  }
  return null;
}
