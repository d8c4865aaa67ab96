import { z } from 'zod';

import type { JsonValue } from '../crypto/canonical-json.ts';

/**
 * How much planning may do at a target before anybody agreed. `rows`: the statement runs and is rolled back. `count`:
 * its rows are counted, it does not run. `none`: nothing is tried.
 */
const planningSchema = z
  .strictObject({
    rehearse: z.enum(['rows', 'count', 'none']).default('rows'),
    /** How long one statement may run while it is planned; a whole rehearsal may take three times as long. */
    statement_timeout_ms: z.int().min(50).max(15_000).default(2_000),
    /** How long it may wait for a lock. */
    lock_timeout_ms: z.int().min(10).max(5_000).default(500),
    /** How many rows a rehearsal may change. */
    rows_max: z.int().min(1).max(1_000_000).default(50_000),
    /** How many values of a sequence a rehearsal may use up, and never more than one in a hundred of those left. */
    sequence_values_max: z.int().min(1).max(1_000_000).default(10_000),
  })
  .transform((given) => ({
    rehearse: given.rehearse,
    statementTimeoutMs: given.statement_timeout_ms,
    lockTimeoutMs: given.lock_timeout_ms,
    rowsMax: given.rows_max,
    sequenceValuesMax: given.sequence_values_max,
  }));

/** What planning may do at one target. */
export type TargetPlanning = Readonly<z.output<typeof planningSchema>>;

/** Reads `planning` of a target's connection; what is absent has a default. A text says what is wrong with it. */
export function readPlanning(value: JsonValue | undefined): TargetPlanning | string {
  const parsed = planningSchema.safeParse(value ?? {});
  return parsed.success ? parsed.data : problemOf(parsed.error.issues);
}

function problemOf(issues: readonly z.core.$ZodIssue[]): string {
  return issues.map(({ path, message }) => ['planning', ...path].join('.') + `: ${message}`).join('; ');
}
