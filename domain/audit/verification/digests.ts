import { counted } from '../../cards/counted.ts';
import { z } from 'zod';

import type { Leaf } from '../leaf.ts';
import type { JsonValue } from '../../crypto/canonical-json.ts';
import { decisionDigestOf } from '../../request/digests.ts';
import { requiresNobody, type Requirement } from '../../request/requirement.ts';
import { RISK_TIERS } from '../../policy/risk.ts';
import { planOf } from './course.ts';
import { receivedRequestOf } from './envelopes.ts';
import { nameOf } from './evidence.ts';
import type { Finding, Subject } from './finding.ts';

const planSchema = z.object({
  fingerprint: z.string(),
  effects: z.array(z.custom<JsonValue>()),
  salt: z.string(),
  target_digest: z.string(),
  plan_digest: z.string(),
});

/**
 * The digest that people signed, or that an allowed request was executed by, is that of the request, plan and
 * requirement on record. Without this, a requirement could be rewritten afterwards until the signatures there are would
 * do, or an allow be written for another plan.
 */
export function digestsFollow(subject: Subject): Finding {
  const { pendings, stream } = subject.material;
  const reviewed = pendings.map(({ leaf, requirement }) => ({ leaf, requirements: [requirement] }));
  const allowed = stream
    .filter((leaf) => leaf.type === 'request.allowed')
    .map((leaf) => ({ leaf, requirements: NOBODY }));
  const rounds = [...reviewed, ...allowed];
  return {
    problems: rounds.flatMap((round) => {
      const fault = faultOf(subject, round);
      return fault === null ? [] : [`${nameOf(round.leaf)}: ${fault}`];
    }),
    checked: `${counted(rounds.length, 'decision digest')} recomputed`,
  };
}

/** What allows demand: nobody, at one of the tiers of risk. */
const NOBODY: readonly Requirement[] = RISK_TIERS.map(requiresNobody);

interface Round {
  readonly leaf: Leaf;
  /** One of them is what the digest covers. */
  readonly requirements: readonly Requirement[];
}

function faultOf(subject: Subject, { leaf, requirements }: Round): string | null {
  const request = receivedRequestOf(subject);
  const plan = planSchema.safeParse(planOf(subject.material, leaf)?.facts);
  if (!request || !plan.success)
    return 'its decision digest cannot be recomputed: the signed request or the effects of its plan are missing';
  const { id, intent_digest, lineage, start } = request;
  const isOver = (requirement: Requirement): boolean => {
    const covered = { request: id, intent_digest, lineage, requirement, plan: plan.data, start };
    return decisionDigestOf(covered) === leaf.decision_digest;
  };
  return requirements.some(isOver)
    ? null
    : 'its decision digest is not that of the request, plan and requirement on record';
}
