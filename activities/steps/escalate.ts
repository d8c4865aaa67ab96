import { readEntries } from '../../database/audit-entries.ts';
import { tallyFactsOf, type DecidableRequest } from '../../domain/approval/seats.ts';
import { escalationSteps, type EscalationStep } from '../../domain/approval/escalation.ts';
import { KeyturnError } from '../../domain/errors.ts';
import type { CountedDecision } from '../../domain/approval/quorum.ts';
import type { RequestStatus } from '../../domain/request/status.ts';
import type { Dependencies } from '../dependencies.ts';
import { activePolicy, stepSnapshot } from '../load-request.ts';
import { consumeKept } from './kept-messages.ts';
import { stepReference } from '../caller.ts';
import { recordStep } from '../record.ts';
import type { StepTransaction } from '../step.ts';
import { settleStanding, standingNow } from './standing.ts';
import { canonicalJson, type JsonValue } from '../../domain/crypto/canonical-json.ts';

/** What came of a look at who may decide. */
export interface Escalated {
  readonly status: RequestStatus;
  /** Until when it has looked. */
  readonly until: string;
  /** All decisions of the round with what they are worth now; only where some were taken that the workflow has not seen. */
  readonly counted?: readonly CountedDecision[];
}

/**
 * Widens who may decide, by every escalation that is due by the database's clock, and says so once each. One who approved
 * before their turn came is counted now: that may be all that was missing. So what was acknowledged before goes first.
 */
export async function escalate(
  dependencies: Dependencies,
  { step, at }: { readonly step: string; readonly since: string; readonly at: string },
): Promise<Escalated> {
  return recordStep(dependencies, stepReference(`escalate/${step}`, at), async (transaction) => {
    const taken = await consumeKept(dependencies, transaction);
    const decisions = await widen(dependencies, transaction, at);
    const counted = taken.length > 0 && decisions !== null ? { counted: decisions } : {};
    return { status: transaction.row.status, until: transaction.reference.at, ...counted };
  });
}

/** Answers the decisions of the round, or null where nothing is asked of people any more. */
async function widen(
  dependencies: Dependencies,
  transaction: StepTransaction,
  at: string,
): Promise<readonly CountedDecision[] | null> {
  const { row, manager } = transaction;
  if (row.status !== 'pending') return null;
  const active = await activePolicy(dependencies, manager, await stepSnapshot(transaction));
  const request = await standingNow(dependencies, transaction, active);
  if (!request) return null;
  await appendDue(transaction, request, at);
  return settleStanding(dependencies, transaction, active);
}

async function appendDue(transaction: StepTransaction, request: DecidableRequest, at: string): Promise<void> {
  const { reference } = transaction;
  // Who can schedule this step chooses from when on it looks.
  const recorded = await readEntries(transaction.manager, reference, 'request.escalated');
  const known = new Set(recorded.map((leaf) => canonicalJson(leaf.facts)));
  const due = escalationSteps(tallyFactsOf(request, reference.at)).filter(
    (candidate) => candidate.at <= reference.at && !known.has(canonicalJson(facts(candidate))),
  );
  // Called too early, by a clock ahead of the database's: it is tried again.
  if (due.length === 0 && Date.parse(at) > Date.parse(reference.at))
    throw new KeyturnError('unavailable', 'No escalation is due yet.');
  if (due.length > 0) await transaction.update({});
  for (const escalation of due)
    await transaction.append({ type: 'request.escalated', facts: facts(escalation) });
}

function facts(step: EscalationStep): Record<string, JsonValue> {
  return { rule: step.rule, stage: step.stage, to: step.to, at: step.at };
}
