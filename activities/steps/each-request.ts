import type { Dependencies } from '../dependencies.ts';
import { errorClass } from '../error-class.ts';

/** A target may take seconds to answer, and what is kept for other requests waits for a pass over it. */
export const PROBING_MS = 20_000;

/** Where to report; and how long a pass may begin with further requests, for ever where it is not said. */
type Pass = Pick<Dependencies, 'log'> & { readonly withinMs?: number };

/**
 * Does the work for each of these requests, one after the other. One that fails is reported by its id and holds up none
 * of the others: it is tried again in the next pass, like those that there was no time for. Answers those for which the
 * work came to something.
 */
export async function eachRequest<Row extends { readonly id: string }>(
  { log, withinMs = Number.POSITIVE_INFINITY }: Pass,
  rows: readonly Row[],
  work: (row: Row) => Promise<boolean>,
): Promise<readonly Row[]> {
  const done: Row[] = [];
  const endsMs = performance.now() + withinMs;
  for (const [index, row] of rows.entries()) {
    if (performance.now() > endsMs) {
      log.warn(
        { left: rows.length - index },
        'housekeeping leaves requests to its next pass: others take too long',
      );
      break;
    }
    try {
      if (await work(row)) done.push(row);
    } catch (error) {
      log.error({ request: row.id, err: errorClass(error) }, 'housekeeping failed for a request');
    }
  }
  return done;
}
