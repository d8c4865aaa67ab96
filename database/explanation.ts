import type { EntityManager } from 'typeorm';

import type { JsonValue } from '../domain/crypto/canonical-json.ts';
import { isNamedBy } from '../domain/audit/verification/inputs.ts';
import type { Digest } from '../domain/crypto/digest.ts';
import { directoryDigest } from '../domain/identity/directory-digest.ts';
import { evaluate, type Evaluation } from '../domain/policy/evaluation.ts';
import {
  differencesOf,
  isOtherEngine,
  recordedEngine,
  type RecordedOutcome,
} from '../domain/policy/explanation.ts';
import type { PolicySet } from '../domain/policy/policy.ts';
import { recalledFacts, type Phase, type StoredFacts } from '../domain/policy/built-in-facts.ts';
import type { ReviewerCondition } from '../domain/policy/reviewer-condition.ts';
import { DirectoryReader } from './directory-reader.ts';
import { insertion, insertionOnce, type RowStatement } from './row-statements.ts';
import { firstRow, rows } from './rows.ts';
import { tableOf } from './tables.ts';

/** One evaluation as it was recorded. */
export interface RecordedEvaluation {
  readonly id: string;
  readonly round: number;
  readonly phase: Phase;
  readonly at: string;
  readonly policy_digest: string;
  readonly facts_digest: string;
  /** The change of the directory that people were evaluated by. */
  readonly directory_generation: string;
  readonly outcome: RecordedOutcome;
}

type KeptEvaluation = Omit<RecordedEvaluation, 'id'> & { readonly request: string };

const EVALUATIONS = tableOf<KeptEvaluation>('evaluation', {
  json: 'outcome',
  other: 'request round phase at policy_digest facts_digest directory_generation',
});
const FACT_SETS = tableOf<{ digest: string; body: StoredFacts }>('fact_set', {
  json: 'body',
  other: 'digest',
});

/** The statements that keep an evaluation with the facts that it was made on. */
export function insertionOfEvaluation({
  facts: body,
  ...evaluation
}: KeptEvaluation & { readonly facts: StoredFacts }): readonly RowStatement[] {
  return [
    insertionOnce(FACT_SETS, { digest: evaluation.facts_digest, body }),
    insertion(EVALUATIONS, evaluation),
  ];
}

/**
 * What comes of evaluating it once more. `missing`: the facts were erased, or the policy is not there, so nothing can be
 * said; `altered`: what is stored is not what its digest names; `other_engine`: it comes to something else, but another
 * engine than this one recorded it, so whether the record was right cannot be told here.
 */
export type Recomputation =
  | { readonly kind: 'agrees'; readonly evaluation: Evaluation }
  | { readonly kind: 'differs'; readonly fields: readonly string[]; readonly evaluation: Evaluation }
  | {
      readonly kind: 'other_engine';
      readonly engine: JsonValue;
      readonly fields: readonly string[];
      readonly evaluation: Evaluation;
    }
  | { readonly kind: 'missing'; readonly what: 'facts' | 'policy' }
  | { readonly kind: 'altered'; readonly what: 'facts' | 'policy' | 'directory' };

/** A recorded evaluation with what it comes to today. */
export interface ExplainedEvaluation {
  readonly recorded: RecordedEvaluation;
  readonly recomputed: Recomputation;
  /** What that policy required of all reviewers, or null: it is part of what each rule required. */
  readonly reviewers: ReviewerCondition | null;
}

interface EvaluationRow extends Omit<RecordedEvaluation, 'at'> {
  readonly at: Date;
  /** Null when they were erased. */
  readonly facts: StoredFacts | null;
  readonly policy: PolicySet | null;
}

/**
 * Every evaluation of a request, in the order of recording, each evaluated again from the policy and the facts that its
 * digests name. Both are held against their digests first, and so is the directory of that time: nothing is guessed, and
 * nothing that was altered is used.
 */
export async function explainRequest(
  manager: EntityManager,
  request: string,
): Promise<readonly ExplainedEvaluation[]> {
  const recordedRows = await rows<EvaluationRow>(
    manager,
    `select evaluation.id, round, phase, at, policy_digest, facts_digest, directory_generation, outcome,
            fact_set.body as facts, policy_set.body as policy
     from keyturn.evaluation
       left join keyturn.fact_set on fact_set.digest = facts_digest
       left join keyturn.policy_set on policy_set.digest = policy_digest
     where request = $1 order by evaluation.id`,
    [request],
  );
  const directories = new DirectoryReader();
  const explained: ExplainedEvaluation[] = [];
  for (const row of recordedRows) {
    const { facts: _facts, policy, ...recorded } = row;
    const { directory } = await directories.ofGeneration(manager, row.directory_generation, row.at);
    const recomputed = recompute(row, directoryDigest(directory));
    const reviewers = recomputed.kind === 'agrees' ? (policy?.reviewers ?? null) : null;
    explained.push({ recorded: { ...recorded, at: row.at.toISOString() }, recomputed, reviewers });
  }
  return explained;
}

/** The last evaluation of a request with the facts that it was made on, as they are stored; undefined for none. */
export async function lastEvaluation(
  manager: EntityManager,
  request: string,
): Promise<Omit<EvaluationRow, 'policy'> | undefined> {
  return firstRow(
    manager,
    `select evaluation.id, round, phase, at, policy_digest, facts_digest, directory_generation, outcome,
            fact_set.body as facts
     from keyturn.evaluation left join keyturn.fact_set on fact_set.digest = facts_digest
     where request = $1 order by evaluation.id desc limit 1`,
    [request],
  );
}

function recompute(row: EvaluationRow, directory: Digest): Recomputation {
  const { policy } = row;
  if (policy === null) return { kind: 'missing', what: 'policy' };
  if (row.facts === null) return { kind: 'missing', what: 'facts' };
  if (!isNamedBy(row.policy_digest, policy)) return { kind: 'altered', what: 'policy' };
  if (!isNamedBy(row.facts_digest, row.facts)) return { kind: 'altered', what: 'facts' };
  if (row.outcome['directory_digest'] !== directory) return { kind: 'altered', what: 'directory' };
  const facts = recalledFacts(policy, row.facts);
  // The set is the one that was used, so it has the target: else the two were never evaluated together.
  if (facts === null) return { kind: 'altered', what: 'facts' };
  const evaluation = evaluate(policy, facts, row.phase);
  const fields = differencesOf(row.outcome, evaluation);
  if (fields.length === 0) return { kind: 'agrees', evaluation };
  if (!isOtherEngine(row.outcome)) return { kind: 'differs', fields, evaluation };
  return { kind: 'other_engine', engine: recordedEngine(row.outcome), fields, evaluation };
}
