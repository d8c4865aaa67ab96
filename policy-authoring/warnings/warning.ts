import type { Rule } from '../../domain/policy/policy.ts';

/** What a warning is about: a stable code, for tools. */
export type PolicyWarningCode =
  | 'rule_shadowed'
  | 'bucket_large'
  | 'seats_unfilled'
  | 'condition_constant'
  | 'own_team_only'
  | 'division_by_zero'
  | 'absence_skips'
  | 'declared_only'
  | 'history_races'
  | 'name_unknown'
  | 'people_short'
  | 'publication_forbidden';

/** Something in a policy that loads but is hardly what its author meant. It never stops a policy. */
export interface PolicyWarning {
  readonly code: PolicyWarningCode;
  /** Id of the rule that it is about; null for `keyturn.yaml`. */
  readonly rule: string | null;
  /** `rules/sql.yaml:12`, where the rule begins; `keyturn.yaml` without a rule. */
  readonly source: string;
  /** The keys and indexes that lead to the exact location, from the rule or from the top of `keyturn.yaml`. */
  readonly path: readonly (string | number)[];
  readonly message: string;
  /** What it warns of can never be fixed while a request waits. */
  readonly is_final?: true;
}

/** What a warning is about, and where. */
export type WarningLocation = Pick<PolicyWarning, 'rule' | 'source' | 'path'>;

/** A location in `keyturn.yaml`. */
export function inSettings(...path: PolicyWarning['path']): WarningLocation {
  return { rule: null, source: 'keyturn.yaml', path };
}

/** A location in a rule. */
export function inRule(
  { id, source }: Pick<Rule, 'id' | 'source'>,
  ...path: PolicyWarning['path']
): WarningLocation {
  return { rule: id, source, path };
}
