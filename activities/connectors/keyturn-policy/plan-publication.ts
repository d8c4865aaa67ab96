import { counted } from '../../../domain/cards/counted.ts';
import { digestOf } from '../../../domain/crypto/digest.ts';
import type { Plan } from '../../../domain/request/plan.ts';
import { PUBLISH } from '../../../domain/policy/policy.ts';
import {
  classifyChange,
  needsTwoPeople,
  type Classification,
  type PolicyChange,
} from '../../../domain/policy-diff/diff.ts';
import type { PolicyPair } from '../../../policy-files/backtest-work.ts';
import { effectsOf } from './describe.ts';

/** Which policy is to follow on which, by digest. */
export interface Publication {
  readonly candidate: string;
  readonly base: string;
}

/** What is approved: this policy in place of that one. Traffic does not change it. */
export function fingerprintOf({ base, candidate }: Publication): string {
  return digestOf({ base, candidate });
}

/** What publishing would do. `found` is what checks and a backtest found out, line by line: it informs, and decides nothing. */
export function planPublication(
  publication: Publication,
  { base, candidate, files }: PolicyPair & Required<Pick<Plan, 'files'>>,
  found: readonly string[],
): Plan {
  const change = classifyChange(base, candidate);
  const isLoosening = needsTwoPeople({ base, candidate }, change.kind);
  const effects = effectsOf(base, candidate);
  const counts = effects.map(({ inserted, updated, deleted }) => inserted + updated + deleted);
  return {
    connector: PUBLISH.connector ?? '',
    summary: `publish a policy that is ${WORDS[change.kind]} (${counted(change.changes.length, 'change')})`,
    operation: operationOf(publication, change),
    effects,
    files,
    warnings: [...(isLoosening ? [LOOSENING] : []), ...found],
    risk_facts: {
      rows_changed: counts.reduce((sum, count) => sum + count, 0),
      resources_changed: effects.length,
      is_destructive: effects.some(({ deleted }) => deleted > 0),
      is_fully_previewed: true,
      is_reversible: true,
      is_loosening: isLoosening,
    },
    reversal: {
      is_possible: true,
      how: `publish the earlier policy again (${publication.base}): what ran in between stays done`,
    },
    fingerprint: fingerprintOf(publication),
    locks_held_ms: 0,
  };
}

const WORDS: Readonly<Record<Classification['kind'], string>> = {
  neutral: 'the same in effect',
  tightening: 'only stricter',
  loosening: 'not only stricter',
};

const LOOSENING =
  'This can let through what is held back today, or decides how policy changes (loosening): two different people have to agree.';

const SIGNS: Readonly<Record<PolicyChange['how'], string>> = { added: '+', removed: '-', edited: '~' };

function operationOf({ base, candidate }: Publication, { kind, changes }: Classification): string {
  const lines = changes.map((change) => {
    const named = change.name === null ? change.what : `${change.what} ${change.name}`;
    const source = change.source === null ? '' : ` (${change.source})`;
    const because = change.because === undefined ? '' : `, ${change.because}`;
    return `${SIGNS[change.how]} ${named}${source}: ${change.kind}${because}`;
  });
  return [`publish ${candidate}`, `in place of ${base}: ${kind}`, ...lines].join('\n');
}
