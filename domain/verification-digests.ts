import { z } from 'zod';

import type { Leaf } from './audit.ts';
import type { JsonValue } from './canonical-json.ts';
import { decisionDigestOf } from './digest.ts';
import type { Requirement } from './requirement.ts';
import { RISK_TIERS } from './risk.ts';
import { planOf } from './verification-course.ts';
import { signedRequestOf } from './verification-envelopes.ts';
import { nameOf } from './verification-evidence.ts';
import type { Finding, Subject } from './verification-finding.ts';

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
  const asked = pendings.map(({ leaf, requirement }) => ({ leaf, requirements: [requirement] }));
  const allowed = stream
    .filter((leaf) => leaf.type === 'request.allowed')
    .map((leaf) => ({ leaf, requirements: NOBODY }));
  const rounds = [...asked, ...allowed];
  const problems = rounds.flatMap((round) => {
    const problem = problemOf(subject, round);
    return problem === null ? [] : [`${nameOf(round.leaf)}: ${problem}`];
  });
  return { problems, checked: `${rounds.length} decision digests recomputed` };
}

/** What allows demand: nobody, at one of the tiers of risk. */
const NOBODY: readonly Requirement[] = RISK_TIERS.map((risk) => ({ risk, distinct_people: 0, rules: [] }));

interface Round {
  readonly leaf: Leaf;
  /** One of them is what the digest covers. */
  readonly requirements: readonly Requirement[];
}

function problemOf({ material, envelopes }: Subject, { leaf, requirements }: Round): string | null {
  const received = material.stream.find(({ type }) => type === 'request.received');
  const request = received && signedRequestOf(envelopes, received);
  const plan = planSchema.safeParse(planOf(material, leaf)?.facts);
  if (!request || !plan.success)
    return 'its decision digest cannot be recomputed: the signed request or the effects of its plan are missing';
  const { id, intent_digest, lineage } = request;
  const isSame = requirements.some((requirement) => {
    const subject = { request: id, intent_digest, plan: plan.data, lineage, requirement };
    return decisionDigestOf(subject) === leaf.decision_digest;
  });
  return isSame ? null : 'its decision digest is not that of the request, plan and requirement on record';
}
