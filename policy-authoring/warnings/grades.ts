import type { PolicySet } from '../../domain/policy/policy.ts';
import { GRADE_GIVEN, isGradeSufficient, type EvidenceGrade } from '../../domain/request/requirement.ts';
import { RISK_TIERS } from '../../domain/policy/risk.ts';
import type { PolicyWarning } from './warning.ts';

type Location = Pick<PolicyWarning, 'rule' | 'source' | 'path'>;

/** Requirements of stronger evidence than any decision has: nobody could approve such requests, publications included. */
export function gradeWarnings({ defaults, risk, rules }: PolicySet): readonly PolicyWarning[] {
  const file = (...path: readonly string[]): Location => ({ rule: null, source: 'keyturn.yaml', path });
  const tiers = RISK_TIERS.flatMap((tier) =>
    warningOf(risk.demands[tier]?.minimum_grade, file('risk', 'demands', tier)),
  );
  // Most rules take theirs from the default: one finding is enough.
  const own = rules
    .filter(({ require }) => require?.minimum_grade !== defaults.require.minimum_grade)
    .flatMap(({ id, source, require }) =>
      warningOf(require?.minimum_grade, { rule: id, source, path: ['require'] }),
    );
  return [...warningOf(defaults.require.minimum_grade, file('defaults', 'require')), ...tiers, ...own];
}

function warningOf(minimum: EvidenceGrade | undefined, location: Location): readonly PolicyWarning[] {
  if (minimum === undefined || isGradeSufficient(GRADE_GIVEN, minimum)) return [];
  const message = `asks for evidence of grade ${minimum}, and every decision is of grade ${GRADE_GIVEN} today`;
  return [
    {
      ...location,
      path: [...location.path, 'minimum_grade'],
      code: 'grade_not_given',
      message,
      is_final: true,
    },
  ];
}
