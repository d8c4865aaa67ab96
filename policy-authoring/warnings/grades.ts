import type { PolicySet } from '../../domain/policy/policy.ts';
import { GRADE_GIVEN, isGradeSufficient, type EvidenceGrade } from '../../domain/request/requirement.ts';
import { RISK_TIERS } from '../../domain/policy/risk.ts';
import type { PolicyWarning } from './warning.ts';

type Place = Pick<PolicyWarning, 'rule' | 'source' | 'path'>;

/** Requirements of stronger evidence than any decision has: nobody could approve what they are about, other policies included. */
export function gradeWarnings({ defaults, risk, rules }: PolicySet): readonly PolicyWarning[] {
  const file = (...path: readonly string[]): Place => ({ rule: null, source: 'keyturn.yaml', path });
  const tiers = RISK_TIERS.flatMap((tier) =>
    warningOf(risk.demands[tier]?.minimum_grade, file('risk', 'demands', tier)),
  );
  // Most rules have theirs from the default: then one finding says it.
  const own = rules
    .filter(({ require }) => require?.minimum_grade !== defaults.require.minimum_grade)
    .flatMap(({ id, source, require }) =>
      warningOf(require?.minimum_grade, { rule: id, source, path: ['require'] }),
    );
  return [...warningOf(defaults.require.minimum_grade, file('defaults', 'require')), ...tiers, ...own];
}

function warningOf(minimum: EvidenceGrade | undefined, place: Place): readonly PolicyWarning[] {
  if (minimum === undefined || isGradeSufficient(GRADE_GIVEN, minimum)) return [];
  const message = `asks for evidence of grade ${minimum}, and every decision is of grade ${GRADE_GIVEN} today`;
  return [
    { ...place, path: [...place.path, 'minimum_grade'], code: 'grade_not_given', message, is_final: true },
  ];
}
