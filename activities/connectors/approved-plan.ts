import { canonicalJson } from '../../domain/crypto/canonical-json.ts';
import type { Plan } from '../../domain/request/plan.ts';

/** What a plan states of a call, as far as it can be found again when the call is executed. */
export type Stated = Pick<Plan, 'operation' | 'summary' | 'effects' | 'warnings' | 'risk_facts'> &
  Partial<Pick<Plan, 'connector' | 'files' | 'reversal'>>;

const COMPARED = ['connector', 'operation', 'summary', 'effects', 'files', 'reversal'] as const;

/**
 * Null when an approved plan states what is found now. A fingerprint alone binds neither the facts that policy decided by
 * nor what people were shown. The plan may warn of more, and call less previewed, than is found.
 */
export function misstatement(approved: Plan, found: Stated): string | null {
  const differing = [
    ...COMPARED.filter((part) => found[part] !== undefined && !isSame(approved[part], found[part])),
    ...(isSame(approved.risk_facts, cautious(approved, found)) ? [] : ['risk_facts']),
    ...(found.warnings.every((warning) => approved.warnings.includes(warning)) ? [] : ['warnings']),
  ];
  return differing.length === 0
    ? null
    : `The approved plan states something else than is found: ${differing.join(', ')}.`;
}

function cautious(approved: Plan, { risk_facts: facts }: Stated): Plan['risk_facts'] {
  return {
    ...facts,
    is_fully_previewed: facts.is_fully_previewed && approved.risk_facts.is_fully_previewed,
  };
}

function isSame(left: unknown, right: unknown): boolean {
  return canonicalJson(left) === canonicalJson(right);
}
