import type { PolicySet } from '../../domain/policy/policy.ts';
import { GRADE_GIVEN, isGradeSufficient, type EvidenceGrade } from '../../domain/request/requirement.ts';
import { RISK_TIERS } from '../../domain/policy/risk.ts';
import { inRule, inSettings, type PolicyWarning, type WarningLocation } from './warning.ts';

/** Requirements of stronger evidence than any decision has: nobody could approve such requests, publications included. */
export function gradeWarnings({ defaults, risk, rules }: PolicySet): readonly PolicyWarning[] {
  const tiers = RISK_TIERS.flatMap((tier) =>
    warningOf(risk.demands[tier]?.minimum_grade, inSettings('risk', 'demands', tier)),
  );
  // Most rules take theirs from the default: one finding is enough.
  const own = rules
    .filter(({ require }) => require?.minimum_grade !== defaults.require.minimum_grade)
    .flatMap((rule) => warningOf(rule.require?.minimum_grade, inRule(rule, 'require')));
  return [...warningOf(defaults.require.minimum_grade, inSettings('defaults', 'require')), ...tiers, ...own];
}

function warningOf(minimum: EvidenceGrade | undefined, location: WarningLocation): readonly PolicyWarning[] {
  if (minimum === undefined || isGradeSufficient(GRADE_GIVEN, minimum)) return [];
  const message = `asks for evidence of grade ${minimum}, and every decision is of grade ${GRADE_GIVEN} today`;
  const path = [...location.path, 'minimum_grade'];
  return [{ ...location, path, code: 'grade_not_given', message, is_final: true }];
}
