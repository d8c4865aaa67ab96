/** How Temporal names the ends of a run. Every other name, also one that a later server adds, is of one that may go on. */
const ENDED: ReadonlySet<string> = new Set([
  'COMPLETED',
  'FAILED',
  'CANCELLED',
  'TERMINATED',
  'CONTINUED_AS_NEW',
  'TIMED_OUT',
]);

/** True of a run that will never go on. One that is paused does once somebody lets it. */
export function hasEnded(status: string): boolean {
  return ENDED.has(status);
}
