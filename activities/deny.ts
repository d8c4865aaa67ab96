import type { JsonValue } from '../domain/crypto/canonical-json.ts';
import type { Evaluation } from '../domain/policy/evaluation.ts';
import type { CodeWithoutData } from '../domain/policy/visibility.ts';
import type { RequestRow } from '../database/tables.ts';
import { UNDECIDED } from '../domain/request/request.ts';
import { SYSTEM_ACTOR } from './actors.ts';
import type { StepTransaction } from './record.ts';

/** An evaluation with what names it in the audit log. */
export interface Ground {
  readonly evaluation: Evaluation;
  readonly policyDigest: string;
  readonly factsDigest: string;
}

/** Ends a request that policy does not let through. */
export async function denyByPolicy(
  transaction: StepTransaction,
  code: CodeWithoutData,
  ground: Ground,
): Promise<void> {
  const { place, row } = transaction;
  const { rules } = ground.evaluation;
  const detail = rules.map(({ id, because }) => (because === null ? id : `${because} (${id})`)).join('; ');
  await transaction.move(
    {
      status: 'denied',
      denied_by: 'policy',
      failure: { code, detail },
      open_selectors: [],
      matched_rules: shownRules(ground.evaluation),
    },
    UNDECIDED,
  );
  await transaction.append({
    type: 'request.denied',
    at: place.at,
    actor: SYSTEM_ACTOR,
    intent_digest: row.intent_digest,
    decision_digest: null,
    policy_digest: ground.policyDigest,
    facts: { by: 'policy', code, round: row.round, ...groundFacts(ground) },
    evidence: null,
    parts: { detail },
  });
}

/** Which rules acted, on which facts: with the policy of the entry, enough to evaluate once more. */
export function groundFacts({ evaluation, factsDigest }: Ground): Record<string, JsonValue> {
  return {
    matched_rules: evaluation.rules.map((rule) => rule.id),
    facts_digest: factsDigest,
    ...(evaluation.is_degraded ? { is_degraded: true } : {}),
    ...(evaluation.is_break_glass ? { is_break_glass: true } : {}),
  };
}

/** Without what conditions read: that stays with the evaluation, where only operators look. */
export function shownRules({ rules }: Evaluation): RequestRow['matched_rules'] {
  return rules.map(({ id, source, because }) => ({ id, source, because }));
}
