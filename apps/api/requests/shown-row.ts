import type { MatchedRule, RequestRow } from '../../../database/tables.ts';
import type { SignedRequest } from '../../../domain/crypto/envelope.ts';
import type { Rule } from '../../../domain/policy/policy.ts';

/** A rule that acted. What it does and matches comes from the policy that was evaluated, never from the row. */
export type ShownRule = MatchedRule & Partial<Pick<Rule, 'effect' | 'on' | 'when'>>;

/** A row with the signed fields that people read. */
export interface ShownRow extends RequestRow {
  readonly matched_rules: readonly ShownRule[] | null;
  /** When the approved action may start. Absent: at once. */
  readonly start?: NonNullable<SignedRequest['start']>;
}
