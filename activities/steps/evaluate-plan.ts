import type { SignedRequest } from '../../domain/crypto/envelope.ts';
import { KeyturnError } from '../../domain/errors.ts';
import type { Directory } from '../../domain/identity/directory.ts';
import { evaluate } from '../../domain/policy/evaluation.ts';
import { targetOf, type Target } from '../../domain/policy/policy.ts';
import type { StoredPlan } from '../../domain/request/plan.ts';
import type { ActivePolicy } from '../../database/readers.ts';
import { directoriesOf } from '../../database/step-snapshot.ts';
import type { Dependencies } from '../dependencies.ts';
import { activePolicy, stepSnapshot, verifiedRequest } from '../load-request.ts';
import { refuseOtherOwnerKey } from '../owner-key.ts';
import { gatherFacts } from '../gather-facts.ts';
import { factsDigest, recordEvaluation, type WholeEvaluation } from '../record-evaluation.ts';
import type { StepTransaction } from '../step.ts';

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
  const [snapshot, planRow, signed] = await Promise.all([
    stepSnapshot(transaction),
    transaction.readPlan(planDigest),
    verifiedRequest(dependencies, row),
  ]);
  if (!planRow) throw new KeyturnError('plan_failed', 'There is no such plan.');
  const active = await activePolicy(dependencies, manager, snapshot);
  const target = targetOf(active.policy, row.target);
  if (!target) return null;
  const directories = await directoriesOf(dependencies.directories, manager, snapshot);
  const directoryGeneration = snapshot.generations.now;
  const inputs = { signed, plan: planRow.body, planDigest, active, target, directories, directoryGeneration };
  return evaluateInputs(dependencies, transaction, { ...inputs, phase: 'planned' });
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
export function keepEvaluation(transaction: StepTransaction, evaluated: EvaluatedPlan): void {
  const { round: before } = transaction.row;
  // What people are asked belongs to the round that it opens.
  const round = evaluated.phase === 'planned' ? before + 1 : before;
  recordEvaluation(transaction, { ...evaluated, round, directory: evaluated.directories.now });
}
