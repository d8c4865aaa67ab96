import { z } from 'zod';

import { digestOf } from '../../../domain/crypto/digest.ts';
import type { Plan } from '../../../domain/request/plan.ts';
import { RESOLUTIONS, RESOLVE } from '../../../domain/policy/policy.ts';
import type { ExecutionRow, RequestRow } from '../../../database/tables.ts';
import type { ConnectorCall } from '../connector.ts';

const resolutionSchema = z.object({ request: z.string(), outcome: z.enum(RESOLUTIONS) });

/** What people say became of a request. */
export type Resolution = z.infer<typeof resolutionSchema>;

/** What is asked for. The arguments were checked by their schema: anything else is a fault. */
export function resolutionOf({ arguments: given }: ConnectorCall): Resolution {
  return resolutionSchema.parse(given);
}

/** A request whose outcome is unknown, with the claim that nobody could settle. */
export interface Unresolved {
  readonly row: RequestRow;
  readonly execution: ExecutionRow;
}

/** What is approved: this outcome of that one claim. */
export function fingerprintOf({ request, outcome }: Resolution, { attempt }: Pick<ExecutionRow, 'attempt'>) {
  return digestOf({ request, attempt, outcome });
}

/** What a reviewer needs in order to look at the target, and what the record would say from then on. */
export function planResolution(resolution: Resolution, { row, execution }: Unresolved): Plan {
  const { request, outcome } = resolution;
  return {
    connector: RESOLVE.connector ?? '',
    summary: `put on record that ${request} ${outcome} (${row.action} on ${row.target})`,
    operation: [
      `${request} becomes ${outcome}`,
      `action ${row.action} on ${row.target} (${row.environment})`,
      `approved as ${execution.decision_digest}`,
      `claimed at ${execution.claimed_at.toISOString()}, attempt ${execution.attempt}`,
      `idempotency key ${execution.idempotency_key}`,
      `transaction at the target ${execution.transaction_id ?? 'unknown'}`,
    ].join('\n'),
    effects: [],
    warnings: [
      'Keyturn could not find out what became of it, and does not look again: look at the target before you agree.',
      outcome === 'failed' ? FAILED : SUCCEEDED,
    ],
    risk_facts: {
      rows_changed: 0,
      resources_changed: 1,
      is_destructive: false,
      is_fully_previewed: true,
      is_reversible: false,
    },
    reversal: { is_possible: false, how: 'What is on record stays on record.' },
    fingerprint: fingerprintOf(resolution, execution),
    locks_held_ms: 0,
  };
}

const FAILED =
  'If it did happen after all, whoever asks for it again makes it happen twice. Counting windows forget it.';

const SUCCEEDED = 'If it did not happen, nobody is told any more that it has still to be done.';
