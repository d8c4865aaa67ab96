import type { SignedRequest } from '../../domain/crypto/envelope.ts';
import { KeyturnError } from '../../domain/errors.ts';
import type { Directory } from '../../domain/identity/directory.ts';
import { evaluate } from '../../domain/policy/evaluation.ts';
import { targetOf } from '../../domain/policy/policy.ts';
import type { StoredPlan } from '../../domain/request/plan.ts';
import { readIntactPlan, type ActivePolicy } from '../../database/readers.ts';
import type { Dependencies } from '../dependencies.ts';
import { activePolicy, verifiedRequest } from '../load-request.ts';
import { refuseOtherOwnerKey } from '../owner-key.ts';
import { gatherFacts } from '../gather-facts.ts';
import {
  factsDigest,
  recordEvaluation,
  type EvaluationResult,
  type NamedEvaluation,
} from '../record-evaluation.ts';
import type { StepTransaction } from '../record.ts';

/** A stored plan, evaluated by the policy and directory of now. */
export interface EvaluatedPlan extends EvaluationResult, NamedEvaluation {
  readonly plan: StoredPlan;
  readonly planDigest: string;
  readonly active: ActivePolicy;
  readonly directories: { readonly now: Directory; readonly at_creation: Directory };
  /** The number of the last change of the directory of now. */
  readonly directoryGeneration: string;
  /** When the approved action may start, as it was signed. */
  readonly start: SignedRequest['start'];
}

/** Evaluates a stored plan once more. Null when the active policy does not know the target any more. */
export async function evaluatePlan(
  dependencies: Dependencies,
  { manager, row, now: at }: StepTransaction,
  planDigest: string,
): Promise<EvaluatedPlan | null> {
  const [active, planRow, { directory, generation }, atCreation, signed] = await Promise.all([
    activePolicy(dependencies, manager),
    readIntactPlan(manager, row.id, planDigest),
    dependencies.directories.now(manager),
    dependencies.directories.at(manager, row.created_at),
    verifiedRequest(dependencies, row),
  ]);
  if (!planRow) throw new KeyturnError('plan_failed', 'There is no such plan.');
  const { policy, digest: policyDigest } = active;
  const target = targetOf(policy, row.target);
  if (!target) return null;
  const query = { signed, policy, directory, target, plan: planRow.body, at };
  const facts = await gatherFacts(dependencies, manager, query);
  await refuseOtherOwnerKey(dependencies, { manager, row }, facts.args);
  return {
    plan: planRow.body,
    planDigest,
    active,
    policyDigest,
    directories: { now: directory, at_creation: atCreation },
    directoryGeneration: generation,
    facts,
    factsDigest: factsDigest(facts),
    evaluation: evaluate(policy, facts, 'planned'),
    start: signed.start,
  };
}

/** Keeps what a plan was evaluated by, before anything comes of it. */
export async function keepEvaluation(
  { manager, row }: StepTransaction,
  evaluated: EvaluatedPlan,
): Promise<void> {
  const subject = { row, round: row.round + 1, phase: 'planned' as const };
  await recordEvaluation(
    manager,
    { ...subject, ...evaluated, directory: evaluated.directories.now },
    evaluated,
  );
}
