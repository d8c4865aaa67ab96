/**
 * How far the clocks of Keyturn's own processes may lie apart. What the API has signed may be dated ahead by this much,
 * and a process whose clock differs from the database's by more refuses to go on.
 */
export const CLOCK_TOLERANCE_MS = 5_000;
