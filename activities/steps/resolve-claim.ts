import { ApplicationFailure } from '@temporalio/activity';

import { KeyturnError } from '../../domain/errors.ts';
import { lockUnsentClaim, policyOfClaim } from '../../database/executions.ts';
import type { ExecutionRow, RequestRow } from '../../database/tables.ts';
import type { Dependencies } from '../dependencies.ts';
import type { ProbeOutcome } from '../connectors/connector.ts';
import { troubleOf } from '../connectors/trouble.ts';
import { prepareCall, verifiedRequest } from '../load-request.ts';
import { recordStep } from '../record.ts';
import type { StepReference } from '../step.ts';
import { settle, type Executed } from './settle.ts';

/** Who queries the target about a claim, and whether an unknown answer is final. */
export interface Inquiry {
  readonly dependencies: Dependencies;
  readonly reference: StepReference;
  readonly isLastProbe: () => Promise<boolean>;
}

/**
 * Asks the target about an open claim. Null when it was fenced off, so that the action may be claimed anew. Our own record
 * comes second: it says that nothing was sent where the target says nothing at all.
 */
export async function resolveClaim(
  inquiry: Inquiry,
  row: RequestRow,
  execution: ExecutionRow,
): Promise<Executed | null> {
  const { dependencies, reference } = inquiry;
  const found = await probe(inquiry, row, execution);
  if (found === 'unknown' && (await closeUnsent(inquiry, execution))) return null;
  const step = { ...reference, step: `${reference.step}/probe/${execution.attempt}` };
  return recordStep(dependencies, step, async (transaction): Promise<Executed | null> => {
    const facts = { found_by: 'probe' };
    switch (found) {
      case 'done':
        return settle(transaction, execution, { state: 'succeeded', facts });
      case 'not_done':
        return settle(transaction, execution, { state: 'not_done', facts });
      case 'unknown':
        return settle(transaction, execution, { state: 'indeterminate', facts });
    }
  });
}

/**
 * Closes a claim whose run has not noted a transaction: before it commits it notes one, and it does not find its claim
 * open any more. So nothing has happened and nothing will, whether the target can be asked or not. False for any other.
 */
export async function closeUnsent(
  { dependencies, reference }: Pick<Inquiry, 'dependencies' | 'reference'>,
  execution: ExecutionRow,
): Promise<boolean> {
  if (execution.transaction_id !== null) return false;
  const step = { ...reference, step: `${reference.step}/unsent/${execution.attempt}` };
  return recordStep(dependencies, step, async (transaction): Promise<boolean> => {
    if (!(await lockUnsentClaim(transaction.manager, execution))) return false;
    await settle(transaction, execution, { state: 'not_done', facts: { found_by: 'record' } });
    return true;
  });
}

/** An answer that may still change (the target is away, an orphaned session lives on) is asked for again. */
async function probe(inquiry: Inquiry, row: RequestRow, execution: ExecutionRow): Promise<ProbeOutcome> {
  const found = await probeOnce(inquiry.dependencies, row, execution);
  if (found !== 'unknown' || (await inquiry.isLastProbe())) return found;
  throw ApplicationFailure.retryable(
    'The target cannot say yet whether the action happened.',
    'outcome_unknown',
  );
}

async function probeOnce(
  dependencies: Dependencies,
  row: RequestRow,
  execution: ExecutionRow,
): Promise<ProbeOutcome> {
  try {
    const signed = await verifiedRequest(dependencies, row);
    // A policy installed since may name another database for the target, and a probe there would find nothing and let the
    // action run a second time.
    const digest = await policyOfClaim(dependencies.source.manager, execution);
    if (!digest) throw new KeyturnError('not_found', 'The claim is not in the audit log.');
    const policy = await dependencies.policies.byDigest(dependencies.source.manager, digest);
    const { connector, call } = await prepareCall(dependencies, signed, policy);
    return await connector.probe({
      ...call,
      idempotencyKey: execution.idempotency_key,
      transactionId: execution.transaction_id,
    });
  } catch (error) {
    const { log } = dependencies;
    log.warn({ request: row.id, target: row.target, ...troubleOf(error) }, 'probe failed');
    return 'unknown';
  }
}
