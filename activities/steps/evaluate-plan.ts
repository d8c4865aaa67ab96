import type { SignedRequest } from '../../domain/crypto/envelope.ts';
import { KeyturnError } from '../../domain/errors.ts';
import type { Directory } from '../../domain/identity/directory.ts';
import { evaluate } from '../../domain/policy/evaluation.ts';
import { targetOf, type Target } from '../../domain/policy/policy.ts';
import type { StoredPlan } from '../../domain/request/plan.ts';
import { readIntactPlan, type ActivePolicy } from '../../database/readers.ts';
import type { Dependencies } from '../dependencies.ts';
import { activePolicy, verifiedRequest } from '../load-request.ts';
import { refuseOtherOwnerKey } from '../owner-key.ts';
import { gatherFacts } from '../gather-facts.ts';
import { factsDigest, recordEvaluation, type WholeEvaluation } from '../record-evaluation.ts';
import type { StepTransaction } from '../record.ts';

/** A stored plan, and what it is evaluated by: the policy and the people of now. */
export interface PlanInputs {
  readonly signed: SignedRequest;
  readonly plan: StoredPlan;
  readonly planDigest: string;
  readonly active: ActivePolicy;
  readonly target: Target;
  readonly directories: { readonly now: Directory; readonly at_creation: Directory };
  /** The number of the last change of the directory of now. */
  readonly directoryGeneration: string;
}

/** The same with what policy says of it. */
export interface EvaluatedPlan extends PlanInputs, Omit<WholeEvaluation, 'round' | 'directory'> {}

/** Evaluates a stored plan once more. Null when the active policy does not know the target any more. */
export async function evaluatePlan(
  dependencies: Dependencies,
  transaction: StepTransaction,
  planDigest: string,
): Promise<EvaluatedPlan | null> {
  const { manager, row } = transaction;
  const [active, planRow, { directory: now, generation }, at_creation, signed] = await Promise.all([
    activePolicy(dependencies, manager),
    readIntactPlan(manager, row.id, planDigest),
    dependencies.directories.now(manager),
    dependencies.directories.at(manager, row.created_at),
    verifiedRequest(dependencies, row),
  ]);
  if (!planRow) throw new KeyturnError('plan_failed', 'There is no such plan.');
  const target = targetOf(active.policy, row.target);
  if (!target) return null;
  const directories = { now, at_creation };
  const inputs = { signed, plan: planRow.body, planDigest, active, target, directories };
  return evaluateInputs(dependencies, transaction, {
    ...inputs,
    directoryGeneration: generation,
    phase: 'planned',
  });
}

/** The one sequence by which a plan is evaluated, whether people are asked because of it or it is about to be executed. */
export async function evaluateInputs(
  dependencies: Dependencies,
  { manager, row, now: at }: StepTransaction,
  { phase, ...inputs }: PlanInputs & Pick<WholeEvaluation, 'phase'>,
): Promise<EvaluatedPlan> {
  const { policy, digest: policyDigest } = inputs.active;
  const query = { ...inputs, policy, directory: inputs.directories.now, at };
  const facts = await gatherFacts(dependencies, manager, query);
  await refuseOtherOwnerKey(dependencies, { manager, row }, facts.args);
  const evaluation = evaluate(policy, facts, phase);
  return { ...inputs, phase, policyDigest, facts, factsDigest: factsDigest(facts), evaluation };
}

/** Keeps what a plan was evaluated by, before anything comes of it. */
export async function keepEvaluation(transaction: StepTransaction, evaluated: EvaluatedPlan): Promise<void> {
  const { round: before } = transaction.row;
  // What people are asked belongs to the round that it opens.
  const round = evaluated.phase === 'planned' ? before + 1 : before;
  await recordEvaluation(transaction, { ...evaluated, round, directory: evaluated.directories.now });
}
