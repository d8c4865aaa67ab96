import type { JsonValue } from '../../domain/crypto/canonical-json.ts';
import type { RequestStatus } from '../../domain/request/status.ts';
import { settleClaim } from '../../database/executions.ts';
import type { ExecutionRow } from '../../database/tables.ts';
import { claimOfWindows } from '../../database/counted-facts.ts';
import type { Closed } from '../close-request.ts';
import type { StepTransaction } from '../step.ts';

/** The result of an approved action. `again`: nothing happened, and it must be planned and evaluated anew. */
export type Executed =
  | Closed
  | { readonly kind: 'again' }
  /** Approved, and not to start before `until`: nothing happened. */
  | { readonly kind: 'held'; readonly until: string };

/** The result once it was not held any more. */
export type SettledExecution = Exclude<Executed, { readonly kind: 'held' }>;

/** How a claim ended. */
export interface Settlement {
  readonly state: Exclude<ExecutionRow['state'], 'claimed'>;
  readonly facts: Readonly<Record<string, JsonValue>>;
  /** Class of the failure, for everybody. */
  readonly code?: string;
  /** For reviewers and operators. */
  readonly detail?: string;
  readonly result?: JsonValue;
  /**
   * `settle_seen`: what the run of the claim saw itself, which stands also where the outcome was called unknown meanwhile.
   * `resolve`: what people say of an unknown outcome. Absent: `settle`.
   */
  readonly step?: 'settle_seen' | 'resolve';
}

/**
 * Closes a claim and says what follows: a final status, another look by people (released), or another claim (fenced
 * off: null). A claim that somebody else settled meanwhile stays as it is; only `indeterminate` gives way to what its own
 * run has seen, or people report.
 */
export async function settle(
  transaction: StepTransaction,
  execution: ExecutionRow,
  settlement: Settlement,
): Promise<Executed | null> {
  const { row } = transaction;
  const closed = await settleClaim(transaction.manager, execution, {
    from: settlement.step === undefined ? ['claimed'] : ['claimed', 'indeterminate'],
    state: settlement.state,
    at: transaction.now,
    outcome: settlement.facts,
  });
  if (closed) await recordSettled(transaction, execution, settlement);
  if (settlement.state === 'not_done') return null;
  return row.status === 'planning' ? { kind: 'again' } : { kind: 'closed', status: row.status };
}

function finalColumns(status: RequestStatus, settlement: Settlement): Parameters<StepTransaction['move']>[1] {
  // What was decided on is no more: a digest says nothing while another plan is made.
  if (status === 'planning') return { status, decision_digest: null };
  if (status === 'succeeded') return { status, result: settlement.result ?? null, failure: null };
  const code = status === 'indeterminate' ? 'outcome_unknown' : (settlement.code ?? 'failed');
  return { status, failure: { code, detail: settlement.detail ?? '' } };
}

async function recordSettled(
  transaction: StepTransaction,
  execution: ExecutionRow,
  settlement: Settlement,
): Promise<void> {
  const { state, step = 'settle' } = settlement;
  const status = state === 'released' ? 'planning' : state;
  if (status !== 'not_done') await transaction.move(step, finalColumns(status, settlement));
  // Nothing happened, and it may still: until then it counts as before.
  if (state === 'released' || state === 'not_done')
    transaction.store(claimOfWindows(transaction.row.id, null));
  await transaction.append({
    type: `execution.${state}`,
    at: transaction.now.toISOString(),
    decision_digest: execution.decision_digest,
    facts: { attempt: execution.attempt, ...settlement.facts },
    parts: partsOf(settlement),
  });
}

function partsOf(settlement: Settlement): Record<string, JsonValue> {
  const parts: Record<string, JsonValue> = {};
  if (settlement.detail !== undefined) parts['detail'] = settlement.detail;
  if (settlement.result !== undefined && settlement.result !== null) parts['result'] = settlement.result;
  return parts;
}
