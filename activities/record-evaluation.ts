import type { JsonValue } from '../domain/crypto/canonical-json.ts';
import { digestOf, type Digest } from '../domain/crypto/digest.ts';
import type { Directory } from '../domain/identity/directory.ts';
import type { Evaluation } from '../domain/policy/evaluation.ts';
import { recordedOutcome } from '../domain/policy/explanation.ts';
import { storedFacts, type Phase, type PolicyFacts } from '../domain/policy/built-in-facts.ts';
import { insertionOfEvaluation } from '../database/explanation.ts';
import type { RequestRow } from '../database/tables.ts';
import type { StepTransaction } from './step.ts';

/** An evaluation with what names it in the audit log. */
export interface NamedEvaluation {
  readonly evaluation: Evaluation;
  readonly policyDigest: string;
  readonly factsDigest: string;
}

/** The same with what it was made with, and which one it was. */
export interface WholeEvaluation extends NamedEvaluation {
  readonly facts: PolicyFacts;
  readonly round: number;
  readonly phase: Phase;
  /** The number of the directory's last change: who was who can be read as of it, for ever. */
  readonly directoryGeneration: string;
  readonly directory: Directory;
}

/**
 * Stores what policy was evaluated with and what it said, in the transaction that acts on it: so that it can be evaluated
 * again, by this policy or another one, months later.
 */
export function recordEvaluation(
  transaction: Pick<StepTransaction, 'store' | 'row'>,
  { facts, evaluation, round, phase, ...evaluated }: WholeEvaluation,
): void {
  const statements = insertionOfEvaluation({
    request: transaction.row.id,
    round,
    phase,
    at: facts.at,
    policy_digest: evaluated.policyDigest,
    facts_digest: evaluated.factsDigest,
    directory_generation: evaluated.directoryGeneration,
    outcome: recordedOutcome(evaluation, evaluated.directory),
    facts: storedFacts(facts),
  });
  transaction.store(...statements);
}

/** Which rules acted, on which facts: with the policy of the entry, enough to evaluate once more. */
export function evaluationFacts({
  evaluation,
  factsDigest: facts,
}: NamedEvaluation): Record<string, JsonValue> {
  return {
    matched_rules: evaluation.rules.map((rule) => rule.id),
    facts_digest: facts,
    ...(evaluation.is_degraded ? { is_degraded: true } : {}),
    ...(evaluation.is_break_glass ? { is_break_glass: true } : {}),
  };
}

/** Without what conditions read: that stays with the evaluation, where only operators look. */
export function shownRules({ rules }: Evaluation): RequestRow['matched_rules'] {
  return rules.map(({ id, source, because }) => ({ id, source, because }));
}

/** The digest under which facts are kept. */
export function factsDigest(facts: PolicyFacts): Digest {
  return digestOf(storedFacts(facts));
}
