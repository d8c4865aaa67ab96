import type { EntityManager } from 'typeorm';

import type { JsonValue } from '../domain/crypto/canonical-json.ts';
import { digestOf, type Digest } from '../domain/crypto/digest.ts';
import type { Directory } from '../domain/identity/directory.ts';
import type { Evaluation } from '../domain/policy/evaluation.ts';
import { recordedOutcome } from '../domain/policy/explanation.ts';
import { storedFacts, type Phase, type PolicyFacts } from '../domain/policy/built-in-facts.ts';
import { keepEvaluation } from '../database/explanation.ts';
import type { RequestRow } from '../database/tables.ts';

/** Which evaluation it was. */
export interface EvaluationSubject {
  readonly row: Pick<RequestRow, 'id'>;
  readonly round: number;
  readonly phase: Phase;
  readonly policyDigest: string;
  /** The number of the directory's last change: who was who can be read as of it, for ever. */
  readonly directoryGeneration: string;
  readonly directory: Directory;
}

/** What came of it. */
export interface EvaluationResult {
  readonly facts: PolicyFacts;
  readonly evaluation: Evaluation;
}

/**
 * Stores what policy was evaluated with and what it said, in the transaction that acts on it: so that it can be evaluated
 * again, by this policy or another one, months later. Answers the digest of the facts, for the audit entry.
 */
export async function recordEvaluation(
  manager: EntityManager,
  { row, round, phase, policyDigest, directoryGeneration, directory }: EvaluationSubject,
  { facts, evaluation }: EvaluationResult,
): Promise<Digest> {
  const body = storedFacts(facts);
  const digest = digestOf(body);
  const recorded = {
    round,
    phase,
    at: facts.at,
    policy_digest: policyDigest,
    facts_digest: digest,
    directory_generation: directoryGeneration,
    outcome: recordedOutcome(evaluation, directory),
  };
  await keepEvaluation(manager, { ...recorded, request: row.id, facts: body });
  return digest;
}

/** An evaluation with what names it in the audit log. */
export interface NamedEvaluation {
  readonly evaluation: Evaluation;
  readonly policyDigest: string;
  readonly factsDigest: string;
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
