import type { DataSource, EntityManager } from 'typeorm';

import { holdSnapshot, type GateSnapshot } from '../../../database/gate-answers.ts';
import { reserveWindowsAtOnce } from '../../../database/counted-facts.ts';
import { isAllowedAtOnce } from '../../../domain/execution/gate-validity.ts';
import { evaluate } from '../../../domain/policy/evaluation.ts';
import { factsOf } from '../../../domain/policy/policy-query.ts';
import type { ApiContext } from '../context.ts';
import { recordAnswer } from './record-answer.ts';
import type { Checked, Created, CreateSubmission } from './submission.ts';

/**
 * Answers a gate request on the spot when policy allows it. `workflow` where it does not; null where something changed
 * meanwhile. Whether a key has an answer or a workflow is one row in the database, written before anything else happens:
 * a key gets at most one answer, and never an answer and a workflow.
 */
export async function answerAtOnce(
  context: Pick<ApiContext, 'source' | 'keys' | 'settings'>,
  submission: CreateSubmission & Checked,
  { history, switches }: GateSnapshot,
): Promise<Created | 'workflow' | null> {
  const { caller, query } = submission;
  const { policy } = query;
  // The snapshot of the evaluation: none of it may change while the answer is recorded.
  const reference = {
    policy_digest: caller.policy.digest,
    directory_generation: caller.directoryGeneration,
    switches: switches.map(({ id }) => id),
  };
  // It has no plan, so all its facts exist: this is the phase after planning.
  const isCounted = policy.windows.some((window) => window.action.includes(query.action));
  // Reservations of counting windows and the answer are one transaction: one that is not given reserves nothing.
  return reserving<Created | 'workflow' | null>(context.source, isCounted, async (manager) => {
    // The same order of locks as a claim: else the two could wait for each other.
    if (isCounted && !(await holdSnapshot(manager, reference))) return { isKept: false, result: null };
    const facts = factsOf(query, { history, windows: await reserveWindowsAtOnce(manager, query) });
    const evaluation = evaluate(policy, facts, 'planned');
    if (!isAllowedAtOnce(query, evaluation)) return { isKept: false, result: 'workflow' };
    const result = await recordAnswer(context, manager, { ...submission, reference, facts, evaluation });
    return { isKept: result !== null, result };
  });
}

/** Commits the writes of `work` together or not at all. Without a transaction it must write with one statement. */
async function reserving<Result>(
  source: DataSource,
  isTransaction: boolean,
  work: (manager: EntityManager) => Promise<{ readonly isKept: boolean; readonly result: Result }>,
): Promise<Result> {
  if (!isTransaction) return (await work(source.manager)).result;
  const runner = source.createQueryRunner();
  try {
    await runner.startTransaction();
    const { isKept, result } = await work(runner.manager);
    if (isKept) await runner.commitTransaction();
    else await runner.rollbackTransaction();
    return result;
  } catch (error) {
    if (runner.isTransactionActive) await runner.rollbackTransaction().catch(() => {});
    throw error;
  } finally {
    await runner.release();
  }
}
