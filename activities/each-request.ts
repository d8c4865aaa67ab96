import type { Dependencies } from './dependencies.ts';
import { errorClass } from './error-class.ts';

/**
 * Does the work for each of these requests, one after the other. One that fails is reported by its id and holds up none
 * of the others: it is tried again in the next pass. Answers those for which the work came to something.
 */
export async function eachRequest<Row extends { readonly id: string }>(
  { log }: Pick<Dependencies, 'log'>,
  rows: readonly Row[],
  work: (row: Row) => Promise<boolean>,
): Promise<readonly Row[]> {
  const done: Row[] = [];
  for (const row of rows) {
    try {
      if (await work(row)) done.push(row);
    } catch (error) {
      log.error({ request: row.id, err: errorClass(error) }, 'housekeeping failed for a request');
    }
  }
  return done;
}
