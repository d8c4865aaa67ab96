import { ownersOf } from '../../domain/approval/owners.ts';
import { shortagesOf } from '../../domain/approval/satisfiable.ts';
import { canonicalJson } from '../../domain/crypto/canonical-json.ts';
import type { Requirement } from '../../domain/request/requirement.ts';
import type { RequestRow } from '../../database/tables.ts';
import { decisionDirectories } from '../../database/decision-directories.ts';
import type { Dependencies } from '../dependencies.ts';
import type { StepTransaction } from '../step.ts';
import type { EvaluatedPlan } from './evaluate-plan.ts';

/** Shown to the requester and to operators at once: a request that nobody can approve would only expire. Logged when new. */
export async function shortageOf(
  dependencies: Dependencies,
  { manager, row }: StepTransaction,
  {
    evaluated: { active, directories: known },
    requirement,
  }: { readonly evaluated: EvaluatedPlan; readonly requirement: Requirement },
): Promise<RequestRow['shortage']> {
  const today = { policy: active.policy, directory: known.now };
  const directories = await decisionDirectories(dependencies, manager, {
    row,
    today,
    atCreation: known.at_creation,
  });
  const owners = ownersOf(active.policy, row);
  const shortages = shortagesOf({ requirement, lineage: row.lineage, owners, directories });
  if (shortages.length === 0) return null;
  if (row.shortage !== null && canonicalJson(shortages) === canonicalJson(row.shortage)) return row.shortage;
  const isKnown = shortages.some((shortage) => shortage.unknown === undefined);
  const warning = isKnown
    ? 'too few people can approve this request'
    : 'too few people are known who can approve this request: others may be in its groups or on call';
  dependencies.log.warn({ request: row.id, shortages }, warning);
  return shortages;
}
